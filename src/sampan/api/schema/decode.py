"""One walk over a decoded JSON body: prune, check types as Go's decoder does, normalise as its encoder does.

A node's plan is compiled on first use: for each field the exact Python type it must have, or a function. Nulls and
empty `omitempty` values are dropped, Go's zero values are written where Go writes them, quantities, times and base64
are rewritten canonically. Error texts are those of encoding/json with Kubernetes' Go types.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.quantity import WRONG, canonical
from sampan.api.schema.nodes import Node
from sampan.api.schema.prune import unknown_fields
from sampan.api.schema.scalars import (
    canonical_base64,
    canonical_microtime,
    canonical_time,
    whole_milli,
)

Handler = Callable[[Any, list[bool]], Any]
Field = tuple[type | None, bool, Handler]
_GO_KINDS: Final = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}
_LIMITS: Final = {"int32": 2**31, "int64": 2**63}
_TEXTS: Final[Mapping[str, Callable[[str], str]]] = {"time": canonical_time, "microtime": canonical_microtime}
_GO_SCALARS: Final = {"string": "string", "boolean": "bool", "number": "float64", "bytes": "[]uint8"}
_ZEROS: Final[Mapping[str, Any]] = {
    "string": "", "integer": 0, "number": 0, "boolean": False, "quantity": "0", "int-or-string": 0,
}  # fmt: skip
_GO_SPECIAL: Final = {
    "quantity": "resource.Quantity", "int-or-string": "intstr.IntOrString", "time": "v1.Time",
    "microtime": "v1.MicroTime", "any": "runtime.RawExtension",
}  # fmt: skip


class DecodeError(Exception):
    """The body does not fit the type; `str()` is Go's message (strict.cannot_handle makes it the answer's)."""

    def __init__(self, what: str, go_type: str = "") -> None:
        super().__init__(what)
        self.what, self.go_type = what, go_type
        self.struct = ""
        self.path: list[str] = []

    def inside(self, struct: str, field: str) -> None:
        """Called by each struct on the way out: the innermost names the struct, all make up the path."""
        self.struct = self.struct or struct
        self.path.append(field)

    def __str__(self) -> str:
        if not self.go_type:
            return self.what
        if not self.struct:
            return f"json: cannot unmarshal {self.what} into Go value of type {self.go_type}"
        path = ".".join(reversed(self.path))
        return f"json: cannot unmarshal {self.what} into Go struct field {self.struct}.{path} of type {self.go_type}"


def decode(value: Any, node: Node) -> tuple[Obj, list[str]]:
    """The object as upstream would store it, and the paths of its unknown fields (`spec.containers[0].imagee`).

    Raises DecodeError.
    """
    flags: list[bool] = []
    result = _plan(node)(value, flags)
    return result, (node.unknown(value) if node.unknown else unknown_fields(value, node)) if flags else []


def decode_alone(value: Any, node: Node) -> Any:
    """One value of this node as it is stored; raises DecodeError."""
    return _plan(node)(value, [])


def zero(node: Node) -> Any:
    """What Go writes for a field of this type that nobody set: `{}` of a struct with its own always-written fields."""
    if node.type == "object":
        return {
            key: zero(child) if child.presence == "always" else None
            for key, child in node.properties.items()
            if child.presence in ("always", "null")
        }
    return _ZEROS.get(node.type)


def _plan(node: Node) -> Handler:
    owner = node.target or node
    if owner.plan is None:
        owner.plan = _compile(owner)
    plan: Handler = owner.plan
    return plan


def go_type(node: Node) -> str:
    """Go's name of a node's type, as decoding errors print it."""
    if node.go_type:
        return node.go_type
    if node.type == "array":
        return f"[]{go_type(node.items)}" if node.items else "[]interface {}"
    if node.type == "map":
        return f"map[string]{go_type(node.items)}" if node.items else "map[string]interface {}"
    if node.type == "integer":
        return node.format or "int64"
    if node.type == "object":
        return ".".join(node.name.split(".")[-2:]) if node.name else "map[string]interface {}"
    return _GO_SCALARS.get(node.type) or _GO_SPECIAL.get(node.type, "interface {}")


def _mismatch(value: Any, name: str) -> DecodeError:
    return DecodeError(_GO_KINDS.get(type(value), "null"), name)


def _compile(node: Node) -> Handler:
    """The function that decodes a value of this node."""
    match node.type:
        case "object":
            return _struct(node)
        case "map":
            return _map(node)
        case "array":
            return _list(node)
        case "integer":
            return _integer(go_type(node) if node.go_type else (node.format or "int64"), node.format)
        case "number":
            return _number
        case "string" | "boolean":
            return _exact(str if node.type == "string" else bool, go_type(node))
        case "quantity":
            return _quantity
        case "int-or-string":
            return _int_or_string
        case "time" | "microtime":
            return _text(_TEXTS[node.type])
        case "bytes":
            return _bytes(go_type(node))
        case _:
            return _anything if node.items is None else _one_or_many(node.items)


def _anything(value: Any, flags: list[bool]) -> Any:
    return value


def _one_or_many(item: Node) -> Handler:
    """An object of the item's kind, a list of such, or a scalar instead (JSONSchemaPropsOrArray and the like)."""
    item_of = _lazy(item)

    def decode_one_or_many(value: Any, flags: list[bool]) -> Any:
        each = item_of()
        if type(value) is dict:
            return each(value, flags)
        if type(value) is list:
            return [each(one, flags) if type(one) is dict else one for one in value]
        return value

    return decode_one_or_many


