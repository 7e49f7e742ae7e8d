"""What is stored now of a kind that admission goes by: read again only after a write, each version parsed once."""

from collections.abc import Callable
from typing import Generic, TypeVar

from sampan.api.json import Obj, loads
from sampan.apiserver.admission.webhook import GROUP
from sampan.store.base import Store

T = TypeVar("T")


class Configurations(Generic[T]):
    """The objects of a kind of admissionregistration.k8s.io by their names, each as the records that `read` makes."""

    def __init__(self, store: Store, plural: str, read: Callable[[Obj], tuple[T, ...]]) -> None:
        self._store, self._prefix, self._parse = store, f"/{GROUP}/{plural}/", read
        self._known: dict[str, tuple[int, tuple[T, ...]]] = {}
        """Key to revision and records."""
        self._seen = 0
        self._all: tuple[T, ...] = ()

    def current(self) -> tuple[T, ...] | None:
        """The records, or None when something was written that is not known yet: `read` then."""
        return self._all if self._store.changed(self._prefix) == self._seen else None

    async def read(self) -> tuple[T, ...]:
        """The records as they are stored: what is written is seen by the next request."""
        changed = self._store.changed(self._prefix)
        page = await self._store.range(self._prefix)
        found = {}
        for kv in page.items:
            known = self._known.get(kv.key)
            found[kv.key] = known if known is not None and known[0] == kv.revision else (
                kv.revision, self._parse(loads(kv.value))
            )  # fmt: skip
        self._known = found
        self._all = tuple(one for key in sorted(found) for one in found[key][1])
        self._seen = changed
        return self._all
