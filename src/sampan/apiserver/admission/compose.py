"""How admission is put together, for every server alike."""

from sampan.apiserver.admission.escalation import NoEscalation
from sampan.apiserver.admission.outsiders import Means, Outsiders
from sampan.apiserver.admission.quota import ResourceQuota
from sampan.apiserver.admission.review import Admission
from sampan.apiserver.admission.signer_rights import SignerRights
from sampan.apiserver.authorizer import Authorizer


def compose(plugins: Admission, means: Means, authorizer: Authorizer) -> tuple[Admission, Outsiders]:
    """The whole admission around the plugins, and the part of it that is to be started with the server."""
    outsiders = Outsiders(SignerRights(plugins, authorizer), means)
    return ResourceQuota(NoEscalation(outsiders, authorizer), means.objects), outsiders
