"""Merge an applied value into a live one, and take fields out of a value (structured-merge-diff: typed)."""

from typing import Any, Final

from sampan.api.patch.fields import LEAF, SELF, FieldSet
from sampan.api.patch.places import DEDUCED, Place, item_element

_ABSENT: Final = object()


def merge(place: Place, live: Any, applied: Any) -> Any:
    """The live value with what the applied one says. Nothing goes by this; raises ValueError for repeated items."""
    if place.leaf or place.kind == "scalar" or (not live and not applied):
        return applied
    if place.kind in ("set", "keyed"):
        if not isinstance(applied, list) or not isinstance(live, list):
            return live if applied is None else applied
        return _merge_lists(place, live, applied)
    if not isinstance(applied, dict) or not isinstance(live, dict):
        return live if applied is None and isinstance(live, dict) else applied
    result = dict(live)
    for name, theirs in applied.items():
        ours = live.get(name, _ABSENT)
        result[name] = theirs if ours is _ABSENT else merge(place.child(name)[1], ours, theirs)
    return result


def _merge_lists(place: Place, live: list[Any], applied: list[Any]) -> list[Any]:
    """Items in the applied order, live ones that are not applied keep their place between them."""
    theirs = {item_element(place, item): item for item in applied}
    if len(theirs) != len(applied):
        raise ValueError("duplicate entries in an applied list")
    left = [item_element(place, item) for item in live]
    ours: dict[str, Any] = {}
    for element, item in zip(left, live, strict=True):
        ours[element] = None if element in ours else item
    right = list(theirs)
    shared = [element for element in right if element in ours]
    inner = place.element or DEDUCED
    done: set[str] = set()
    out: list[Any] = []

    def take(element: str) -> None:
        done.add(element)
        known = ours.get(element)
        out.append(theirs[element] if known is None else merge(inner, known, theirs[element]))

    i = j = 0
    while i < len(left) or j < len(right):
        wanted = shared[0] if shared else None
        if i < len(left) and j < len(right):
            if left[i] == right[j]:
                take(left[i])
                i, j, shared = i + 1, j + 1, shared[1:]
                continue
            if left[i] in theirs and wanted is not None and wanted != left[i]:
                i += 1
                continue
        if i < len(left):
            if left[i] not in theirs:
                out.append(live[i])
                i += 1
                continue
            if left[i] in done:
                i += 1
        if j < len(right):
            take(right[j])
            if wanted == right[j]:
                shared = shared[1:]
            j += 1
    return out


def remove(place: Place, value: Any, gone: FieldSet) -> Any:
    """The value without the fields of a set; None if nothing is left of what is no container any more."""
    if place.kind in ("set", "keyed"):
        return _remove_items(place, value, gone)
    if place.kind == "map" or place.kind == "deduced":
        return _remove_fields(place, value, gone)
    return value if place.kind == "scalar" else None


def _remove_fields(place: Place, value: Any, gone: FieldSet) -> Any:
    if not isinstance(value, dict):
        return value if place.kind == "deduced" and not isinstance(value, list) else None
    if place.leaf or not value:
        return None
    result = {}
    touched = False
    for name, one in value.items():
        element, child = place.child(name)
        inner = gone.get(element)
        if inner is None:
            result[name] = one
        elif inner and SELF not in inner:
            touched = True
            result[name] = _kept(one, remove(child, one, inner))
    return result if result or touched else None


def _remove_items(place: Place, value: Any, gone: FieldSet) -> Any:
    if not isinstance(value, list) or not value:
        return None
    result = []
    touched = False
    for item in value:
        try:
            inner = gone.get(item_element(place, item))
        except ValueError:
            inner = None
        if inner is None:
            result.append(item)
        elif inner and SELF not in inner:
            touched = True
            result.append(_kept(item, remove(place.element or DEDUCED, item, inner)))
    return result if result or touched else None


def _kept(before: Any, after: Any) -> Any:
    """A container from which only inner parts were taken stays, if empty."""
    if after is not None:
        return after
    return {} if isinstance(before, dict) else [] if isinstance(before, list) else None


def named(place: Place | None, fields: FieldSet) -> FieldSet:
    """The set with every declared field a member that has members below it."""
    result = {}
    for element, inner in fields.items():
        if not inner:
            result[element] = inner
            continue
        below = named(place.below(element) if place is not None else None, inner)
        if SELF not in below and place is not None and element[0] == "f" and element[2:] in place.fields:
            below = {SELF: LEAF, **below}
        result[element] = below
    return result


def reconciled(place: Place, fields: FieldSet) -> FieldSet:
    """A set that another schema made: of what is a whole now, only the root is owned. The same set if nothing is so."""
    result: FieldSet | None = None
    for element, inner in fields.items():
        if not inner or element == SELF:
            continue
        child = place.below(element)
        if child is None or child.kind == "deduced":
            continue
        if child.atomic or child.kind == "list":
            below = LEAF
        else:
            below = reconciled(child, inner)
        if below is not inner:
            result = dict(fields) if result is None else result
            result[element] = below
    return fields if result is None else result
