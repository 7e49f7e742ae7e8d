"""The class `standard`: local volumes, bound late, and the default."""

from sampan.api.errors import StatusError
from sampan.client.api import Api
from sampan.resources.kinds import STORAGECLASSES

STANDARD = {
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "sampan.dev/local-path",
    "reclaimPolicy": "Delete",
    "allowVolumeExpansion": True,
    "volumeBindingMode": "WaitForFirstConsumer",
}


async def default_storage_class(api: Api) -> None:
    """Make it, unless there is one of that name."""
    try:
        await api.create(STORAGECLASSES, STANDARD)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
