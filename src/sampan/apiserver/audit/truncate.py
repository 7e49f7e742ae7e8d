"""Events that are too large lose what was sent and answered; batches that are too large are split."""

from sampan.api.json import Obj, dumps
from sampan.apiserver.audit.backend import AuditMetrics, Backend, Events
from sampan.apiserver.audit.policy import LEVELS

PLUGIN = "truncate"
ANNOTATION = "audit.k8s.io/truncated"


class Truncating:
    """Before a backend; sizes in bytes of JSON."""

    def __init__(self, backend: Backend, max_event: int, max_batch: int, metrics: AuditMetrics) -> None:
        self._backend, self._metrics = backend, metrics
        self._max_event, self._max_batch = max_event, max_batch
        self.close = backend.close

    async def process(self, events: Events) -> bool:
        stored, batch, weight = True, list[Obj](), 0
        lost: list[Obj] = []
        for event in events:
            size = size_of(event)
            if size > self._max_event and LEVELS.index(event["level"]) >= LEVELS.index("Request"):
                event = cut(event)
                size = size_of(event)
            if size > self._max_event:
                lost.append(event)
                continue
            if batch and weight + size > self._max_batch:
                stored = await self._backend.process(batch) and stored
                batch, weight = [], 0
            batch.append(event)
            weight += size
        if batch:
            stored = await self._backend.process(batch) and stored
        if lost:
            self._metrics.failed(PLUGIN, "event is too large even after truncating", lost)
        return stored


def size_of(event: Obj) -> int:
    """As it is written: on a line."""
    return len(dumps(event)) + 1


def cut(event: Obj) -> Obj:
    """Without what was sent and answered."""
    made = {key: value for key, value in event.items() if key not in ("requestObject", "responseObject")}
    return {**made, "annotations": {**(event.get("annotations") or {}), ANNOTATION: "true"}}
