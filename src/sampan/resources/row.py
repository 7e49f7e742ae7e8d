"""The row of the table of built-in kinds: names, scope, verbs and history, as plain data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import ScalePaths, Subresource

ALL_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ_WRITE: Final = ("get", "patch", "update")
CREATE_ONLY: Final = ("create",)
STATUS: Final = Subresource("status", None, READ_WRITE)
SCALE: Final = Subresource("scale", GVK("autoscaling", "v1", "Scale"), READ_WRITE)
FOREVER: Final = 10_000
FIRST: Final = 25

Reader = Callable[[Obj], str]


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since which minor a version is deprecated, when it goes, and what takes its place (`autoscaling/v2`)."""

    since: int
    removed: int = 0
    use: str = ""

    def text(self, gvk: GVK) -> str:
        """The Warning header's text."""
        text = f"{gvk.api_version} {gvk.kind} is deprecated in v1.{self.since}+"
        if self.removed:
            text += f", unavailable in v1.{self.removed}+"
        return f"{text}; use {self.use}" if self.use else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One group, version and kind, and the minors of Kubernetes that serve it by default."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    since: int = FIRST
    until: int = FOREVER
    """The last minor that serves it."""
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    subresources_since: Mapping[str, int] = field(default_factory=dict)
    generation_since: int = FOREVER
    """The first minor in which metadata.generation is counted."""
    create_on_update: bool = False
    unconditional_update: bool = True
    deprecated: Deprecation | None = None
    selectable: Mapping[str, Reader] = field(default_factory=dict)
    scale: ScalePaths | None = None
    graceful: bool = False
    status_keeps: tuple[str, ...] = ()
    """Metadata fields that an update of /status cannot change."""
    status_on_create: bool = False
    """The creator may set status (nodes)."""
    before: str = ""
    """The version in which the minor `since` still stores it, so that one can go back; seen in discovery's hash."""
    always_before: bool = False
    """Every minor says it stores it as `before`."""
    definition: str = ""
    """Name of the schema definition, when the group does not tell it."""

    @property
    def gvk(self) -> GVK:
        return GVK(self.group, self.version, self.kind)

    def served(self, minor: int) -> bool:
        """Whether Kubernetes 1.minor serves this version by default."""
        return self.since <= minor <= self.until


RESET_META: Final = ("deletionTimestamp", "generation", "labels", "annotations", "finalizers", "ownerReferences")
"""What apimachinery's ResetObjectMetaForStatus takes from the stored object."""


def at(*path: str, default: str = "") -> Reader:
    """A reader of a scalar at a path, written as Go prints it; `default` for Go's zero value when it is missing."""

    def read(obj: Obj) -> str:
        value: object = obj
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    return read
