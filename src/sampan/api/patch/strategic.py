"""Strategic merge patches: lists merge by the keys that the schema names (apimachinery: util/strategicpatch).

Directives: `$patch: replace|delete`, `$deleteFromPrimitiveList/F`, `$setElementOrder/F`, `$retainKeys`.
"""

from collections.abc import Mapping
from typing import Any, Final

from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.api.patch import strategic_lists as lists
from sampan.api.patch.strategic_lists import DIRECTIVE, broken, go_kind
from sampan.api.patch.typed import go_text
from sampan.api.schema.nodes import ANY, Node

DELETE_PRIMITIVES: Final = "$deleteFromPrimitiveList"
ORDER: Final = "$setElementOrder"
RETAIN: Final = "$retainKeys"
_BAD_RETAIN: Final = "invalid patch format of retainKeys"
_BAD_ORDER: Final = "invalid patch format of setElementOrder list"
_BAD_PRIMITIVES: Final = "invalid patch format of primitive list"


def apply(target: Obj, patch: Mapping[str, Any], schema: Node) -> Obj:
    """The patched object; raises StatusError 400, 422, 500 for directives that make no sense."""
    return _merge_map(target, patch, schema)


def _child(schema: Node, key: str) -> Node:
    if schema.type == "map":
        return schema.items or ANY
    return schema.properties.get(key, ANY)


def _merge_map(target: Any, patch: Mapping[str, Any], schema: Node) -> Obj:
    if DIRECTIVE in patch:
        return _directed(patch)
    made: Obj = dict(target) if isinstance(target, dict) else {}
    rest = dict(patch)
    if RETAIN in rest:
        made = _retained(made, rest, rest.pop(RETAIN))
    for key in [key for key in rest if key.startswith(ORDER)]:
        _set_order(made, rest, key, schema)
    for key, value in rest.items():
        removes = key.startswith(DELETE_PRIMITIVES)
        field = _named(key, DELETE_PRIMITIVES, _BAD_PRIMITIVES) if removes else key
        if value is None:
            made.pop(field, None)
        elif removes:
            if isinstance(made.get(field), list) and isinstance(value, list):
                made[field] = _merge_lists(made[field], value, _child(schema, field), True)
            elif isinstance(made.get(field), dict) and isinstance(value, dict):
                made[field] = _merge_map(made[field], value, _child(schema, field))
            elif field in made and go_kind(made[field]) == go_kind(value):
                made[field] = value
        else:
            _merge_key(made, field, value, _child(schema, field))
    return made


def _directed(patch: Mapping[str, Any]) -> Obj:
    """What a map becomes that says itself what to do with it."""
    if patch[DIRECTIVE] == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if patch[DIRECTIVE] == "delete":
        return {}
    raise lists.unknown_directive(patch)


def _merge_key(made: Obj, key: str, value: Any, node: Node) -> None:
    """Put one field of a patch into the object that is being made."""
    have = made.get(key)
    if isinstance(value, dict) and isinstance(have, dict):
        made[key] = value if node.replace else _merge_map(have, value, node)
    elif isinstance(value, list) and isinstance(have, list):
        made[key] = _merge_lists(have, value, node, False)
    elif isinstance(value, dict | list):
        kept, keep = _without_directives(_without_nulls(value))
        if keep:
            made[key] = kept
        else:
            made.pop(key, None)
    else:
        made[key] = value


def _merge_lists(have: list[Any], patch: list[Any], node: Node, removes: bool) -> list[Any]:
    """A list with the patch's; `removes`: without the patch's (of scalars only)."""
    if not node.merge and not removes:
        return patch
    if not have and not patch:
        return have
    key = node.merge_key
    if not lists.of_maps(have, patch):
        if removes:
            gone = {lists.mark(item) for item in patch}
            return [item for item in have if lists.mark(item) not in gone]
        merged = lists.unique([*have, *patch])
        return lists.ordered(merged, patch, have, key)
    if not key:
        element = (node.items or ANY).type
        raise broken(f"cannot merge lists without merge key for {'map' if element == 'map' else 'struct'}")
    have, patch = lists.special(have, patch, key)
    element_schema = node.items or ANY
    merged = list(have)
    known = lists.places(merged, key)
    for item in patch:
        mark = lists.mark(lists.value_of(item, key))
        at = known.get(mark)
        if at is None:
            known[mark] = len(merged)
            merged.append(item)
        else:
            merged[at] = _merge_map(merged[at], item, element_schema)
    return lists.ordered(merged, patch, have, key)


