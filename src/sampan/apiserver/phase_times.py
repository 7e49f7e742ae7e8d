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
        said, had = status.get("lastPhaseTransitionTime"), before.get("lastPhaseTransitionTime")
        if (status.get("phase") or "") == (before.get("phase") or ""):
            since = said or had
        else:
            since = kit.now() if said is None or said == had else said
        return (
            obj if since is None or since == said else {**obj, "status": {**status, "lastPhaseTransitionTime": since}}
        )
