"""Rules: a kind's strategy put together from plain functions, and the small tools these are written with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.resources.strategy import GenericStrategy
from sampan.resources.validation.metadata import check_meta_update

Change = Callable[[Obj], Obj]
Update = Callable[[Obj, Obj], Obj]
Check = Callable[[Obj], list[FieldError]]
Warn = Callable[[Obj], list[str]]
CheckUpdate = Callable[[Obj, Obj], list[FieldError]]
WarnUpdate = Callable[[Obj, Obj], list[str]]


@dataclass(frozen=True, slots=True)
class Rules(GenericStrategy):
    """GenericStrategy, plus what this kind needs besides; a part that is None changes or demands nothing.""" ""

    defaults: Change | None = None
    on_create: Change | None = None
    on_update: Update | None = None
    on_status: Update | None = None
    check: Check | None = None
    """For creates, and for the new object of an update."""
    check_update: CheckUpdate | None = None
    """For updates, besides `check`."""
    check_change: CheckUpdate | None = None
    """For updates, all of it: in place of `check`, `check_update` and the second look at the metadata."""
    check_status: CheckUpdate | None = None
    warn: Warn | None = None
    """For creates, and for updates if `warn_update` does not speak of those."""
    warn_early: Warn | None = None
    """For creates, from the object before it is prepared; sent even if the create fails."""
    warn_update: WarnUpdate | None = None
    warn_status: WarnUpdate | None = None

    def default(self, obj: Obj) -> Obj:
        """The object with the kind's defaults."""
        return self.defaults(obj) if self.defaults else obj

    def prepare_create(self, obj: Obj) -> Obj:
        """GenericStrategy's, then the kind's own."""
        ready = GenericStrategy.prepare_create(self, obj)
        return self.on_create(ready) if self.on_create else ready

    def prepare_update(self, new: Obj, old: Obj) -> Obj:
        """GenericStrategy's, then the kind's own."""
        ready = GenericStrategy.prepare_update(self, new, old)
        return self.on_update(ready, old) if self.on_update else ready

    def prepare_status(self, new: Obj, old: Obj) -> Obj:
        """GenericStrategy's, then the kind's own."""
        ready = GenericStrategy.prepare_status(self, new, old)
        return self.on_status(ready, old) if self.on_status else ready

    def validate_create(self, obj: Obj) -> list[FieldError]:
        """What is wrong with a new object."""
        return self.check(obj) if self.check else []

    def validate_update(self, new: Obj, old: Obj) -> list[FieldError]:
        """What is wrong with the new state of an object."""
        if self.check_change:
            return self.check_change(new, old)
        found = metadata_again(new, old)
        if self.check:
            found += self.check(new)
        return found + self.check_update(new, old) if self.check_update else found

    def validate_status(self, new: Obj, old: Obj) -> list[FieldError]:
        """What is wrong with a new status."""
        found = metadata_again(new, old)
        return found + self.check_status(new, old) if self.check_status else found

    def early_warnings(self, obj: Obj) -> list[str]:
        """Texts for Warning headers, whatever becomes of the object."""
        return self.warn_early(obj) if self.warn_early else []

    def warnings(self, obj: Obj) -> list[str]:
        """Texts for Warning headers."""
        return self.warn(obj) if self.warn else []

    def update_warnings(self, new: Obj, old: Obj) -> list[str]:
        """Texts for Warning headers of an update."""
        return self.warn_update(new, old) if self.warn_update else self.warnings(new)

    def status_warnings(self, new: Obj, old: Obj) -> list[str]:
        """Texts for Warning headers of an update of the status."""
        return self.warn_status(new, old) if self.warn_status else []


NONE = Rules()
"""For kinds of which nothing is asked but their metadata."""


def metadata_again(new: Obj, old: Obj) -> list[FieldError]:
    """The metadata of an update, as nearly every kind of upstream looks at it once more by itself."""
    return check_meta_update(new.get("metadata") or {}, old.get("metadata") or {})


def fill(value: Mapping[str, Any], **defaults: Any) -> Obj:
    """`value` with what it lacks; an empty string or null counts as lacking, 0 and false do not."""
    missing = {key: default for key, default in defaults.items() if value.get(key) in (None, "")}
    return {**value, **missing} if missing else value if isinstance(value, dict) else dict(value)


def fill_absent(value: Obj, **defaults: Any) -> Obj:
    """As `fill`, but only what is not there or null counts as lacking (Go's pointers)."""
    missing = {key: default for key, default in defaults.items() if value.get(key) is None}
    return {**value, **missing} if missing else value


def fill_zero(value: Mapping[str, Any], **defaults: Any) -> Obj:
    """As `fill`, and 0 counts as lacking too (Go's plain integers)."""
    missing = {key: default for key, default in defaults.items() if not value.get(key)}
    return {**value, **missing} if missing else value if isinstance(value, dict) else dict(value)


def within(value: Obj, key: str, change: Callable[[Any], Any], *, absent: Any = None) -> Obj:
    """`value` with `value[key]` changed; a missing one is left alone unless `absent` says what stands in for it."""
    have = value.get(key)
    if have is None:
        if absent is None:
            return value
        have = absent
    made = change(have)
    return value if made is value.get(key) else {**value, key: made}


def each(items: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    """The list with every element changed; the same list when nothing was."""
    made = [change(item) for item in items]
    return made if any(a is not b for a, b in zip(made, items, strict=True)) else items


def without(value: Obj, *keys: str) -> Obj:
    """`value` without these keys."""
    return {k: v for k, v in value.items() if k not in keys} if any(key in value for key in keys) else value
