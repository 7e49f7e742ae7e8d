"""What is wrong with a PersistentVolumeClaim (core validation: ValidatePersistentVolumeClaim)."""

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_qualified_name
from sampan.api.quantity import canonical, compare, milli_value, value
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    forbidden,
    immutable,
    invalid,
    marshalled,
    not_among,
    spec_of,
)
from sampan.resources.validation.core.claim_spec import check_claim_spec
from sampan.resources.validation.core.volume_shown import CLAIM, difference
from sampan.resources.validation.labels import check_label_selector
from sampan.resources.validation.quantities import check_amount, is_native

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
FIXED = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
SIZE_AT = "spec.resources.requests.storage"
ATTRIBUTES = "volumeAttributesClassName"
RESIZE = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible",
    "NodeResizePending",
)  # fmt: skip


def check_claim(obj: Obj) -> Errors:
    """A new claim."""
    return check_claim_spec(spec_of(obj), "spec")


def check_claim_again(new: Obj, old: Obj) -> Errors:
    """A changed claim as if it were new, but for what was wrong in it before."""
    before = spec_of(old)
    sources = (before.get("dataSource") or {}, before.get("dataSourceRef") or {})
    any_group = any(source.get("apiGroup") is not None for source in sources)
    any_value = bool(check_label_selector(before.get("selector"), ""))
    return check_claim_spec(spec_of(new), "spec", any_value=any_value, any_group=any_group)


def _size(spec: Obj) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage") or "0")


def check_claim_kept(new: Obj, old: Obj) -> Errors:
    """volumeName once, a missing class once, and for bound claims another size and attributes class."""
    after, before = dict(spec_of(new)), dict(spec_of(old))
    errors = _class(new, old, after, before)
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    status = new.get("status") or {}
    if status.get("phase") == "Bound":
        resources = after.get("resources") or {}
        if resources.get("requests") is not None:
            was = ((before.get("resources") or {}).get("requests") or {}).get("storage", "0")
            after["resources"] = {**resources, "requests": {**resources["requests"], "storage": was}}
        after[ATTRIBUTES] = before.get(ATTRIBUTES)
    if _present(after) != _present(before):
        errors.append(forbidden("spec", f"{FIXED}\n{difference(before, after, CLAIM)}"))
    size, had = _size(spec_of(new)), str(((old.get("status") or {}).get("capacity") or {}).get("storage") or "0")
    if compare(size, _size(spec_of(old))) < 0 and compare(size, had) <= 0:
        errors.append(forbidden(SIZE_AT, "field can not be less than status.capacity"))
    mode = spec_of(new).get("volumeMode")
    if mode != spec_of(old).get("volumeMode"):
        errors.append(invalid("volumeMode", Shown(marshalled(mode)), IMMUTABLE))
    return errors + _attributes(new, old)


def _present(spec: Obj) -> Obj:
    return {key: part for key, part in spec.items() if part not in (None, "")}


def _class(new: Obj, old: Obj, after: Obj, before: Obj) -> Errors:
    """The class may come where none was; from the old annotation, or to it. Changes `after` to what counts."""
    said, old_said = annotations_of(new).get(BETA_CLASS), annotations_of(old).get(BETA_CLASS)
    name = after.get("storageClassName")
    fresh = name is not None and before.get("storageClassName") is None
    if fresh and old_said is not None and name == old_said and said in (None, old_said):
        after.pop("storageClassName")
        return []
    if fresh and (old_said is None or name == old_said):
        after.pop("storageClassName")
    return immutable(f"metadata.annotations.{BETA_CLASS}", said or "", old_said or "")


def _attributes(new: Obj, old: Obj) -> Errors:
    name = spec_of(new).get(ATTRIBUTES)
    current = (old.get("status") or {}).get("currentVolumeAttributesClassName")
    if name == spec_of(old).get(ATTRIBUTES) or current is None or name:
        return []
    what = "nil" if name is None else "empty string"
    why = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
    return [forbidden(f"spec.{ATTRIBUTES}", why)]


def check_claim_status(new: Obj, old: Obj) -> Errors:
    """Capacity, and how far an expansion has come."""
    status = new.get("status") or {}
    errors: Errors = []
    for name, amount in (status.get("capacity") or {}).items():
        errors += _not_negative(amount, f"status.capacity[{name}]")
    at = "status.allocatedResourceStatuses"
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        errors += _key(name, at)
        if state not in RESIZE:
            errors.append(not_among(at, name, RESIZE))
    at = "status.allocatedResources"
    for name, amount in (status.get("allocatedResources") or {}).items():
        found = _key(name, at)
        here = f"{at}[{name}]"
        errors += found or _not_negative(amount, here) or check_amount("storage", amount, here)
    return errors


def _not_negative(amount: str, at: str) -> Errors:
    whole = value(amount)
    return [invalid(at, whole, "must be a valid resource quantity")] if whole < 0 else []


def _key(name: str, at: str) -> Errors:
    errors = [invalid(at, name, text) for text in is_qualified_name(name)]
    if not errors and is_native(name) and name != "storage":
        errors.append(not_among(at, name, ("storage",)))
    return errors


def warn_claim(obj: Obj) -> list[str]:
    """The old annotation; parts of bytes."""
    resources, found = spec_of(obj).get("resources") or {}, []
    if BETA_CLASS in annotations_of(obj):
        why = 'deprecated since v1.8; use "storageClassName" attribute instead'
        found.append(f"metadata.annotations[{BETA_CLASS}]: {why}")
    for part in ("requests", "limits"):
        amount = (resources.get(part) or {}).get("storage")
        if amount is not None and milli_value(amount) % 1000:
            text = f'fractional byte value "{canonical(str(amount))}" is invalid, must be an integer'
            found.append(f"spec.resources.{part}[storage]: {text}")
    return found


SNAPSHOTS = ("VolumeSnapshot", "snapshot.storage.k8s.io")


def level_sources(new: Obj, old: Obj | None) -> Obj:
    """dataSource and dataSourceRef say the same; a source of another kind is for dataSourceRef alone (KEP-1495)."""
    spec, before = dict(spec_of(new)), spec_of(old) if old is not None else {}
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is None and ref is None:
        return new
    if ref is not None and ref.get("namespace") and before.get("dataSourceRef") is None:
        ref = spec.pop("dataSourceRef") and None  # other namespaces' sources are behind a gate
    had = before.get("dataSource") is not None or before.get("dataSourceRef") is not None
    if not had and ref is None and source is not None and not _known(source):
        source = spec.pop("dataSource") and None
    if source is not None and ref is None:
        spec["dataSourceRef"] = _reference(source)
    elif ref is not None and source is None and not ref.get("namespace"):
        spec["dataSource"] = _reference(ref)
    return {**new, "spec": spec}


def _known(source: Obj) -> bool:
    kind = (source.get("kind") or "", source.get("apiGroup") or "")
    return kind in (("PersistentVolumeClaim", ""), SNAPSHOTS)


def _reference(source: Obj) -> Obj:
    return {"apiGroup": source.get("apiGroup"), "kind": source.get("kind") or "", "name": source.get("name") or ""}
