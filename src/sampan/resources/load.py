"""Schemas of the built-in kinds, from the definitions that the package kubernetes-validate carries.

One file per minor version is read and parsed once (some milliseconds); nodes are made when somebody first asks for one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from sampan.api import json
from sampan.api.resource import Column
from sampan.api.schema.nodes import Node, NodeType, Presence

OLDEST, NEWEST = 25, 37
VERSIONS: Final = tuple(f"1.{minor}" for minor in range(OLDEST, NEWEST + 1))
DEFAULT_VERSION: Final = VERSIONS[-1]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
_SPECIAL: Final[Mapping[str, NodeType]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    f"{_META}Time": "time",
    f"{_META}MicroTime": "microtime",
    f"{_META}FieldsV1": "any",
    f"{_META}Patch": "any",
    f"{_CRD}JSON": "any",
    f"{_CRD}JSONSchemaPropsOrArray": "any",
    f"{_CRD}JSONSchemaPropsOrBool": "any",
    f"{_CRD}JSONSchemaPropsOrStringArray": "any",
}
_SCALARS: Final[Mapping[str, NodeType]] = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean",
}  # fmt: skip
_ELEMENT: Final = re.compile(r"^(?:\[\]|map\[[^\]]*\])")
_PRESENCE: Final[Mapping[str, Presence]] = {"k": "keep", "o": "omit", "a": "always", "n": "null"}


class UnknownVersion(ValueError):
    """The Kubernetes version asked for is not one of VERSIONS."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Kubernetes version {version!r} is not one of {VERSIONS[0]} to {VERSIONS[-1]}")


def minor_of(version: str) -> int:
    """The minor number of `1.36`, `v1.36` or `1.36.2`; raises UnknownVersion."""
    match = re.fullmatch(r"v?1\.(\d+)(\..*)?", version)
    if match is None or not OLDEST <= int(match[1]) <= NEWEST:
        raise UnknownVersion(version)
    return int(match[1])


def definitions_file(version: str) -> Path:
    """Where the definitions of a version lie. The package is found but not imported, since its import is slow."""
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package kubernetes-validate is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"
    return folder / f"v1.{minor_of(version)}.0-local" / "_definitions.json"


def read_definitions(version: str) -> dict[str, Any]:
    """All definitions of a version as the package writes them, descriptions included."""
    loaded: dict[str, Any] = json.loads(definitions_file(version).read_bytes())["$defs"]
    return loaded


