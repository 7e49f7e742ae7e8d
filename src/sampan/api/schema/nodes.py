"""The schema tree: types, list-map keys, merge rules, formats. Built-in kinds and CRDs compile to the same nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

NodeType = Literal[
    "object", "map", "array", "string", "integer", "number", "boolean",
    "any", "int-or-string", "quantity", "time", "microtime", "bytes",
]  # fmt: skip

Presence = Literal["keep", "omit", "always", "null"]


@dataclass(slots=True, eq=False)
class Node:
    """One place of a schema. `properties` may be resolved late, because schemas are large and can be recursive."""

    type: NodeType
    name: str = ""
    """Definition name, e.g. io.k8s.api.core.v1.PodSpec; empty for anonymous nodes."""
    resolve: Callable[[], Mapping[str, "Node"]] | None = None
    items: "Node | None" = None
    """Element of an array, value of a map."""
    required: tuple[str, ...] = ()
    list_type: Literal["atomic", "set", "map"] = "atomic"
    map_keys: tuple[str, ...] = ()
    atomic: bool = False
    """x-kubernetes-map-type: atomic."""
    merge_key: str = ""
    """x-kubernetes-patch-merge-key."""
    merge: bool = False
    """x-kubernetes-patch-strategy contains merge."""
    retain_keys: bool = False
    replace: bool = False
    format: str = ""
    enum: tuple[Any, ...] = ()
    nullable: bool = False
    default: Any = None
    has_default: bool = False
    preserve_unknown: bool = False
    """x-kubernetes-preserve-unknown-fields."""
    embedded: bool = False
    """x-kubernetes-embedded-resource."""
    description: str = ""
    presence: Presence = "keep"
    """What Go's encoder does with this field of its parent: keep = written when given (pointers, and all of a CRD),
    omit = dropped when empty (omitempty values), always = its zero value is written when it is not given,
    null = null is written when it is not given."""
    go_type: str = ""
    """Go's name of the field's type (v1.RestartPolicy), for decoding errors; empty when type and format tell it."""
    embedded_in: str = ""
    """The struct within the parent's struct that Go declares the field in; decoding errors name it (ProbeHandler)."""
    target: "Node | None" = None
    """The definition this field refers to, when the field has its own presence or merge rules."""
    plan: Any = None
    """What decode.py compiled for this node."""
    unknown: Callable[[Any], list[str]] | None = None
    """What names the unknown fields of a value, where that is not as for built-in kinds."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Value validations of CRD schemas as written: pattern, minimum, maxItems, allOf, x-kubernetes-validations, ..."""
    merging: Any = field(default=None, init=False)
    """What patch/places.py compiled for this very node (a reference may merge in another way than its target)."""
    _properties: Mapping[str, "Node"] | None = None

    @property
    def properties(self) -> Mapping[str, "Node"]:
        """Child nodes of an object by field name."""
        if self._properties is None:
            self._properties = self.resolve() if self.resolve else {}
        return self._properties


ANY = Node("any", preserve_unknown=True)
