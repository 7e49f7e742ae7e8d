"""The admissionregistration.k8s.io group: webhooks and admission policies."""

from functools import partial

from sampan.resources.row import FIRST, RESET_META, STATUS, Row

_row = partial(
    Row,
    group="admissionregistration.k8s.io",
    version="v1",
    namespaced=False,
    categories=("api-extensions",),
    generation_since=FIRST,
    unconditional_update=False,
)

ROWS = (
    _row(kind="MutatingAdmissionPolicy", plural="mutatingadmissionpolicies", since=36, before="v1beta1"),
    _row(kind="MutatingAdmissionPolicyBinding", plural="mutatingadmissionpolicybindings", since=36, before="v1beta1"),
    _row(kind="MutatingWebhookConfiguration", plural="mutatingwebhookconfigurations"),
    _row(
        kind="ValidatingAdmissionPolicy",
        plural="validatingadmissionpolicies",
        since=30,
        subresources=(STATUS,),
        status_keeps=RESET_META,
    ),
    _row(kind="ValidatingAdmissionPolicyBinding", plural="validatingadmissionpolicybindings", since=30),
    _row(kind="ValidatingWebhookConfiguration", plural="validatingwebhookconfigurations"),
)
