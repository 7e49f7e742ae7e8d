"""metadata.managedFields as records: who owns which fields through which version (apimachinery: util/managedfields)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from sampan.api.json import Obj, dumps
from sampan.api.patch.fields import FieldSet, MalformedFields, ordered, parse, union

APPLY, UPDATE = "Apply", "Update"
MAX_UPDATERS: Final = 10
ANCIENT: Final = "ancient-changes"


class Manager(NamedTuple):
    """What tells one owner from another."""

    name: str
    operation: str
    api_version: str
    """Empty for appliers: one that comes with another version is still the same."""
    subresource: str = ""

    @property
    def identifier(self) -> str:
        """The text by which upstream sorts managers."""
        keys = {
            "manager": self.name, "operation": self.operation, "apiVersion": self.api_version,
            "subresource": self.subresource,
        }  # fmt: skip
        return dumps({key: value for key, value in keys.items() if value}).decode()

    def __str__(self) -> str:
        """As conflicts name it."""
        text = dumps(self.name).decode()
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Owned:
    """What one manager owns."""

    fields: FieldSet
    api_version: str
    time: str | None = None


Managed = dict[Manager, Owned]


class MalformedManagers(ValueError):
    """managedFields that cannot be read."""


def manager_id(name: str, operation: str, api_version: str, subresource: str) -> Manager:
    """The identity of a writer."""
    return Manager(name or "unknown", operation, "" if operation == APPLY else api_version, subresource)


def decode_managed(entries: Any, trusted: bool = False) -> Managed:
    """managedFields as records. `trusted`: this server wrote them. Raises MalformedManagers."""
    found: Managed = {}
    for index, entry in enumerate(entries or ()):
        operation, version = entry.get("operation", ""), entry.get("apiVersion", "")
        if not trusted:
            _check_entry(index, entry, operation, version)
        fields = entry.get("fieldsV1") or {}
        if not trusted:
            try:
                fields = parse(fields)
            except MalformedFields as error:
                raise MalformedManagers(f"error decoding set: {error}") from None
        key = Manager(
            entry.get("manager", ""), operation, "" if operation == APPLY else version, entry.get("subresource", "")
        )
        found[key] = Owned(fields, version, entry.get("time"))
    return found


def _check_entry(index: int, entry: Mapping[str, Any], operation: str, version: str) -> None:
    if operation not in (APPLY, UPDATE):
        raise MalformedManagers("operation must be `Apply` or `Update`")
    if not version:
        raise MalformedManagers("apiVersion must not be empty")
    kind = entry.get("fieldsType", "")
    if not kind:
        raise MalformedManagers(f"missing fieldsType in managed fields entry {index}")
    if kind != "FieldsV1":
        raise MalformedManagers(f'invalid fieldsType "{kind}" in managed fields entry {index}')


def encode_managed(managed: Managed) -> list[Obj]:
    """Records as managedFields, in upstream's order."""
    found = []
    for key, owned in managed.items():
        entry: Obj = {"manager": key.name, "operation": key.operation, "apiVersion": owned.api_version}
        if owned.time is not None:
            entry["time"] = owned.time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = owned.fields
        if key.subresource:
            entry["subresource"] = key.subresource
        found.append(entry)
    if len(found) > 1:
        found.sort(key=_place)
    return found


def _place(entry: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    return (
        entry["operation"], entry.get("time", ""), entry["manager"], entry["apiVersion"], entry.get("subresource", ""),
    )  # fmt: skip


def with_managed(obj: Obj, managed: Managed) -> Obj:
    """The object with these managers, or with none."""
    metadata = obj.get("metadata") or {}
    if managed:
        return {**obj, "metadata": {**metadata, "managedFields": encode_managed(managed)}}
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}


def is_reset(entries: Any) -> bool:
    """Whether a client asks to forget all managers: an empty list, or one empty entry."""
    if not isinstance(entries, list):
        return False
    return not entries or (len(entries) == 1 and not any((entries[0] or {}).values()))


def live_or_new(old: Obj, new: Obj, subresource: str) -> Managed:
    """The managers before a write: those that the new object brings, if it may and they can be read."""
    live = decode_managed((old.get("metadata") or {}).get("managedFields"), trusted=True)
    if subresource:
        return live
    metadata = new.get("metadata") or {}
    entries = metadata.get("managedFields")
    if entries == (old.get("metadata") or {}).get("managedFields"):
        return live
    if is_reset(entries):
        return {}
    try:
        return decode_managed(entries) or live
    except (MalformedManagers, AttributeError):
        return live


def ordered_fields(owned: Owned) -> Owned:
    """With the set in upstream's order."""
    return replace(owned, fields=ordered(owned.fields))


def capped(managed: Managed) -> Managed:
    """With the oldest of too many updaters put together, one entry for each version."""
    updaters = [key for key in managed if key.operation == UPDATE]
    if len(updaters) <= MAX_UPDATERS:
        return managed
    result = dict(managed)
    updaters.sort(key=lambda key: (_seconds(managed[key].time), key.identifier))
    first: dict[str, Manager] = {}
    left = len(updaters)
    for key in updaters:
        if left <= MAX_UPDATERS:
            break
        owned = managed[key]
        bucket = Manager(ANCIENT, UPDATE, owned.api_version)
        known = first.get(owned.api_version)
        if known is None:
            first[owned.api_version] = key
            continue
        if bucket not in result:
            result[bucket] = result.pop(known)
        together = union(owned.fields, result[bucket].fields)
        result[bucket] = Owned(ordered(together), owned.api_version, owned.time)
        if key != bucket:
            del result[key]
        left -= 1
    return result


def _seconds(time: str | None) -> float:
    try:
        return datetime.fromisoformat(time).timestamp() if time else 0
    except ValueError:
        return 0


def names_of(managers: Sequence[Manager]) -> list[Manager]:
    """Managers in upstream's order."""
    return sorted(managers, key=lambda key: key.identifier)
