"""What is wrong with finalizers of kinds in the tree (core validation: validateKubeFinalizerName)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, invalid

STANDARD = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
WHY = "name is neither a standard finalizer name nor is it fully qualified"


def check_finalizers(obj: Obj) -> Errors:
    """metadata.finalizers that have no domain are of the few that need none."""
    finalizers = (obj.get("metadata") or {}).get("finalizers")
    if not finalizers:
        return []
    return [
        invalid(f"metadata.finalizers[{index}]", name, WHY)
        for index, name in enumerate(finalizers)
        if "/" not in name and name not in STANDARD
    ]
