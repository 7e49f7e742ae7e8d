"""How CSI volumes and their attachments are named: by controllers and node agents alike."""

from hashlib import sha256

PLUGIN = "kubernetes.io/csi"
MANAGED = "volumes.kubernetes.io/controller-managed-attach-detach"
"""Annotation of nodes whose agents leave attaching to the control plane."""


def attachment_name(handle: str, driver: str, node: str) -> str:
    """The name of a volume's VolumeAttachment for a node."""
    return "csi-" + sha256(f"{handle}{driver}{node}".encode()).hexdigest()


def unique_name(driver: str, handle: str) -> str:
    """How node.status.volumesAttached and volumesInUse name a volume."""
    return f"{PLUGIN}/{driver}^{handle}"


def parse_unique_name(name: str) -> tuple[str, str] | None:
    """Driver and handle of such a name; None for a volume that is not of a CSI driver."""
    head, found, handle = name.partition("^")
    plugin, _, driver = head.rpartition("/")
    return (driver, handle) if found and plugin == PLUGIN else None
