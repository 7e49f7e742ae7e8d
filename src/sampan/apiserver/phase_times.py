"""PersistentVolumes say since when they are in their phase."""

from sampan.api.json import Obj
from sampan.apiserver.call import Hook, Kit


class PhaseTimes(Hook):
    """Keeps status.lastPhaseTransitionTime."""

    parts = ("status",)

    async def before_create(self, kit: Kit, obj: Obj, dry_run: bool) -> Obj:
        return {
            **obj,
            "status": {"phase": "Pending", **(obj.get("status") or {}), "lastPhaseTransitionTime": kit.now()},
        }

    async def before_update(self, kit: Kit, obj: Obj, old: Obj, dry_run: bool) -> Obj:
        status, before = obj.get("status") or {}, old.get("status") or {}
        if status.get("phase") == before.get("phase"):
            return obj
        if status.get("lastPhaseTransitionTime") != before.get("lastPhaseTransitionTime"):
            return obj
        return {**obj, "status": {**status, "lastPhaseTransitionTime": kit.now()}}
