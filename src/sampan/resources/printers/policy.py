"""Printers of the groups that say who may do what: RBAC, admission, certificates, flow control, API services."""

from typing import Any

from sampan.api.json import Obj
from sampan.resources.printers.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Cells,
    Printer,
    age,
    col,
    condition,
    human_duration,
    labels_text,
    name,
    part,
    text,
)


def _binding(obj: Obj, now: str) -> Cells:
    role, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()
    named = {kind: [one.get("name", "") for one in subjects if one.get("kind") == kind] for kind in ("User", "Group")}
    accounts = [
        f"{one['namespace']}/{one.get('name', '')}" if one.get("namespace") else one.get("name", "")
        for one in subjects
        if one.get("kind") == "ServiceAccount"
    ]
    return [
        name(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj, now),
        ", ".join(named["User"]),
        ", ".join(named["Group"]),
        ", ".join(accounts),
    ]


def _webhooks(obj: Obj, now: str) -> Cells:
    return [name(obj), len(obj.get("webhooks") or ()), age(obj, now)]


def _param_kind(obj: Obj) -> str:
    kind = part(obj, "spec", "paramKind")
    return UNSET if kind is None else f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"


def _validating(obj: Obj, now: str) -> Cells:
    return [name(obj), len(part(obj, "spec", "validations") or ()), _param_kind(obj), age(obj, now)]


def _mutating(obj: Obj, now: str) -> Cells:
    return [name(obj), len(part(obj, "spec", "mutations") or ()), _param_kind(obj), age(obj, now)]


def _policy_binding(obj: Obj, now: str) -> Cells:
    param: Any = part(obj, "spec", "paramRef") or {}
    shown = UNSET
    if param.get("name"):
        shown = f"{param.get('namespace') or '*'}/{param['name']}"
    elif param.get("selector") is not None:
        shown = _selector_struct(param["selector"])
    return [name(obj), text(part(obj, "spec", "policyName")), shown, age(obj, now)]


