"""How large values of a structural schema may be: what costs of rules are estimated from (apiserver: cel/common).

Sizes are characters, items or entries; they follow from maxLength, maxItems and maxProperties, or from what fits into
the largest request.
"""

from dataclasses import dataclass, field
from typing import Any

from sampan.api.cel.escaping import escape
from sampan.api.json import Obj

LARGEST_REQUEST = 3 * 1024 * 1024
SMALLEST = {"boolean": 4, "number": 1, "integer": 1}
"""Bytes that the shortest value takes in JSON."""
TIMES = {"duration": (32, 3), "date": (12, 12), "date-time": (32, 21)}
"""Formats with their longest and shortest size."""
TEXT: Obj = {"type": "string"}
TYPE_AND_META: Obj = {
    "apiVersion": TEXT, "kind": TEXT,
    "metadata": {"type": "object", "properties": {"name": TEXT, "generateName": TEXT}},
}  # fmt: skip


@dataclass(slots=True)
class Shape:
    """The most elements that a value has, the fewest bytes that it takes, and the shapes inside."""

    most: int
    least_bytes: int
    fields: dict[str, "Shape"] = field(default_factory=dict)
    item: "Shape | None" = None
    key: "Shape | None" = None

    def below(self, name: str) -> "Shape | None":
        """The shape at one step of a path."""
        if name in ("@items", "@values"):
            return self.item
        return self.key if name == "@keys" else self.fields.get(name)

    @property
    def repetitions(self) -> int:
        """How often the value may occur in one request, if nothing else bounds that."""
        return LARGEST_REQUEST // (self.least_bytes + 1)


def shape_of(schema: Any, is_root: bool = False) -> Shape | None:
    """The shape of a schema's values; None for what rules cannot see."""
    if not isinstance(schema, dict):
        return None
    if schema.get("x-kubernetes-int-or-string"):
        return Shape(_length(schema, LARGEST_REQUEST - 2), 1)
    kind = schema.get("type")
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return _object(schema, is_root)
    if kind == "string":
        return _text(schema)
    return Shape(0, SMALLEST[kind]) if kind in SMALLEST else None


def _length(schema: Obj, otherwise: int, factor: int = 4) -> int:
    longest = schema.get("maxLength")
    return max(0, longest) * factor if isinstance(longest, int) else otherwise


def _text(schema: Obj) -> Shape:
    form = schema.get("format")
    if form in TIMES:
        return Shape(*TIMES[form])
    if form == "byte":
        return Shape(_length(schema, LARGEST_REQUEST - 2, 1), 2)
    values = schema.get("enum")
    otherwise = LARGEST_REQUEST - 2
    if values:
        otherwise = max((len(one.encode()) for one in values if isinstance(one, str)), default=0)
    return Shape(_length(schema, otherwise), 2)


def _array(schema: Obj) -> Shape | None:
    items = schema.get("items")
    item = shape_of(items, bool(isinstance(items, dict) and items.get("x-kubernetes-embedded-resource")))
    if item is None:
        return None
    most = schema.get("maxItems")
    fitting = (LARGEST_REQUEST - 2) // (item.least_bytes + 1)
    return Shape(max(0, most) if isinstance(most, int) else fitting, 2, item=item)


def _object(schema: Obj, is_root: bool) -> Shape | None:
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        item = shape_of(more, bool(more.get("x-kubernetes-embedded-resource")))
        if item is None:
            return None
        most = schema.get("maxProperties")
        fitting = (LARGEST_REQUEST - 2) // (item.least_bytes + 6)
        return Shape(max(0, most) if isinstance(most, int) else fitting, 2, item=item, key=Shape(0, 2))
    properties = schema.get("properties") or {}
    if is_root:
        properties = {**properties, **TYPE_AND_META}
    made = Shape(0, 2)
    needed = frozenset(schema.get("required") or ())
    for name, inner in properties.items():
        shape = shape_of(inner, bool(isinstance(inner, dict) and inner.get("x-kubernetes-embedded-resource")))
        if shape is None:
            continue
        spelled = escape(name)
        if spelled is not None:
            made.fields[spelled] = shape
        if name in needed and inner.get("default") is None:
            made.least_bytes += len(name) + shape.least_bytes + 4
    return made
