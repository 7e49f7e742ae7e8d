"""What takes audit events, and how failures of it are told (upstream: apiserver/pkg/audit, plugin/pkg/audit)."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from sampan.api.json import Obj
from sampan.apiserver.audit.legacy import legacy_line
from sampan.obs.metrics import Metrics

log = logging.getLogger(__name__)
Events = Sequence[Obj]


class Backend(Protocol):
    """Takes events that nobody changes any more."""

    async def process(self, events: Events) -> bool:
        """False: they could not be stored, and the request is to be refused. Failures were told already."""

    async def close(self) -> None:
        """Store what is held back; no more events come."""


class AuditMetrics:
    """Counters of events, of levels and of failures."""

    def __init__(self, metrics: Metrics) -> None:
        self.events = metrics.counter(
            "apiserver_audit_event_total",
            "[ALPHA] Counter of audit events generated and sent to the audit backend.",
        )
        self._errors = metrics.counter(
            "apiserver_audit_error_total",
            "[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected "
            "by the error.",
            ("plugin",),
        )
        self._levels: Any = metrics.counter(
            "apiserver_audit_level_total",
            "[ALPHA] Counter of policy levels for audit events (1 per request).",
            ("level",),
        )
        self._by_level: dict[str, Any] = {}
        self.rejected = metrics.counter(
            "apiserver_audit_requests_rejected_total",
            "[ALPHA] Counter of apiserver requests rejected due to an error in audit logging backend.",
        )

    def level(self, level: str) -> None:
        """A request of that level."""
        counter = self._by_level.get(level)
        if counter is None:
            counter = self._by_level[level] = self._levels.labels(level)
        counter.inc()

    def failed(self, plugin: str, why: str, events: Events) -> None:
        """Events are lost; they are told in the server's own log."""
        self._errors.labels(plugin).inc(len(events))
        lost = "\n".join(map(legacy_line, events))
        log.error("Error in audit plugin '%s' affecting %d audit events: %s\nImpacted events:\n%s", plugin, len(events),
                  why, lost)  # fmt: skip


class Several:
    """All of them get every event."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = tuple(backends)

    async def process(self, events: Events) -> bool:
        stored = [await backend.process(events) for backend in self._backends]
        return all(stored)

    async def close(self) -> None:
        for backend in self._backends:
            await backend.close()


class Forgiving:
    """Failures do not concern requests (mode `blocking`)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.close = backend.close

    async def process(self, events: Events) -> bool:
        await self._backend.process(events)
        return True
