"""Resource x Store: keys, encoded versions, selectors' indexes; the place where store errors become Status errors."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sampan.api import errors
from sampan.api.json import Obj, loads
from sampan.api.meta import is_path_segment
from sampan.api.quote import go_quoted
from sampan.api.resource import Resource
from sampan.apiserver.conversion import Conversion
from sampan.apiserver.encode import encode, prefix_of
from sampan.apiserver.live import LiveResources
from sampan.store import base


class Entry(NamedTuple):
    """One served version and where its objects lie."""

    resource: Resource
    stored: Resource
    root: str
    """`/GROUP/PLURAL/`"""
    prefix: bytes
    """What the served version's bytes start with."""
    stored_prefix: bytes

    @property
    def converted(self) -> bool:
        """Whether objects are kept as another version."""
        return self.stored is not self.resource

    @property
    def foreign(self) -> bool:
        """Whether what is kept is not what is shown: it is converted, or gets defaults that came later."""
        return self.stored is not self.resource or self.resource.renews

    def key(self, namespace: str, name: str) -> str:
        """The key of an object."""
        return f"{self.root}{namespace}/{name}" if self.resource.mapping.namespaced else self.root + name

    def range(self, namespace: str) -> str:
        """The prefix of a collection's keys."""
        return f"{self.root}{namespace}/" if namespace and self.resource.mapping.namespaced else self.root


def unavailable(error: base.StoreError) -> errors.StatusError:
    """A store that cannot do it now."""
    return errors.unavailable(str(error))


def missing(entry: Entry, name: str) -> errors.StatusError:
    """404; 400 for a name that cannot be."""
    if problems := is_path_segment(name):
        return errors.bad_request(f"Name parameter invalid: {go_quoted(name)}: {';'.join(problems)}")
    return errors.not_found(entry.resource.mapping.group, entry.resource.mapping.plural, name)


