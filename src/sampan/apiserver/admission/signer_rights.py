"""Who may decide, sign and attest for a signer: CertificateApproval, CertificateSigning, ClusterTrustBundleAttest."""

from sampan.api.json import Obj
from sampan.apiserver.admission.escalation import only_collected
from sampan.apiserver.admission.plugin import refuse
from sampan.apiserver.admission.review import Admission, Review
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.rbac import Attributes

GROUP = "certificates.k8s.io"
REQUESTS, BUNDLES = "certificatesigningrequests", "clustertrustbundles"


class SignerRights:
    """An Admission that asks an inner one first, then whether the user may use the verb on the signer."""

    def __init__(self, inner: Admission, authorizer: Authorizer) -> None:
        self._inner, self._authorizer = inner, authorizer

    async def mutate(self, review: Review) -> Obj:
        """As the inner admission does."""
        return await self._inner.mutate(review)

    async def validate(self, review: Review) -> None:
        """As the inner admission does; then raises 403 for who has no right on the signer."""
        await self._inner.validate(review)
        if review.resource.mapping.group != GROUP:
            return
        asked = _asked(review)
        if asked is not None:
            verb, what, signer = asked
            if not await self._may(review, verb, signer):
                raise refuse(review, f'user not permitted to {verb} {what} "{signer}"')

    async def _may(self, review: Review, verb: str, signer: str) -> bool:
        """On the signer itself, or on all signers of its domain."""
        for name in (signer, f"{signer.split('/')[0]}/*"):
            if await self._authorizer.allows(review.user, Attributes(verb, GROUP, "signers", "", "", name)):
                return True
        return False


def _asked(review: Review) -> tuple[str, str, str] | None:
    """The verb, words about it and the signer, if the write needs a right."""
    plural, old = review.resource.mapping.plural, review.old
    if plural == REQUESTS and review.operation == "UPDATE" and old is not None:
        signer = (old.get("spec") or {}).get("signerName") or ""
        if review.subresource == "approval":
            return "approve", "requests with signerName", signer
        if review.subresource == "status" and _decides(review.obj or {}, old):
            return "sign", "requests with signerName", signer
    if plural == BUNDLES and review.operation in ("CREATE", "UPDATE"):
        obj = review.obj or {}
        signer = (obj.get("spec") or {}).get("signerName") or ""
        if signer and not (old is not None and only_collected(obj, old)):
            return "attest", "for signerName", signer
    return None


def _decides(new: Obj, old: Obj) -> bool:
    """Whether the certificate or the conditions change."""
    mine, theirs = new.get("status") or {}, old.get("status") or {}
    return any((mine.get(key) or None) != (theirs.get(key) or None) for key in ("certificate", "conditions"))
