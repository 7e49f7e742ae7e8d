"""Strategic merge patches: lists merge by the keys that the schema names (apimachinery: util/strategicpatch).

Directives: `$patch: replace|merge|delete`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F`, `$retainKeys`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.api.schema.nodes import ANY, Node

DIRECTIVE = "$patch"
DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
ORDER = "$setElementOrder/"
RETAIN = "$retainKeys"


def apply(target: Obj, patch: Mapping[str, Any], schema: Node) -> Obj:
    """The patched object; raises StatusError 400 for directives that make no sense."""
    return _merge_map(target, patch, schema)


def _child(schema: Node, key: str) -> Node:
    if schema.type == "map":
        return schema.items or ANY
    return schema.properties.get(key, ANY)


def _merge_map(target: Any, patch: Mapping[str, Any], schema: Node) -> Obj:
    directive = patch.get(DIRECTIVE)
    if directive == "replace":
        return {k: v for k, v in patch.items() if k != DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"Unknown patch type found: {directive}")
    made: Obj = dict(target) if isinstance(target, dict) else {}
    if RETAIN in patch:
        keep = _checked_retain(patch)
        made = {k: v for k, v in made.items() if k in keep}
    orders: dict[str, Sequence[Any]] = {}
    removals: dict[str, Sequence[Any]] = {}
    for key, value in patch.items():
        if key in (DIRECTIVE, RETAIN):
            continue
        if key.startswith(ORDER):
            orders[key[len(ORDER) :]] = value or ()
        elif key.startswith(DELETE_PRIMITIVES):
            removals[key[len(DELETE_PRIMITIVES) :]] = value or ()
    for key, gone in removals.items():
        if isinstance(made.get(key), list):
            made[key] = [item for item in made[key] if item not in gone]
    for key, value in patch.items():
        if key in (DIRECTIVE, RETAIN) or key.startswith((ORDER, DELETE_PRIMITIVES)):
            continue
        _merge_key(made, key, value, _child(schema, key), orders.pop(key, None))
    for key, order in orders.items():
        if isinstance(made.get(key), list):
            made[key] = _ordered(made[key], order, _child(schema, key).merge_key, made[key])
    return made


def _merge_key(made: Obj, key: str, value: Any, node: Node, order: Sequence[Any] | None) -> None:
    """Put one field of a patch into the object that is being made."""
    if value is None:
        made.pop(key, None)
    elif isinstance(value, dict):
        if node.type == "object" and node.replace:
            made[key] = value
        else:
            made[key] = _merge_map(made.get(key), value, node)
    elif isinstance(value, list) and node.merge:
        have = made.get(key)
        before = have if isinstance(have, list) else []
        merged = _merge_list(before, value, node)
        if order is None and node.merge_key:
            order = [item for item in value if isinstance(item, dict) and DIRECTIVE not in item]
        made[key] = _ordered(merged, value if order is None else order, node.merge_key, before)
    else:
        made[key] = value


def _checked_retain(patch: Mapping[str, Any]) -> set[str]:
    retained = patch[RETAIN]
    if not isinstance(retained, list):
        raise bad_request(f"invalid patch format of {RETAIN}")
    keep = set(retained)
    for key, value in patch.items():
        if not key.startswith("$") and value is not None and key not in keep:
            raise bad_request(f"{RETAIN} and patch are inconsistent: {key}")
    return keep


def _merge_list(have: list[Any], patch: list[Any], node: Node) -> list[Any]:
    element = node.items or ANY
    if not any(isinstance(item, dict) for item in (*have, *patch)):
        return [*have, *(item for item in dict.fromkeys(patch) if item not in have)]
    key = node.merge_key
    if not key:
        return list(patch)
    made = list(have)
    replace = [item for item in patch if isinstance(item, dict) and item.get(DIRECTIVE) == "replace" and len(item) == 1]
    if replace:
        return [item for item in patch if item not in replace]
    for item in patch:
        if not isinstance(item, dict):
            raise bad_request("expected all elements in list to be objects")
        if key not in item:
            raise bad_request(f"map: {_shown(item)} does not contain declared merge key: {key}")
        at = next((i for i, old in enumerate(made) if isinstance(old, dict) and old.get(key) == item[key]), None)
        directive = item.get(DIRECTIVE)
        if directive == "delete":
            made = [old for old in made if not (isinstance(old, dict) and old.get(key) == item[key])]
        elif at is None:
            made.append(_merge_map({}, {k: v for k, v in item.items() if k != DIRECTIVE}, element))
        else:
            made[at] = _merge_map(made[at], item, element)
    return made


def _shown(item: Mapping[str, Any]) -> str:
    """A map as Go prints it."""
    return "map[" + " ".join(f"{k}:{item[k]}" for k in sorted(item)) + "]"


def _ordered(items: list[Any], order: Sequence[Any], key: str, before: list[Any]) -> list[Any]:
    """Items in the asked order; what the order does not name keeps its place relative to its old neighbours."""

    def identity(item: Any) -> Any:
        return item.get(key) if isinstance(item, dict) and key else item

    rank = {identity(item): index for index, item in enumerate(order)}
    named = sorted((item for item in items if identity(item) in rank), key=lambda item: rank[identity(item)])
    others = [item for item in items if identity(item) not in rank]
    position = {identity(item): index for index, item in enumerate(before)}
    made: list[Any] = []
    last = len(before)
    while named and others:
        theirs, ours = position.get(identity(others[0]), last), position.get(identity(named[0]))
        if ours is not None and theirs < ours:
            made.append(others.pop(0))
        else:
            made.append(named.pop(0))
    return made + named + others