def _exact(wanted: type, name: str) -> Handler:
    def decode_exact(value: Any, flags: list[bool]) -> Any:
        if type(value) is not wanted:
            raise _mismatch(value, name)
        return value

    return decode_exact


def _integer(name: str, size: str) -> Handler:
    limit = _LIMITS.get(size, 2**63)

    def decode_integer(value: Any, flags: list[bool]) -> Any:
        if type(value) is int and -limit <= value < limit:
            return value
        if type(value) in (int, float):
            raise DecodeError(f"number {value}", name)
        raise _mismatch(value, name)

    return decode_integer


def _number(value: Any, flags: list[bool]) -> Any:
    if type(value) in (int, float):
        return value
    raise _mismatch(value, "float64")


def _quantity(value: Any, flags: list[bool]) -> Any:
    kind = type(value)
    if kind is not str and (kind is bool or kind not in (int, float)):
        raise DecodeError(WRONG)
    try:
        return canonical(value if kind is str else str(value))
    except ValueError as wrong:
        raise DecodeError(str(wrong)) from None


def _int_or_string(value: Any, flags: list[bool]) -> Any:
    if type(value) is str or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    what = f"number {value}" if type(value) in (int, float) else _GO_KINDS.get(type(value), "null")
    raise DecodeError(what, "int32")


def _text(canonical: Callable[[str], str]) -> Handler:
    def decode_text(value: Any, flags: list[bool]) -> Any:
        if type(value) is not str:
            raise _mismatch(value, "string")
        try:
            return canonical(value)
        except ValueError as wrong:
            raise DecodeError(str(wrong)) from None

    return decode_text


def _bytes(name: str) -> Handler:
    def decode_bytes(value: Any, flags: list[bool]) -> Any:
        if type(value) is list:
            return _octets(value)
        if type(value) is not str:
            raise _mismatch(value, name)
        try:
            return canonical_base64(value)
        except ValueError as wrong:
            raise DecodeError(str(wrong)) from None

    return decode_bytes


def _octets(value: list[Any]) -> str:
    """Go takes a list of numbers for bytes."""
    for one in value:
        if type(one) is not int or not 0 <= one <= 255:
            if type(one) in (int, float):
                raise DecodeError(f"number {one}", "uint8")
            if one is not None:
                raise _mismatch(one, "uint8")
    return b64encode(bytes(one or 0 for one in value)).decode()


