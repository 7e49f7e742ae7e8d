"""CertificateSubjectRestriction: nobody asks the cluster's signer for a client certificate of system:masters."""

from sampan.apiserver.admission.plugin import Base, Facts, is_kind, refuse
from sampan.apiserver.admission.review import Review

GROUP = "certificates.k8s.io"
SIGNER = "kubernetes.io/kube-apiserver-client"
MASTERS = "system:masters"


class CertificateSubjectRestriction(Base):
    """Upstream's plugin of the same name."""

    name = "CertificateSubjectRestriction"
    kinds = frozenset({(GROUP, "certificatesigningrequests")})
    mutates = False

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and is_kind(review, GROUP, "certificatesigningrequests")

    def validate(self, review: Review, facts: Facts) -> None:
        spec = (review.obj or {}).get("spec") or {}
        if spec.get("signerName") != SIGNER:
            return
        from sampan.apiserver.admission.plugins.signing_request import organizations

        try:
            groups = organizations(spec.get("request") or "")
        except ValueError as error:
            raise refuse(review, f"failed to parse CSR: {error}") from None
        if MASTERS in groups:
            raise refuse(review, f"use of {SIGNER} signer with {MASTERS} group is not allowed")
