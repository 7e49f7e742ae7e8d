"""How admission is put together, for every server alike."""

from sampan.apiserver.admission.escalation import NoEscalation
from sampan.apiserver.admission.quota import ResourceQuota
from sampan.apiserver.admission.review import Admission
from sampan.apiserver.admission.signer_rights import SignerRights
from sampan.apiserver.admission.webhooks import Means, Webhooks
from sampan.apiserver.authorizer import Authorizer


def compose(plugins: Admission, means: Means, authorizer: Authorizer) -> tuple[Admission, Webhooks]:
    """The whole admission around the plugins, and the part of it that is to be started with the server."""
    webhooks = Webhooks(SignerRights(plugins, authorizer), means)
    return ResourceQuota(NoEscalation(webhooks, authorizer), means.objects), webhooks