def _selector_struct(selector: dict[str, Any]) -> str:
    """As gogo/protobuf prints a LabelSelector."""
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        "LabelSelectorRequirement{"
        f"Key:{one.get('key', '')},Operator:{one.get('operator', '')},Values:[{' '.join(one.get('values') or ())}],"
        "},"
        for one in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _signing_request(obj: Obj, now: str) -> Cells:
    spec, conditions = obj.get("spec") or {}, part(obj, "status", "conditions")
    word = next((kind for kind in ("Denied", "Approved") if condition(conditions, kind) is not None), "Pending")
    word += ",Failed" if condition(conditions, "Failed") is not None else ""
    word += ",Issued" if part(obj, "status", "certificate") else ""
    wanted = spec.get("expirationSeconds")
    return [
        name(obj),
        age(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username", ""),
        NONE if wanted is None else human_duration(wanted),
        word,
    ]


def _trust_bundle(obj: Obj, now: str) -> Cells:
    return [name(obj), part(obj, "spec", "signerName") or NONE]


def _pod_certificate(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    states = [one.get("type") for one in part(obj, "status", "conditions") or ()]
    state = next((kind for kind in reversed(states) if kind in ("Issued", "Denied", "Failed")), "Pending")
    fields = ("podName", "serviceAccountName", "nodeName", "signerName")
    return [
        name(obj),
        *(spec.get(field, "") for field in fields),
        state,
        labels_text(spec.get("unverifiedUserAnnotations")),
    ]


def _flow_schema(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    dangling = condition(part(obj, "status", "conditions"), "Dangling")
    return [
        name(obj),
        text(part(spec, "priorityLevelConfiguration", "name")),
        spec.get("matchingPrecedence", 0),
        part(spec, "distinguisherMethod", "type") or NONE,
        age(obj, now),
        "?" if dangling is None else dangling.get("status", ""),
    ]


def _level(obj: Obj, now: str) -> Cells:
    limited = part(obj, "spec", "limited")
    shares: Any = NONE
    queuing: Any = None
    if limited is not None:
        shares = limited.get("nominalConcurrencyShares", limited.get("assuredConcurrencyShares", 0))
        queuing = part(limited, "limitResponse", "queuing")
    fields = ("queues", "handSize", "queueLengthLimit")
    queue: list[object] = [NONE if queuing is None else queuing.get(field, 0) for field in fields]
    return [name(obj), text(part(obj, "spec", "type")), shares, *queue, age(obj, now)]


def _api_service(obj: Obj, now: str) -> Cells:
    service = part(obj, "spec", "service")
    available = condition(part(obj, "status", "conditions"), "Available")
    word = "Unknown"
    if available is not None:
        word = str(available.get("status", ""))
        if word != "True" and available.get("reason"):
            word = f"{word} ({available['reason']})"
    where = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    return [name(obj), where, word, age(obj, now)]


_REFERENCES = "If the RoleRef cannot be resolved, the Authorizer must return an error."


def _binding_columns(kind: str, role: str) -> Printer:
    users, groups, accounts = (f"{what} in the {kind}" for what in ("Users", "Groups", "ServiceAccounts"))
    return (
        (
            NAME,
            col("Role", f"{role} {_REFERENCES}"),
            AGE,
            col("Users", users, wide=True),
            col("Groups", groups, wide=True),
            col("ServiceAccounts", accounts, wide=True),
        ),
        _binding,
    )


_WEBHOOKS: Printer = (
    (
        NAME,
        col("Webhooks", "Webhooks indicates the number of webhooks registered in this configuration", "integer"),
        AGE,
    ),
    _webhooks,
)
_POLICY_BINDING: Printer = (
    (
        NAME,
        col("PolicyName", "PolicyName indicates the policy definition which the policy binding binded to"),
        col("ParamRef", "ParamRef indicates the param resource which sets the configuration param"),
        AGE,
    ),
    _policy_binding,
)
_PARAM_KIND = col("ParamKind", "ParamKind specifies the kind of resources used to parameterize this policy")
_ADMISSION = "admissionregistration.k8s.io"
_CERTIFICATES = "certificates.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_CSR = "=certificates.v1.CertificateSigningRequest"
_CSR_SIGNER = (  # of v1beta1, which upstream's printer still quotes
    "Requested signer for the request. It is a qualified name in the form: `scope-hostname.io/name`. If empty, it will "
    "be defaulted:\n 1. If it's a kubelet client certificate, it is assigned\n    "
    '"kubernetes.io/kube-apiserver-client-kubelet".\n 2. If it\'s a kubelet serving certificate, it is assigned\n    '
    '"kubernetes.io/kubelet-serving".\n 3. Otherwise, it is assigned "kubernetes.io/legacy-unknown".\n'
    "Distribution of trust for signers happens out of band. You can select on this field using `spec.signerName`."
)
_PCR = "=certificates.v1.PodCertificateRequestSpec"
_FLOW = "flowcontrol.apiserver.k8s.io"
PRINTERS: dict[tuple[str, str], Printer] = {
    (_RBAC, "RoleBinding"): _binding_columns(
        "roleBinding",
        "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace.",
    ),
    (_RBAC, "ClusterRoleBinding"): _binding_columns(
        "clusterRoleBinding", "RoleRef can only reference a ClusterRole in the global namespace."
    ),
    (_ADMISSION, "MutatingWebhookConfiguration"): _WEBHOOKS,
    (_ADMISSION, "ValidatingWebhookConfiguration"): _WEBHOOKS,
    (_ADMISSION, "ValidatingAdmissionPolicy"): (
        (
            NAME,
            col(
                "Validations",
                "Validations indicates the number of validation rules defined in this configuration",
                "integer",
            ),
            _PARAM_KIND,
            AGE,
        ),
        _validating,
    ),
    (_ADMISSION, "MutatingAdmissionPolicy"): (
        (
            NAME,
            col(
                "Mutations", "Mutation indicates the number of mutations rules defined in this configuration", "integer"
            ),
            _PARAM_KIND,
            AGE,
        ),
        _mutating,
    ),
    (_ADMISSION, "ValidatingAdmissionPolicyBinding"): _POLICY_BINDING,
    (_ADMISSION, "MutatingAdmissionPolicyBinding"): _POLICY_BINDING,
    (_CERTIFICATES, "CertificateSigningRequest"): (
        (
            NAME,
            AGE,
            col("SignerName", _CSR_SIGNER),
            col("Requestor", "Base64-encoded PKCS#10 CSR data"),
            col("RequestedDuration", f"{_CSR}Spec.expirationSeconds"),
            col("Condition", "Conditions applied to the request, such as approval or denial."),
        ),
        _signing_request,
    ),
    (_CERTIFICATES, "ClusterTrustBundle"): (
        (NAME, col("SignerName", "=certificates.v1.ClusterTrustBundleSpec.signerName")),
        _trust_bundle,
    ),
    (_CERTIFICATES, "PodCertificateRequest"): (
        (
            NAME,
            col("PodName", f"{_PCR}.podName"),
            col("ServiceAccountName", f"{_PCR}.serviceAccountName"),
            col("NodeName", f"{_PCR}.nodeName"),
            col("SignerName", f"{_PCR}.signerName"),
            col("State", "Is the request Pending, Issued, Denied, or Failed?"),
            col("UnverifiedUserAnnotations", f"{_PCR}.unverifiedUserAnnotations"),
        ),
        _pod_certificate,
    ),
    (_FLOW, "FlowSchema"): (
        (
            NAME,
            col("PriorityLevel", "=flowcontrol.v1.PriorityLevelConfigurationReference.name"),
            col("MatchingPrecedence", "=flowcontrol.v1.FlowSchemaSpec.matchingPrecedence"),
            col("DistinguisherMethod", "=flowcontrol.v1.FlowSchemaSpec.distinguisherMethod"),
            AGE,
            col("MissingPL", "references a broken or non-existent PriorityLevelConfiguration"),
        ),
        _flow_schema,
    ),
    (_FLOW, "PriorityLevelConfiguration"): (
        (
            NAME,
            col("Type", "=flowcontrol.v1.PriorityLevelConfigurationSpec.type"),
            col(
                "NominalConcurrencyShares",
                "=flowcontrol.v1.LimitedPriorityLevelConfiguration.nominalConcurrencyShares",
            ),
            col("Queues", "=flowcontrol.v1.QueuingConfiguration.queues"),
            col("HandSize", "=flowcontrol.v1.QueuingConfiguration.handSize"),
            col("QueueLengthLimit", "=flowcontrol.v1.QueuingConfiguration.queueLengthLimit"),
            AGE,
        ),
        _level,
    ),
    ("apiregistration.k8s.io", "APIService"): (
        (
            NAME,
            col("Service", "The reference to the service that hosts this API endpoint."),
            col("Available", "Whether this service is available."),
            AGE,
        ),
        _api_service,
    ),
}