def _list(node: Node) -> Handler:
    name = go_type(node)
    element = node.items or Node("any")
    element_of = _lazy(element)

    def decode_list(value: Any, flags: list[bool]) -> Any:
        if type(value) is not list:
            raise _mismatch(value, name)
        each = element_of()
        return [zero(element) if one is None else each(one, flags) for one in value]

    return decode_list


def _map(node: Node) -> Handler:
    name = go_type(node)
    element = node.items or Node("any")
    if element.type == "string":
        return _string_map(name, go_type(element))
    if name == "v1.ResourceList":
        return _resource_list(name)
    element_of = _lazy(element)
    nothing = "" if element.type == "bytes" else None

    def decode_map(value: Any, flags: list[bool]) -> Any:
        if type(value) is not dict:
            raise _mismatch(value, name)
        each = element_of()
        return {
            key: (zero(element) if nothing is None else nothing) if one is None else each(one, flags)
            for key, one in value.items()
        }

    return decode_map


def _resource_list(name: str) -> Handler:
    """Amounts of resources are not finer than a thousandth (upstream: SetDefaults_ResourceList)."""

    def decode_resource_list(value: Any, flags: list[bool]) -> Any:
        if type(value) is not dict:
            raise _mismatch(value, name)
        return {key: "0" if one is None else whole_milli(_quantity(one, flags)) for key, one in value.items()}

    return decode_resource_list


def _string_map(name: str, element: str) -> Handler:
    def decode_string_map(value: Any, flags: list[bool]) -> Any:
        if type(value) is not dict:
            raise _mismatch(value, name)
        for one in value.values():
            if type(one) is not str:
                break
        else:
            return value
        if any(type(one) is not str and one is not None for one in value.values()):
            raise _mismatch(next(one for one in value.values() if type(one) is not str and one is not None), element)
        return {key: "" if one is None else one for key, one in value.items()}

    return decode_string_map


def _lazy(node: Node) -> Callable[[], Handler]:
    """Elements are compiled when first met: schemas are recursive."""
    owner = node.target or node
    return lambda: owner.plan or _plan(owner)


def _struct(node: Node) -> Handler:
    name = node.name.rpartition(".")[2] or "struct"
    full = go_type(node)
    fields: dict[str, Field] = {}
    missing: list[tuple[str, Any]] = []
    ready = False

    def prepare() -> None:
        nonlocal ready
        for key, child in node.properties.items():
            fields[key] = _field(child)
            if child.presence in ("always", "null"):
                missing.append((key, zero(child) if child.presence == "always" else None))
        ready = True

    def decode_struct(value: Any, flags: list[bool]) -> Any:
        if type(value) is not dict:
            raise _mismatch(value, full)
        if not ready:
            prepare()
        result: Obj = {}
        key = ""
        try:
            for key, child in value.items():
                field = fields.get(key)
                if field is None:
                    flags.append(True)
                    continue
                if child is None:
                    continue
                wanted, omit, handler = field
                if type(child) is not wanted:
                    child = handler(child, flags)
                if omit and not child:
                    continue
                result[key] = child
        except DecodeError as error:
            within = node.properties[key].embedded_in
            error.inside(name, f"{within}.{key}" if within else key)
            raise
        for key, nothing in missing:
            if key not in result:
                result[key] = nothing
        return result

    return decode_struct


def _field(node: Node) -> Field:
    """The type a plain value must have to be taken as it is, whether to drop it when empty, and the decoder."""
    # An empty list without omitempty comes back as null: upstream's storage format cannot tell them apart.
    omit = node.presence == "omit" or (node.presence == "null" and node.type in ("array", "map"))
    if node.type == "string":
        return str, omit, _exact(str, go_type(node))
    if node.type == "boolean":
        return bool, omit, _exact(bool, go_type(node))
    if node.type in ("integer", "array", "map") and node.go_type:
        return None, omit, _compile(node)
    plan_of = _lazy(node) if node.type == "object" else None
    if plan_of is None:
        return None, omit, _plan(node)

    def later(value: Any, flags: list[bool]) -> Any:
        return plan_of()(value, flags)

    return None, omit, later
