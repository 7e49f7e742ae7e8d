"""The field tables: which message an API object is, and the name, number and type of each field."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from sampan.api import json
from sampan.api.names import GVK, parse_api_version

Shape = Literal["one", "many", "map", "inline"]
SCALARS: Final = frozenset(("string", "bytes", "bool", "int32", "int64", "double"))
META: Final = frozenset(
    ("Status", "APIVersions", "APIGroup", "APIGroupList", "APIResourceList", "DeleteOptions", "WatchEvent",
     "CreateOptions", "UpdateOptions", "PatchOptions", "ListOptions", "GetOptions")
)  # fmt: skip
"""Kinds that every group version has, and that are messages of meta/v1."""


class Field(NamedTuple):
    """One field. `type` is a scalar of SCALARS or the name of a message."""

    name: str
    number: int
    shape: Shape
    type: str


@cache
def _tables() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Groups and messages, read from the data file on first use (some hundreds of microseconds)."""
    found: Any = json.loads((Path(__file__).parent / "data" / "messages.json").read_bytes())
    return found["groups"], found["messages"]


@cache
def message_of(gvk: GVK) -> str:
    """The message that objects of a kind are; empty if there is none (custom resources)."""
    groups, messages = _tables()
    package = groups.get(gvk.group)
    if package is None:
        return ""
    shared = f"meta.v1.{gvk.kind}"
    if gvk.kind in META:
        return shared
    name = f"{package}.{gvk.version}.{gvk.kind}"
    if package == "meta" and name not in messages:
        name = shared  # v1beta1 shares what it does not define itself
    return name if name in messages else ""


@cache
def message_of_names(api_version: str, kind: str) -> str:
    """As `message_of`, for an object's own words."""
    return message_of(GVK(*parse_api_version(api_version), kind))


def fields_of(name: str) -> tuple[Field, ...]:
    """The fields of a message; raises KeyError."""
    text = _tables()[1][name]
    package = name.rpartition(".")[0]
    return tuple(_field(one, package) for one in text.split(";")) if text else ()


def _field(text: str, package: str) -> Field:
    name, number, kind = text.split(" ")
    shape: Shape = "one"
    if kind[0] == "*":
        shape, kind = "many", kind[1:]
    elif kind[0] == "{":
        shape, kind = "map", kind[1:-1]
    elif kind[0] == "^":
        shape, kind = "inline", kind[1:]
    if kind not in SCALARS and "." not in kind:
        kind = f"{package}.{kind}"
    return Field(name, int(number), shape, kind)
