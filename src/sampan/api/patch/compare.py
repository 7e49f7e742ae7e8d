"""What differs between two values of one place, as field sets (structured-merge-diff: typed/compare.go)."""

from typing import Any, Final, NamedTuple

from sampan.api.json import Obj
from sampan.api.patch.fields import LEAF, SELF, FieldSet, union, without
from sampan.api.patch.json import equal
from sampan.api.patch.places import DEDUCED, Place, added, elements_of, is_whole

_ABSENT: Final = object()


class Comparison(NamedTuple):
    """Fields that the second object lacks, has otherwise, and has newly. No field is in two of them."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    def taken(self) -> FieldSet:
        """What the second object changed or added."""
        return union(self.modified, self.added)

    def less(self, ignored: FieldSet) -> "Comparison":
        """The same without some fields and all below them."""
        if not ignored:
            return self
        return Comparison(*(without(one, ignored) for one in self))


def compare(place: Place, old: Obj, new: Obj) -> Comparison:
    """How `new` differs from `old`, two objects of a map place."""
    found = Comparison({}, {}, {})
    _maps(place, old, new, found)
    return found


def _maps(place: Place, old: Obj, new: Obj, found: Comparison) -> None:
    fields = place.fields
    for name, theirs in new.items():
        ours = old.get(name, _ABSENT)
        if ours is theirs:
            continue
        entry = fields.get(name)
        if entry is None and place.element is None:
            continue
        element, child = entry if entry is not None else place.child(name)
        if ours is _ABSENT:
            found.added[element] = LEAF if not theirs or child.leaf else added(child, theirs)
        elif type(theirs) is str and type(ours) is str:
            if ours != theirs:
                found.modified[element] = LEAF
        else:
            _values(element, child, (ours, theirs), found)
    for name, ours in old.items():
        if name not in new and (name in fields or place.element is not None):
            element, child = place.child(name)
            found.removed[element] = added(child, ours)


def _values(element: str, child: Place, pair: tuple[Any, Any], found: Comparison) -> None:
    """Two values of one place, both there."""
    ours, theirs = pair
    if child.leaf or child.kind == "scalar" or _both_whole(child, ours, theirs):
        if ours != theirs or not equal(ours, theirs):
            found.modified[element] = LEAF
            if child.kind == "deduced" and type(ours) is not type(theirs):
                _parts(element, child, (ours, theirs), found)
        return
    if child.exact and ours == theirs:
        return
    below = Comparison({}, {}, {})
    if child.kind in ("set", "keyed"):
        _lists(child, _or_empty(ours, list), _or_empty(theirs, list), below)
    else:
        _maps(child, _or_empty(ours, dict), _or_empty(theirs, dict), below)
    for mine, inner in zip(found, below, strict=True):
        if inner:
            mine[element] = inner


def _parts(element: str, child: Place, pair: tuple[Any, Any], found: Comparison) -> None:
    """An untyped value that became a map, or is one no more: the map's fields came, or went, too."""
    for value, mine in zip(pair, (found.removed, found.added), strict=True):
        if type(value) is dict and value:
            mine[element] = {key: inner for key, inner in added(child, value).items() if key != SELF}


def _or_empty(value: Any, kind: type) -> Any:
    return value if type(value) is kind else kind()


def _both_whole(place: Place, ours: Any, theirs: Any) -> bool:
    """Whether neither value has parts; of two kinds (a map where a scalar was), one change."""
    if not ours and not theirs:
        return True
    whole, other = is_whole(place, ours), is_whole(place, theirs)
    return (whole and other) or (bool(ours) and bool(theirs) and (whole or other))


def _lists(place: Place, old: list[Any], new: list[Any], found: Comparison) -> None:
    before, after = _by_element(place, old), _by_element(place, new)
    inner = place.element or DEDUCED
    for element, theirs in after.items():
        ours = before.get(element, [])
        if len(ours) <= 1 and len(theirs) <= 1:
            if not ours:
                found.added[element] = added(inner, theirs[0])
            else:
                _values(element, inner, (ours[0], theirs[0]), found)
        elif len(ours) > 1 and len(theirs) > 1:
            if not equal(ours, theirs):
                found.modified[element] = LEAF
        elif len(theirs) > 1:
            found.added[element] = LEAF
            if ours:
                found.removed[element] = added(inner, ours[0])
        else:
            found.removed[element] = LEAF
            found.added[element] = added(inner, theirs[0])
    for element, ours in before.items():
        if element not in after:
            found.removed[element] = LEAF if len(ours) > 1 else added(inner, ours[0])


def _by_element(place: Place, items: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for element, item in elements_of(place, items):
        found.setdefault(element, []).append(item)
    return found
