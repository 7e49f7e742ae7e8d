"""EventedPleg: follow the runtime's event stream into the cache, for as long as it lasts."""

import contextlib
import logging
from collections.abc import Callable

from sampan.kubelet.pleg.base import Outbox
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.metrics import PlegMetrics
from sampan.kubelet.pleg.translate import LookAgain, Translation, owner, translate, trusted
from sampan.kubelet.runtime import ContainerEvent, CriError, Runtime

log = logging.getLogger("sampan.pleg")


class EventedPleg:
    """Events in, cache and pod events out. `look` is asked for a pod of which an event says too little."""

    def __init__(
        self, runtime: Runtime, cache: PodCache, outbox: Outbox, metrics: PlegMetrics, look: Callable[[str], None]
    ) -> None:
        self.runtime, self.cache, self.outbox, self.metrics, self.look = runtime, cache, outbox, metrics, look

    async def follow(self, opened: Callable[[], None]) -> None:
        """Read one stream to its end; CriError when it breaks."""

        def told() -> None:
            self.metrics.stream_opened.inc()
            opened()

        try:
            async with contextlib.aclosing(self.runtime.events(told)) as stream:  # type: ignore[type-var]
                async for event in stream:
                    self.apply(event)
        except CriError:
            self.metrics.stream_errors.inc()
            raise
        self.metrics.stream_errors.inc()

    def apply(self, event: ContainerEvent) -> None:
        """What one event says; refused if something newer is known."""
        now = self.cache.now()
        self.metrics.received.inc()
        stamp = trusted(event.created_at, now)
        if stamp:
            self.metrics.latency.observe((now - stamp) / 1e9)
        uid = owner(event) or self._owner_of(event.container_id)
        match translate(event, self.cache.peek(uid), uid, now):
            case None:
                log.debug("event %s of %s says too little", event.type.name, event.container_id)
            case LookAgain():
                self.look(uid)
            case Translation(_, stamp, status, events):
                taken = self.cache.delete(uid, stamp) if status is None else self.cache.set(uid, status, None, stamp)
                if not taken:
                    self.metrics.refused.inc()
                    return
                for sent in events:
                    self.outbox.send(sent)

    def _owner_of(self, thing: str) -> str:
        """The pod that has a container or sandbox of this id."""
        for uid in self.cache:
            status = self.cache.peek(uid)
            if status is None:
                continue
            if any(x.id == thing for x in status.sandboxes) or any(x.id == thing for x in status.containers):
                return uid
        return ""
