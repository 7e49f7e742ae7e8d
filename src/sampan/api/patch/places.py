"""How the places of a schema merge: as one value, field by field, or item by item (kube-openapi: schemaconv).

A Place is compiled once per schema node. Fields and elements are compiled when first met: schemas are recursive.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from sampan.api.json import Obj
from sampan.api.patch.fields import LEAF, FieldSet, field_element, in_order, json_text, key_element, value_element
from sampan.api.schema.decode import zero
from sampan.api.schema.nodes import Node

Kind = Literal["scalar", "list", "set", "keyed", "map", "deduced"]
Scalar = Literal["string", "numeric", "boolean", "untyped"]
_SCALARS: Final[Mapping[str, Scalar]] = {
    "string": "string", "time": "string", "microtime": "string", "bytes": "string", "integer": "numeric",
    "number": "numeric", "boolean": "boolean", "int-or-string": "untyped", "quantity": "untyped",
}  # fmt: skip
_PORTS: Final = frozenset(("io.k8s.api.core.v1.ContainerPort", "io.k8s.api.core.v1.ServicePort"))
_RAW: Final = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_REFERENCE: Final = "io.k8s.api.core.v1.LocalObjectReference"
MISSING: Final = object()
SHAPES: Final = 256
"""How many shapes of one flat map are remembered; what comes later is worked out each time."""


class Place:
    """One place of a schema as server-side apply sees it."""

    __slots__ = (
        "_element", "_fields", "_flat", "atomic", "exact", "keys", "kind", "known", "leaf", "preserving", "rooted",
        "scalar", "source", "zeros",
    )  # fmt: skip

    def __init__(self, kind: Kind, scalar: Scalar = "untyped", *, atomic: bool = False) -> None:
        self.kind, self.scalar, self.atomic = kind, scalar, atomic
        self.leaf = atomic or kind in ("scalar", "list")
        """Whether the value is owned as a whole."""
        self.keys: tuple[tuple[str, Any], ...] = ()
        """Of a keyed list: the names of the keys, and what each is where an item leaves it out (or MISSING)."""
        self.exact = False
        """Whether equal dicts are surely equal values: no place below takes numbers as well as booleans."""
        self.preserving = False
        self.rooted = False
        """Whether this is the root of a custom kind, with everybody's metadata."""
        self.zeros: Obj = {}
        """What Go writes for this struct when nothing is set."""
        self.source: Callable[[], tuple[Mapping[str, Place], Place | None]] | None = None
        self.known: dict[tuple[str, ...], FieldSet] = {}
        """Of a flat map: names to their set. Sets are never changed, so one serves all objects of that shape."""
        self._fields: dict[str, tuple[str, Place]] | None = None
        self._element: Place | None = None
        self._flat = False

    def _resolve(self) -> dict[str, tuple[str, "Place"]]:
        fields, self._element = self.source() if self.source is not None else ({}, None)
        self._fields = {name: (field_element(name), child) for name, child in fields.items()}
        below = [*fields.values(), *([] if self._element is None else [self._element])]
        self._flat = self.kind == "map" and all(child.leaf for child in below)
        return self._fields

    @property
    def flat(self) -> bool:
        """Whether a map has leaves only, so that its names alone say its set."""
        if self._fields is None:
            self._resolve()
        return self._flat

    @property
    def fields(self) -> dict[str, tuple[str, "Place"]]:
        """The declared fields: name to path element and place."""
        return self._resolve() if self._fields is None else self._fields

    @property
    def element(self) -> "Place | None":
        """The place of items, or of fields that are not declared; None where there may be none."""
        if self._fields is None:
            self._resolve()
        return self._element

    def child(self, name: str) -> tuple[str, "Place"]:
        """The path element and place of a field; what nobody declared is taken as it comes."""
        found = self.fields.get(name)
        return found if found is not None else (field_element(name), self._element or DEDUCED)

    def below(self, element: str) -> "Place | None":
        """The place at a path element, or None where the schema has none."""
        if element[0] == "f" and self.kind in ("map", "deduced"):
            found = self.fields.get(element[2:])
            return found[1] if found is not None else self._element
        return self.element if self.kind in ("set", "keyed") else None


