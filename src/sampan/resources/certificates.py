"""The certificates.k8s.io group: signing requests and trust bundles."""

from functools import partial

from sampan.api.resource import Subresource
from sampan.resources.row import READ_WRITE, RESET_META, STATUS, Row, at

_row = partial(Row, group="certificates.k8s.io", version="v1")
_SIGNER = at("spec", "signerName")

ROWS = (
    _row(
        kind="CertificateSigningRequest",
        plural="certificatesigningrequests",
        namespaced=False,
        short=("csr",),
        subresources=(Subresource("approval", None, READ_WRITE), STATUS),
        selectable={"spec.signerName": _SIGNER},
    ),
    _row(
        kind="ClusterTrustBundle",
        plural="clustertrustbundles",
        namespaced=False,
        since=37,
        before="v1beta1",
        unconditional_update=False,
        selectable={"spec.signerName": _SIGNER},
    ),
    _row(
        kind="PodCertificateRequest",
        plural="podcertificaterequests",
        since=37,
        before="v1beta1",
        subresources=(STATUS,),
        unconditional_update=False,
        selectable={
            "spec.signerName": _SIGNER,
            "spec.podName": at("spec", "podName"),
            "spec.nodeName": at("spec", "nodeName"),
        },
        status_keeps=RESET_META,
    ),
)
