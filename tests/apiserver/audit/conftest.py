"""A backend that remembers, and what was counted."""

import asyncio
from collections.abc import Sequence

import pytest

from sampan.api.json import Obj
from sampan.apiserver.audit.backend import AuditMetrics
from sampan.obs.metrics import Metrics


class Memory:
    """Keeps the batches; `gate` holds it up, `good` is what it says."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.events: list[Obj] = []
        self.good, self.closed = True, False
        self.gate = asyncio.Event()
        self.gate.set()

    async def process(self, events: Sequence[Obj]) -> bool:
        assert not self.closed
        self.batches.append([event["auditID"] for event in events])
        self.events.extend(events)
        await self.gate.wait()
        return self.good

    async def close(self) -> None:
        self.closed = True


class Counts(AuditMetrics):
    """Counters that can be read."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        super().__init__(self.metrics)

    def errors(self) -> dict[str, float]:
        """Lost events by plugin."""
        lines = self.metrics.text().decode().splitlines()
        pairs = (line.split("{plugin=")[1].split("} ") for line in lines if line.startswith("apiserver_audit_error_"))
        return {plugin.strip('"'): float(value) for plugin, value in pairs}


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def events() -> list[Obj]:
    """Ten events of level Metadata."""
    return [
        {
            "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": str(number),
            "stage": "ResponseComplete", "verb": "get", "requestURI": "/x", "user": {"username": "jane"},
            "requestReceivedTimestamp": "2026-01-01T00:00:00.000000Z",
        }
        for number in range(10)
    ]  # fmt: skip