DEDUCED: Final = Place("deduced")
"""A value without a schema: maps merge key by key, lists and scalars are wholes."""
DEDUCED.source = lambda: ({}, DEDUCED)
UNTYPED: Final = Place("deduced", atomic=True)
UNTYPED.source = lambda: ({}, UNTYPED)


def place_of(node: Node, preserving: bool = False) -> Place:
    """The place of a schema node. `preserving`: a node above keeps unknown fields (custom resources)."""
    found: Place | None = node.merging
    if found is None or (found.preserving != preserving and found is not DEDUCED and found is not UNTYPED):
        target = node.target
        if target is not None and target is not node and target.atomic == node.atomic and not preserving:
            found = place_of(target)
        else:
            found = _compile(node, preserving or (node.preserve_unknown and node.type == "object"))
            if found is not DEDUCED and found is not UNTYPED:
                found.preserving = preserving
        node.merging = found
    return found


def _compile(node: Node, preserving: bool) -> Place:
    if node.type in _SCALARS:
        return Place("scalar", _SCALARS[node.type])
    if node.type == "array":
        return _list(node, preserving)
    if node.name == _RAW:
        return UNTYPED
    if node.type == "any" or (node.type == "object" and not node.properties and node.items is None and not node.name):
        return UNTYPED if node.atomic else DEDUCED
    place = Place("map", atomic=node.atomic)
    place.exact = bool(node.name)
    place.source = lambda: (
        {name: place_of(child, preserving) for name, child in node.properties.items()},
        place_of(node.items, preserving) if node.items is not None else DEDUCED if preserving else None,
    )
    if node.type == "object" and node.name:
        place.zeros = zero(node) or {}
    return place


def root_of_custom(node: Node, metadata: Place) -> Place:
    """The place of a custom kind's root: its schema, but kind, apiVersion and metadata are those of every object."""
    below = place_of(node)
    if below.rooted:
        return below
    text, place = Place("scalar", "string"), Place("map")
    common = {"apiVersion": text, "kind": text, "metadata": metadata}
    place.source = lambda: (
        {**{name: child for name, (_, child) in below.fields.items()}, **common},
        below.element,
    )
    place.rooted = True
    node.merging = place
    return place


def _list(node: Node, preserving: bool) -> Place:
    items = node.items
    kinds: Mapping[str, Kind] = {"set": "set", "map": "keyed"}
    place = Place(kinds.get(node.list_type, "list"))
    place.source = lambda: ({}, place_of(items, preserving) if items is not None else UNTYPED)
    if node.list_type == "map" and items is not None:
        place.keys = tuple((name, _key_default(items, name)) for name in sorted(node.map_keys))
    return place


def _key_default(item: Node, key: str) -> Any:
    """What stands for a key that an item leaves out: the default that upstream's OpenAPI has."""
    field = item.properties.get(key)
    if field is None:
        return MISSING
    if field.has_default:
        return field.default
    if key == "protocol" and item.name in _PORTS:
        return "TCP"
    if not item.name or (key not in item.required and item.name != _REFERENCE):
        return MISSING
    return 0 if field.type in ("integer", "number") else ""