def _named(key: str, prefix: str, refusal: str) -> str:
    """The field that a directive of the form `$directive/field` is about."""
    head, slash, field = key.partition("/")
    if not slash or head != prefix:
        raise bad_request(refusal)
    return field


def _set_order(made: Obj, patch: Obj, key: str, schema: Node) -> None:
    """Merge the list that an order is given for, and put it in order. Takes both out of the patch."""
    order = patch.pop(key)
    if not isinstance(order, list):
        raise broken(f"expected a []interface {{}}, but received a {go_kind(order)}")
    field = _named(key, ORDER, _BAD_ORDER)
    for holder in (made, patch):
        if field in holder and not isinstance(holder[field], list):
            raise broken(f"expected a []interface {{}}, but received a {go_kind(holder[field])}")
    node = _listed(schema, field)
    have, change = made.get(field), patch.get(field)
    _check_order(change or [], order, node.merge_key)
    if have is None and change is None:
        return
    if change is None:
        merged: list[Any] = have or []
    elif have is None:
        merged = _without_directives(change)[0]
    else:
        merged = _merge_lists(have, change, node, False)
    patch.pop(field, None)
    lists.of_maps(have or [], change or [])
    made[field] = lists.ordered(merged, order, have or [], node.merge_key)


def _listed(schema: Node, field: str) -> Node:
    """The node of a list; refuses fields that there are not."""
    node = _child(schema, field)
    if node is ANY and schema.type == "object":
        name = schema.name.rpartition(".")[2]
        raise broken(f'unable to find api field in struct {name} for the json field "{field}"')
    if node is not ANY and node.type != "array":
        raise broken("expected slice or array type, but got: struct")
    return node


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Refuse a patch whose items stand in another order than the one asked for."""
    if not patch or not order:
        return
    if key:
        for item in patch:
            if not isinstance(item, dict):
                raise broken(f"expected a map[string]interface {{}}, but received a {go_kind(item)}")
    wanted = [item for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    found = 0
    for item in order:
        if found < len(wanted) and lists.equal_by(wanted[found], item, key):
            found += 1
    if found < len(wanted):
        shown, asked = go_text(patch), go_text(order)
        raise broken(f"The order in patch list:\n{shown}\n doesn't match {ORDER} list:\n{asked}\n")


def _retained(made: Obj, patch: Mapping[str, Any], keep: Any) -> Obj:
    """What stays of a map; refuses a patch that sets what shall not stay."""
    if not isinstance(keep, list):
        raise bad_request(_BAD_RETAIN)
    for key, value in patch.items():
        if value is not None and key not in keep and not key.startswith((f"{DELETE_PRIMITIVES}/", f"{ORDER}/")):
            raise bad_request(_BAD_RETAIN)
    return {key: value for key, value in made.items() if key in keep}


def _without_nulls(value: Any) -> Any:
    """A new value without members that are null: what deletes what is not there says nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(child) for key, child in value.items() if child is not None}
    return [_without_nulls(child) for child in value] if isinstance(value, list) else value


def _without_directives(value: Any) -> tuple[Any, bool]:
    """A value without the objects that are directives, and whether anything is left of it."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return None, False
        found = {key: _without_directives(child) for key, child in value.items()}
        return {key: child for key, (child, keep) in found.items() if keep}, True
    if isinstance(value, list):
        return [child for child, keep in map(_without_directives, value) if keep], True
    return value, True
