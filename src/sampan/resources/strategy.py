"""GenericStrategy: what nearly every kind does on create, update and status update."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.resource import Strategy
from sampan.api.schema.decode import zero
from sampan.api.schema.nodes import Node


@dataclass(frozen=True, slots=True)
class GenericStrategy:
    """Keeps status and the rest apart, for kinds with a status subresource; otherwise changes nothing.

    A kind's own strategy subclasses this and overrides what it needs.
    """

    has_status: bool = False
    status_keeps: tuple[str, ...] = ()
    """Metadata fields that an update of /status cannot change."""
    status_on_create: bool = False
    schema: Node | None = None
    parts: Mapping[str, Strategy] = field(default_factory=dict)
    """The strategies of subresources that update the object, besides status; their updates are asked of these."""

    def default(self, obj: Obj) -> Obj:
        """Nothing to fill in."""
        return obj

    def prepare_create(self, obj: Obj) -> Obj:
        """Empty status, as Go writes an empty one."""
        if not self.has_status or self.status_on_create:
            return obj
        field = self.schema.properties.get("status") if self.schema is not None else None
        if field is not None and field.presence == "always":
            return {**obj, "status": zero(field)}
        return {key: value for key, value in obj.items() if key != "status"} if "status" in obj else obj

    def prepare_update(self, new: Obj, old: Obj) -> Obj:
        """Status stays the old one."""
        if not self.has_status:
            return new
        return with_field(new, "status", old)

    def prepare_status(self, new: Obj, old: Obj) -> Obj:
        """All but status and metadata stays; of metadata what `status_keeps` names stays too."""
        result = dict(old)
        result["metadata"] = keep_fields(new.get("metadata") or {}, old.get("metadata") or {}, self.status_keeps)
        if "status" in new:
            result["status"] = new["status"]
        else:
            result.pop("status", None)
        return result

    def validate_create(self, obj: Obj) -> list[FieldError]:
        """Nothing to find fault with."""
        return []

    def validate_update(self, new: Obj, old: Obj) -> list[FieldError]:
        """Nothing to find fault with."""
        return []

    def validate_status(self, new: Obj, old: Obj) -> list[FieldError]:
        """Nothing to find fault with."""
        return []

    def early_warnings(self, obj: Obj) -> list[str]:
        """None."""
        return []

    def warnings(self, obj: Obj) -> list[str]:
        """None."""
        return []

    def status_warnings(self, new: Obj, old: Obj) -> list[str]:
        """None."""
        return []

    def update_warnings(self, new: Obj, old: Obj) -> list[str]:
        """Those of a new object."""
        return self.warnings(new)


def with_field(new: Obj, key: str, old: Obj) -> Obj:
    """`new` with the top-level field `key` as `old` has it, absent if `old` lacks it."""
    if key in old:
        return new if new.get(key) is old[key] else {**new, key: old[key]}
    return {name: value for name, value in new.items() if name != key} if key in new else new


def keep_fields(new: Mapping[str, object], old: Mapping[str, object], keys: tuple[str, ...]) -> Obj:
    """`new` with the fields named in `keys` as `old` has them."""
    result = dict(new)
    for key in keys:
        if key in old:
            result[key] = old[key]
        else:
            result.pop(key, None)
    return result
