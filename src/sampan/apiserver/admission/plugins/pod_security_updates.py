"""Which updates of a pod can change what Pod Security finds."""

from sampan.api.json import Obj


def is_significant(pod: Obj, old: Obj) -> bool:
    """Whether containers came or went, an image changed, or an ephemeral container is new or has another image."""
    new_spec, old_spec = pod.get("spec") or {}, old.get("spec") or {}
    for field in ("containers", "initContainers"):
        before, after = old_spec.get(field) or [], new_spec.get(field) or []
        if len(before) != len(after) or [one.get("image") for one in before] != [one.get("image") for one in after]:
            return True
    images = {one.get("name"): one.get("image") for one in old_spec.get("ephemeralContainers") or ()}
    return any(
        one.get("name") not in images or images[one.get("name")] != one.get("image")
        for one in new_spec.get("ephemeralContainers") or ()
    )
