"""Parsed reads of stored objects for the server's own needs; a version is parsed once."""

from sampan.api.json import Obj, loads
from sampan.store.base import KeyValue, Store

REMEMBERED = 8192
SHORT = 64
"""Lists of at most this many objects are remembered as lists."""


class StoredObjects:
    """Objects as the store keeps them. They are shared: nobody may change them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parsed: dict[str, tuple[int, Obj]] = {}
        self._lists: dict[tuple[str, str], tuple[int, list[Obj]]] = {}

    async def get(self, plural: str, namespace: str, name: str, group: str = "") -> Obj | None:
        """One object, or None."""
        path = f"{namespace}/{name}" if namespace else name
        kv = await self._store.get(f"/{group or 'core'}/{plural}/{path}")
        return None if kv is None else self._parse(kv)

    async def list(self, plural: str, namespace: str = "", group: str = "") -> list[Obj]:
        """All objects of a kind, in one namespace or all; kept until anything of the kind changes."""
        root = f"/{group or 'core'}/{plural}/"
        wanted = (root, namespace)
        known = self._lists.get(wanted)
        changed = self._store.changed(root)
        if known is not None and known[0] == changed:
            return known[1]
        page = await self._store.range(f"{root}{namespace}/" if namespace else root)
        found = [self._parse(kv) for kv in page.items]
        if len(found) <= SHORT:
            if len(self._lists) >= REMEMBERED:
                self._lists.clear()
            self._lists[wanted] = (changed, found)
        return found

    def _parse(self, kv: KeyValue) -> Obj:
        known = self._parsed.get(kv.key)
        if known is not None and known[0] == kv.revision:
            return known[1]
        if len(self._parsed) >= REMEMBERED:
            self._parsed.clear()
        obj: Obj = loads(kv.value)
        self._parsed[kv.key] = (kv.revision, obj)
        return obj