def item_element(place: Place, item: Any) -> str:
    """The path element of an item of a set or keyed list; raises ValueError in upstream's words."""
    if place.kind == "set":
        if isinstance(item, dict):
            raise ValueError("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise ValueError("not supported: associative list with lists as elements")
        if item is None:
            raise ValueError("associative list without keys has an element that's an explicit null")
        return value_element(item)
    if item is None:
        raise ValueError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise ValueError("associative list with keys may not have non-map elements")
    if len(place.keys) == 1 and type(only := item.get(place.keys[0][0])) is str:
        return f'k:{{"{place.keys[0][0]}":{json_text(only)}}}'
    keys = {}
    for name, default in place.keys:
        value = item.get(name, default)
        if value is not MISSING:
            keys[name] = value
    if not keys:
        names = " ".join(f'"{name}"' for name, _ in place.keys)
        raise ValueError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return key_element(keys)


def elements_of(place: Place, items: list[Any]) -> list[tuple[str, Any]]:
    """Items with their path elements; raises ValueError when one has none."""
    return [(item_element(place, item), item) for item in items]


def is_whole(place: Place, value: Any) -> bool:
    """Whether a value is owned as one field: a leaf, an empty container, or what does not fit its place."""
    if place.leaf or not value:
        return True
    if place.kind in ("map", "deduced"):
        return type(value) is not dict
    return type(value) is not list


def added(place: Place, value: Any) -> FieldSet:
    """The set of a value that was not there before, in order: every leaf, and every container itself."""
    if is_whole(place, value):
        return LEAF
    if place.flat:
        return _flat(place, tuple(value))
    result: FieldSet = {".": LEAF}
    element = place.element
    if place.kind in ("set", "keyed"):
        assert element is not None
        for key, item in elements_of(place, value):
            result[key] = LEAF if key in result else added(element, item)
        return in_order(result) if len(result) > 2 else result
    fields = place.fields
    for name in sorted(value):
        one = value[name]
        found = fields.get(name)
        if found is None:
            if element is not None:
                result[f"f:{name}"] = LEAF if not one else added(element, one)
        else:
            result[found[0]] = LEAF if not one or found[1].leaf else added(found[1], one)
    return result


def _flat(place: Place, names: tuple[str, ...]) -> FieldSet:
    """The set of a flat map with these names."""
    found = place.known.get(names)
    if found is None:
        declared = names if place.element is not None else [name for name in names if name in place.fields]
        found = {".": LEAF, **{field_element(name): LEAF for name in sorted(declared)}}
        if len(place.known) < SHAPES:
            place.known[names] = found
    return found


def created(place: Place, value: Obj) -> FieldSet:
    """The set of a new object, in order: what it has beyond Go's zero value of its struct, which is no change."""
    return _beyond(place, value, place.zeros)


def _beyond(place: Place, value: Obj, zeros: Obj) -> FieldSet:
    result: FieldSet = {}
    fields = place.fields
    for name in sorted(value):
        found = fields.get(name)
        if found is None:
            if place.element is None:
                continue
            found = (field_element(name), place.element)
        element, child = found
        one, nothing = value[name], zeros.get(name, MISSING)
        if nothing is MISSING:
            result[element] = LEAF if not one or child.leaf else added(child, one)
        elif type(nothing) is dict and type(one) is dict and child.kind == "map" and not child.leaf:
            if one and (inner := _beyond(child, one, nothing)):
                result[element] = inner
        elif is_whole(child, one):
            if one != nothing:
                result[element] = LEAF
        else:
            inner = added(child, one)
            result[element] = {key: inner[key] for key in inner if key != "."}
    return result


def field_set(place: Place, value: Any) -> FieldSet:
    """The fields that an applied value names: leaves, items, and keys of maps, but not the fields of structs."""
    if is_whole(place, value):
        return LEAF
    result: FieldSet = {}
    element = place.element
    if place.kind in ("set", "keyed"):
        assert element is not None
        for key, item in elements_of(place, value):
            result[key] = LEAF if key in result else {".": LEAF, **field_set(element, item)}
        return {key: LEAF if len(inner) == 1 else inner for key, inner in result.items()}
    for name, one in value.items():
        key, child = place.child(name)
        if not one and (child.kind in ("set", "keyed") and one is not None and not child.leaf):
            continue
        inner = field_set(child, one)
        declared = name in place.fields
        if inner and not declared:
            inner = {".": LEAF, **inner}
        if inner or not declared or is_whole(child, one):
            result[key] = inner
    return result


def said_empty(value: Any, node: Node) -> FieldSet:
    """The fields of a body that say `[]` where decoding leaves null: Go knows the difference until it stores them."""
    result: FieldSet = {}
    if isinstance(value, dict) and node.type == "object":
        for name, child in node.properties.items():
            one = value.get(name)
            if one == [] and child.type == "array" and child.presence == "null":
                result[field_element(name)] = LEAF
            elif one and (inner := said_empty(one, child)):
                result[field_element(name)] = inner
    return result
