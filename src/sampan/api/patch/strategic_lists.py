"""Lists of strategic merge patches: items found by their merge key, put in order, refused when they are no match."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sampan.api.errors import StatusError
from sampan.api.patch.typed import go_text

DIRECTIVE: Final = "$patch"
_KINDS: Final[Mapping[type, str]] = {
    dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool", int: "int64",
    float: "float64", type(None): "%!s(<nil>)",
}  # fmt: skip


def broken(text: str) -> StatusError:
    """An error that upstream has no status for."""
    return StatusError(500, "", text)


def go_kind(value: Any) -> str:
    """The name of a JSON value's type in Go."""
    return _KINDS[type(value)]


def unknown_directive(item: Mapping[str, Any]) -> StatusError:
    """The refusal of a `$patch` that says nothing known."""
    said = item[DIRECTIVE]
    name = (
        said
        if isinstance(said, str)
        else "%!s(" + ("<nil>" if said is None else f"{go_kind(said)}={go_text(said)}") + ")"
    )
    return broken(f"unknown patch type: {name} in map: {go_text(dict(item))}")


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of one type."""
    return type(left) is type(right) and bool(left == right)


def mark(value: Any) -> Any:
    """What tells a value from others in a set or as a key."""
    return (type(value), go_text(value) if isinstance(value, dict | list) else value)


def unique(items: Sequence[Any]) -> list[Any]:
    """The items without repetitions; the first of each stays."""
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(mark(item), item)
    return list(seen.values())


def of_maps(*many: list[Any]) -> bool:
    """Whether the lists hold objects; refuses lists of lists and of several types."""
    kinds = [type(item) for items in many for item in items]
    if not kinds:
        raise broken("no elements in any of the given slices")
    if kinds[0] is list:
        raise StatusError(422, "", "lists of lists are not supported")
    if any(kind is not kinds[0] for kind in kinds):
        raise broken(f"list element types are not identical: {go_text(list(many))}")
    return kinds[0] is dict


def value_of(item: Any, key: str) -> Any:
    """The value of an object's merge key; raises when it has none."""
    if not isinstance(item, dict):
        raise broken(f"expected a map[string]interface {{}}, but received a {go_kind(item)}")
    if key not in item:
        raise broken(f"map: {go_text(item)} does not contain declared merge key: {key}")
    return item[key]


def places(items: Sequence[Any], key: str) -> dict[Any, int]:
    """Where the objects with each merge key are (without a key: the values); the first of several."""
    found: dict[Any, int] = {}
    for index, item in enumerate(items):
        if not key:
            found.setdefault(mark(item), index)
        elif not isinstance(item, dict):
            raise broken(f"value for key {index} is not a map")
        elif key in item:
            found.setdefault(mark(item[key]), index)
    return found


def equal_by(left: Any, right: Any, key: str) -> bool:
    """Whether two items are one, by their merge key or, without one, by what they are."""
    if not key:
        return same(left, right)
    return same(value_of(left, key), value_of(right, key))


def special(have: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the patch's items that are directives: what the list is then, and what of the patch is left."""
    rest, replace = [], False
    for item in patch:
        if DIRECTIVE not in item:
            rest.append(item)
        elif item[DIRECTIVE] == "delete":
            gone = value_of(item, key)
            have = [one for one in have if not (isinstance(one, dict) and key in one and same(one[key], gone))]
        elif item[DIRECTIVE] == "replace":
            replace = True
        elif item[DIRECTIVE] == "merge":
            raise broken("merging lists cannot yet be specified in the patch")
        else:
            raise unknown_directive(item)
    return (rest, []) if replace else (have, rest)


def ordered(items: list[Any], order: list[Any], before: list[Any], key: str) -> list[Any]:
    """Items in the asked order; what the order does not name keeps its place relative to its old neighbours."""

    if key:
        for item in order:
            value_of(item, key)
    asked, known = places(order, key), places(before, key)
    marked = [(mark(value_of(item, key) if key else item), item) for item in items]
    mine = sorted((pair for pair in marked if pair[0] in asked), key=lambda pair: asked[pair[0]])
    others = sorted((pair for pair in marked if pair[0] not in asked), key=lambda pair: known.get(pair[0], -1))
    made: list[Any] = []
    left, right = 0, 0
    while left < len(others) and right < len(mine):
        theirs, ours = known.get(others[left][0]), known.get(mine[right][0])
        if theirs is not None and ours is not None and theirs < ours:
            made.append(others[left][1])
            left += 1
        else:
            made.append(mine[right][1])
            right += 1
    return made + [item for _, item in (*mine[right:], *others[left:])]
