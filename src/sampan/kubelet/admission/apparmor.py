"""Pods that ask for an AppArmor profile cannot run where the kernel has none. Pure."""

from sampan.api.json import Obj
from sampan.kubelet.podspec import every_container, spec, status

REFUSED = ("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
NOTE = "container.apparmor.security.beta.kubernetes.io/"


def wants_profile(pod: Obj) -> bool:
    """Whether any container is to be confined, by its own field, the pod's, or the old annotation."""
    whole = (spec(pod).get("securityContext") or {}).get("appArmorProfile")
    notes = pod["metadata"].get("annotations") or {}
    for container in every_container(pod):
        profile = (container.get("securityContext") or {}).get("appArmorProfile") or whole
        if profile is not None and profile.get("type") != "Unconfined":
            return True
        if profile is None and notes.get(NOTE + container["name"], "unconfined") != "unconfined":
            return True
    return False


def without_apparmor(pod: Obj) -> tuple[str, str] | None:
    """The refusal of a pod that has not begun yet, on a node without AppArmor."""
    begun = (status(pod).get("phase") or "Pending") != "Pending"
    return REFUSED if not begun and wants_profile(pod) else None
