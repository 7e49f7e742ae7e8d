"""The webhook configurations that are stored now: followed from the store, each version parsed once."""

from sampan.api.json import loads
from sampan.apiserver.admission.webhook import GROUP, Hook, read_hooks
from sampan.store.base import KeyValue, SlowReader, Store, Watch

MUTATING, VALIDATING = "mutatingwebhookconfigurations", "validatingwebhookconfigurations"


class Configurations:
    """The webhooks of one of the two kinds, by their configurations' names. `run` must run."""

    def __init__(self, store: Store, plural: str) -> None:
        self._store, self._prefix = store, f"/{GROUP}/{plural}/"
        self._known: dict[str, tuple[int, tuple[Hook, ...]]] = {}
        """Key to revision and webhooks."""
        self._hooks: tuple[Hook, ...] = ()
        self._watch: Watch | None = None

    def current(self) -> tuple[Hook, ...] | None:
        """The webhooks, or None when something may have been written that is not known yet: `read` then."""
        watch = self._watch
        return self._hooks if watch is not None and watch.revision >= self._store.revision else None

    async def read(self) -> tuple[Hook, ...]:
        """The webhooks as they are stored: what is written is seen by the next request."""
        await self._read()
        return self._hooks

    async def run(self) -> None:
        """Follow the store."""
        while True:
            revision = await self._read()
            self._watch = watch = self._store.watch(self._prefix, since=revision)
            try:
                async for batch in watch:
                    for event in batch:
                        self._learn(event.kv, event.type == "PUT")
                    if batch:
                        self._order()
                return
            except SlowReader:
                continue
            finally:
                self._watch = None
                watch.close()

    async def _read(self) -> int:
        page = await self._store.range(self._prefix)
        found = {kv.key for kv in page.items}
        if found == self._known.keys() and all(self._known[kv.key][0] == kv.revision for kv in page.items):
            return page.revision
        for key in self._known.keys() - found:
            del self._known[key]
        for kv in page.items:
            self._learn(kv, True)
        self._order()
        return page.revision

    def _learn(self, kv: KeyValue, there: bool) -> None:
        known = self._known.get(kv.key)
        if known is not None and known[0] >= kv.revision:
            return
        if there:
            self._known[kv.key] = kv.revision, read_hooks(loads(kv.value))
        else:
            self._known.pop(kv.key, None)

    def _order(self) -> None:
        self._hooks = tuple(hook for key in sorted(self._known) for hook in self._known[key][1])
