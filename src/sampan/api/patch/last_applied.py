"""What kubectl's client-side apply left on an object: its annotation, and the fields that are still so."""

from typing import Any, Final

from sampan.api.json import JSONDecodeError, Obj, dumps_sorted, loads
from sampan.api.patch.compare import compare
from sampan.api.patch.fields import FieldSet, difference
from sampan.api.patch.places import field_set
from sampan.api.patch.track import Scope
from sampan.api.patch.typed import Unfit, check

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATIONS_LIMIT: Final = 256 * 1024


def last_applied_fields(scope: Scope, live: Obj) -> FieldSet | None:
    """The fields that client-side apply set and that are still so; None if it never was here."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return None
    try:
        config: Any = loads(text)
        if not isinstance(config, dict) or config.get("apiVersion") != scope.api_version:
            return None
        check(scope.place, config)
    except (JSONDecodeError, Unfit):
        return None
    found = compare(scope.place, config, live)
    return difference(
        difference(difference(field_set(scope.place, config), found.modified), found.added), found.removed
    )


def annotated(obj: Obj, config: Obj) -> Obj:
    """With the applied configuration as kubectl's annotation, if it has one; without, if that would be too large."""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    if not annotations.get(LAST_APPLIED):
        return obj
    metadata = config.get("metadata") or {}
    said = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    cleaned = {key: value for key, value in metadata.items() if key != "annotations"}
    if said:
        cleaned["annotations"] = said
    text = dumps_sorted({**config, "metadata": cleaned}).decode() + "\n"
    made = {**annotations, LAST_APPLIED: text}
    if sum(len(key.encode()) + len(str(value).encode()) for key, value in made.items()) > ANNOTATIONS_LIMIT:
        del made[LAST_APPLIED]
    return {**obj, "metadata": {**obj["metadata"], "annotations": made}}
