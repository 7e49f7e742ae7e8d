"""The Resource record: everything the machinery knows about one served kind, built in or from a CRD."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.names import GVK, GVR, RestMapping
from sampan.api.schema.nodes import Node


class Strategy(Protocol):
    """What a schema cannot say about a kind. Pure: objects come in, new ones or errors go out, nothing is mutated."""

    def default(self, obj: Obj) -> Obj:
        """Fill in defaults, as upstream's SetDefaults functions do; runs after decoding and again after admission."""

    def prepare_create(self, obj: Obj) -> Obj:
        """Drop or set what a creator may not decide (status, generation of the spec is set by the registry)."""

    def prepare_update(self, new: Obj, old: Obj) -> Obj:
        """Carry over what an update of the main resource may not change (status)."""

    def prepare_status(self, new: Obj, old: Obj) -> Obj:
        """Carry over what an update of /status may not change (everything but status and a little metadata)."""

    def validate_create(self, obj: Obj) -> list[FieldError]: ...

    def validate_update(self, new: Obj, old: Obj) -> list[FieldError]: ...

    def validate_status(self, new: Obj, old: Obj) -> list[FieldError]: ...

    def early_warnings(self, obj: Obj) -> list[str]:
        """Texts for Warning headers of a create, from the object before it is prepared; sent even if it is refused."""

    def warnings(self, obj: Obj) -> list[str]:
        """Texts for Warning headers of a create that is valid."""

    def update_warnings(self, new: Obj, old: Obj) -> list[str]:
        """Texts for Warning headers of an update that is valid."""

    def status_warnings(self, new: Obj, old: Obj) -> list[str]:
        """Texts for Warning headers of an update of /status that is valid."""


@dataclass(frozen=True, slots=True)
class Column:
    """One printer column of a Table."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
    path: str = ""
    """JSONPath, for columns of CRDs."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """`pods/status`, `deployments/scale`, ...; `kind` is the kind its body has, when it differs from the parent's."""

    name: str
    kind: GVK | None
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where /scale reads and writes, as field tuples."""

    replicas: tuple[str, ...] = ("spec", "replicas")
    status_replicas: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ("status", "selector")


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One served version of one kind."""

    mapping: RestMapping
    singular: str
    list_kind: str
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    verbs: tuple[str, ...]
    schema: Node
    strategy: Strategy
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    rows: Callable[[Obj, str], list[object]] | None = None
    """(object, now as RFC 3339) to the cells of its Table row; None prints name and age."""
    selectable: Mapping[str, Callable[[Obj], str]] = field(default_factory=dict)
    """Field selectors besides metadata.name and metadata.namespace: label to reader."""
    storage: GVR | None = None
    """Where objects are kept, when another version (or group) of the kind is the stored one."""
    from_storage: Callable[[Obj], Obj] | None = None
    to_storage: Callable[[Obj], Obj] | None = None
    scale: ScalePaths | None = None
    storage_version_hash: str = ""
    has_generation: bool = False
    """metadata.generation is counted: 1 on create, +1 when anything but metadata and status changes."""
    allow_create_on_update: bool = False
    """PUT or apply of a missing name creates it (leases, events, ...)."""
    allow_unconditional_update: bool = True
    deprecated: str = ""
    """The Warning text for any use of this version; empty if not deprecated."""
    graceful: bool = False
    """DELETE honours gracePeriodSeconds (pods)."""
    renews: bool = False
    """Objects may have been stored before the schema had its defaults: they are filled in when objects are read."""
    custom: bool = False
    """Described by a CustomResourceDefinition."""

    @property
    def gvk(self) -> GVK:
        return GVK(self.mapping.group, self.mapping.version, self.mapping.kind)

    @property
    def gvr(self) -> GVR:
        return GVR(self.mapping.group, self.mapping.version, self.mapping.plural)