class Definitions:
    """The definitions of one version; nodes are compiled on first use and shared."""

    def __init__(self, version: str, raw: Mapping[str, Any], go: Mapping[str, Mapping[str, str]]) -> None:
        self.version = version
        self._raw = raw
        self._go = go
        self._nodes: dict[str, Node] = {}
        self._documented: dict[str, str] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def node(self, name: str) -> Node:
        """The node of a definition, e.g. io.k8s.api.core.v1.Pod; raises KeyError."""
        found = self._nodes.get(name)
        if found is None:
            found = self._nodes[name] = self._definition(name)
        return found

    def documented(self, column: Column) -> Column:
        """The column with the text its `=DEFINITION.field` description stands for; empty if this version lacks it."""
        if not column.description.startswith("="):
            return column
        place = column.description[1:]
        text = self._documented.get(place)
        if text is None:
            name, _, key = place.rpartition(".")
            field = self._raw.get(name, {}).get("properties", {}).get(key, {})
            text = self._documented[place] = field.get("description", "")
        return replace(column, description=text)

    def drop_prose(self) -> None:
        """Forget the descriptions that nobody asked for: they are most of the memory."""
        _without_prose(self._raw)

    def _definition(self, name: str) -> Node:
        raw = self._raw[name]
        special = _SPECIAL.get(name)
        if special is not None:
            inner = self.node(f"{_CRD}JSONSchemaProps") if name.startswith(f"{_CRD}JSONSchemaPropsOr") else None
            return Node(special, name=name, preserve_unknown=special == "any", items=inner)
        return Node(
            "object",
            name=name,
            resolve=self._resolver(name),
            required=tuple(raw.get("required", ())),
            atomic=raw.get("x-kubernetes-map-type") == "atomic",
            extra={"gvk": raw["x-kubernetes-group-version-kind"]} if "x-kubernetes-group-version-kind" in raw else {},
        )

    def _resolver(self, name: str) -> Callable[[], Mapping[str, Node]]:
        def resolve() -> Mapping[str, Node]:
            raw, facts = self._raw[name], self._go.get(name, {})
            required = raw.get("required", ())
            given = raw.get("properties", {})
            meta = (key for key in ("kind", "apiVersion") if key not in facts)
            order = dict.fromkeys((*meta, *facts, *given))  # as the Go type lists them
            return {key: self._field(given[key], facts.get(key), key in required) for key in order if key in given}

        return resolve

    def _field(self, raw: Mapping[str, Any], fact: str | None, required: bool) -> Node:
        node = self._place(raw)
        if fact is None:  # newer than the recorded Go types: required is written, the rest as given
            node.presence = "always" if required else "keep"
            return node
        fact, _, node.embedded_in = fact.partition(" @")
        code, _, node.go_type = fact.partition(" ")
        node.presence = _PRESENCE[code]
        if node.go_type and node.items is not None and node.items.type != "object":
            node.items.go_type = _ELEMENT.sub("", node.go_type) if _ELEMENT.match(node.go_type) else ""
        return node

    def _place(self, raw: Mapping[str, Any]) -> Node:
        """A fresh node for a property, an element or a map value."""
        strategy = raw.get("x-kubernetes-patch-strategy", "").split(",")
        rules: dict[str, Any] = {
            "merge_key": raw.get("x-kubernetes-patch-merge-key", ""),
            "merge": "merge" in strategy,
            "retain_keys": "retainKeys" in strategy,
            "replace": "replace" in strategy,
            "atomic": raw.get("x-kubernetes-map-type") == "atomic",
        }
        if "$ref" in raw:
            target = self.node(raw["$ref"].rpartition("/")[2])
            if "x-kubernetes-map-type" not in raw:
                rules["atomic"] = target.atomic
            return replace(target, target=target, resolve=lambda: target.properties, **rules)
        kind = _plain_type(raw.get("type"))
        if kind == "array":
            return Node(
                "array",
                items=self._place(raw["items"]),
                list_type=raw.get("x-kubernetes-list-type", "atomic"),
                map_keys=tuple(raw.get("x-kubernetes-list-map-keys", ())),
                **rules,
            )
        values = raw.get("additionalProperties")
        if kind == "object" and isinstance(values, Mapping):
            return Node("map", items=self._place(values), **rules)
        if raw.get("format") == "byte":
            return Node("bytes", format="byte")
        if kind in _SCALARS:
            return Node(_SCALARS[kind], format=raw.get("format", ""), enum=tuple(raw.get("enum", ())))
        return Node("any", preserve_unknown=True)


def _plain_type(value: Any) -> str:
    """`["array", "null"]` is the package's way to write an optional field, not Kubernetes' nullable."""
    if isinstance(value, list):
        return next((str(item) for item in value if item != "null"), "")
    return str(value or "")


def _without_prose(raw: Mapping[str, Any]) -> None:
    for definition in raw.values():
        definition.pop("description", None)
        for child in definition.get("properties", {}).values():
            child.pop("description", None)


@cache
def go_facts() -> Mapping[str, Mapping[str, str]]:
    """Definition to field to what Go's types say about it beyond the schema (see data/README.md)."""
    facts: Mapping[str, Mapping[str, str]] = json.loads((Path(__file__).parent / "data" / "gotypes.json").read_bytes())
    return facts


@cache
def _load(minor: int) -> Definitions:
    version = f"1.{minor}"
    return Definitions(version, read_definitions(version), go_facts())


def load_schema(version: str) -> Definitions:
    """The definitions of a Kubernetes version (`1.36`), parsed once per process; raises UnknownVersion."""
    return _load(minor_of(version))