class Registry:
    """Reads and writes objects of any served resource."""

    def __init__(self, store: base.Store, live: LiveResources) -> None:
        self.store, self.live = store, live
        self._entries: dict[Resource, Entry] = {}
        self.conversions: dict[tuple[str, str], Conversion] = {}
        """The conversion webhooks of custom kinds by group and plural."""
        live.on_change(self._entries.clear)

    def entry(self, resource: Resource) -> Entry:
        """Where a resource lies."""
        found = self._entries.get(resource)
        if found is None:
            stored = self.live.stored(resource)
            mapping = stored.mapping
            root = f"/{mapping.group or 'core'}/{mapping.plural}/"
            prefix = prefix_of(resource.gvk.api_version, resource.gvk.kind)
            stored_prefix = prefix_of(stored.gvk.api_version, stored.gvk.kind)
            found = self._entries[resource] = Entry(resource, stored, root, prefix, stored_prefix)
        return found

    async def get(self, entry: Entry, namespace: str, name: str) -> base.KeyValue:
        """One object's version that stands; raises 404."""
        kv = await self.store.get(entry.key(namespace, name))
        if kv is None:
            raise missing(entry, name)
        if entry.foreign:
            await self.prepare(entry, (kv,))
        return kv

    async def newest(self, entry: Entry, namespace: str, name: str) -> base.KeyValue:
        """The version that an update follows, which need not be durable yet; raises 404."""
        kv = await self.store.newest(entry.key(namespace, name))
        if kv is None:
            raise missing(entry, name)
        if entry.foreign:
            await self.prepare(entry, (kv,))
        return kv

    async def prepare(self, entry: Entry, kvs: Iterable[base.KeyValue]) -> None:
        """Before `value`, `object` and `convert` are called for them: ask the kind's conversion webhook, if it has one.

        Raises ConversionError.
        """
        conversion = self._conversion(entry)
        if conversion is not None:
            await conversion.prepare([loads(kv.value) for kv in kvs], entry.resource.gvk.api_version)

    def _conversion(self, entry: Entry) -> Conversion | None:
        if not entry.converted or not self.conversions:
            return None
        mapping = entry.resource.mapping
        return self.conversions.get((mapping.group, mapping.plural))

    async def durable(self, kv: base.KeyValue) -> None:
        """Before it is shown to a client: wait until a version that was read by `newest` is durable."""
        try:
            await self.store.durable(kv)
        except base.StoreError as error:
            raise unavailable(error) from error

    def value(self, entry: Entry, kv: base.KeyValue) -> bytes:
        """The bytes of the served version."""
        if not entry.foreign:
            return kv.value
        return encode(entry.prefix, self.object(entry, kv)).stamp(kv.revision)

    def object(self, entry: Entry, kv: base.KeyValue) -> Obj:
        """The object in the served version; it may be shared, so it is not to be changed."""
        return self.convert(entry, loads(kv.value))

    def convert(self, entry: Entry, stored: Obj) -> Obj:
        """An object of the stored version as the served one."""
        conversion, convert = self._conversion(entry), entry.resource.from_storage
        if conversion is not None:
            stored = conversion.known(stored, entry.resource.gvk.api_version)
        elif entry.converted and convert is not None:
            stored = convert(stored)
        return entry.resource.strategy.default(stored) if entry.resource.renews else stored

    async def _to_storage(self, entry: Entry, obj: Obj) -> Obj:
        conversion = self._conversion(entry)
        if conversion is not None:
            gvk = entry.resource.gvk
            whole = {"kind": gvk.kind, "apiVersion": gvk.api_version, **obj}
            return (await conversion.convert([whole], entry.stored.gvk.api_version))[0]
        convert = entry.resource.to_storage
        return convert(obj) if entry.converted and convert is not None else obj

    async def draft(self, entry: Entry, obj: Obj) -> tuple[base.Draft, Mapping[str, str], Mapping[str, str]]:
        """What is stored of an object: bytes, labels, selectable fields."""
        kept = await self._to_storage(entry, obj) if entry.converted else obj
        labels = (kept.get("metadata") or {}).get("labels") or base.NO_LABELS
        selectable = entry.stored.selectable
        fields = {name: read(kept) for name, read in selectable.items()} if selectable else base.NO_LABELS
        return encode(entry.stored_prefix, kept), labels, fields

    async def create(self, entry: Entry, namespace: str, obj: Obj) -> base.KeyValue:
        """Write a new object; raises 409 if the name is taken."""
        name = obj["metadata"]["name"]
        draft, labels, fields = await self.draft(entry, obj)
        try:
            made = await self.store.put(entry.key(namespace, name), draft, labels=labels, fields=fields, expect=0)
        except base.Conflict as conflict:
            raise self.taken(entry, name, conflict.current) from None
        except base.StoreError as error:
            raise unavailable(error) from error
        if entry.foreign:
            await self.prepare(entry, (made,))
        return made

    def taken(self, entry: Entry, name: str, current: base.KeyValue | None) -> errors.StatusError:
        """409: that name exists."""
        mapping = entry.resource.mapping
        error = errors.already_exists(mapping.group, mapping.plural, name)
        if current is not None and loads(current.value)["metadata"].get("deletionTimestamp"):
            error.message = f"object is being deleted: {error.message}"
        return error

    async def update(self, entry: Entry, old: base.KeyValue, obj: Obj) -> base.KeyValue:
        """Replace a version. Nothing is written when nothing changed. Raises store.base.Conflict for the caller."""
        draft, labels, fields = await self.draft(entry, obj)
        if draft.stamp(old.revision) == old.value:
            await self.durable(old)
            return old
        try:
            made = await self.store.put(old.key, draft, labels=labels, fields=fields, expect=old.revision)
        except base.Conflict:
            raise
        except base.StoreError as error:
            raise unavailable(error) from error
        if entry.foreign:
            await self.prepare(entry, (made,))
        return made

    async def delete(self, entry: Entry, old: base.KeyValue, last: Obj | None = None) -> base.KeyValue:
        """Remove a version; `last` is the state that watchers get, if not the stored one. Raises Conflict."""
        kept = loads(old.value) if last is None else await self._to_storage(entry, last) if entry.foreign else last
        draft = encode(entry.stored_prefix, kept)
        try:
            made = await self.store.delete(old.key, draft, expect=old.revision)
        except base.Conflict:
            raise
        except base.StoreError as error:
            raise unavailable(error) from error
        if entry.foreign:
            await self.prepare(entry, (made,))
        return made
