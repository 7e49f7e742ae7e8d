"""The PLEGs' metrics, upstream's names (FACTS 1.7); gauges read the cache, nobody counts up and down."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.runtime import ContainerState, SandboxState
from sampan.obs.metrics import Metrics

STATES = {
    ContainerState.CREATED: "created",
    ContainerState.RUNNING: "running",
    ContainerState.EXITED: "exited",
    ContainerState.UNKNOWN: "unknown",
}


def running_pods(cache: PodCache) -> int:
    """Pods with a ready sandbox."""
    statuses = (cache.peek(uid) for uid in cache)
    return sum(1 for s in statuses if s is not None and any(b.state is SandboxState.READY for b in s.sandboxes))


def running_containers(cache: PodCache) -> dict[tuple[str, ...], int]:
    """Containers by state."""
    statuses = (cache.peek(uid) for uid in cache)
    count = Counter(STATES[c.state] for s in statuses if s is not None for c in s.containers)
    return {(state,): count[state] for state in STATES.values() if count[state]}


class PlegMetrics:
    """What the PLEGs count; `registry` is the kubelet's, one of its own when none is given."""

    def __init__(self, cache: PodCache, registry: Metrics | None = None) -> None:
        self.registry = registry or Metrics()
        made = self.registry
        self.last_seen: Callable[[], float] = lambda: 0.0
        self.relist_duration = made.histogram("kubelet_pleg_relist_duration_seconds", "Time a relist of all pods took")
        self.relist_interval = made.histogram("kubelet_pleg_relist_interval_seconds", "Time between two such relists")
        self.pod_relist_duration = made.histogram(
            "kubelet_pleg_pod_relist_duration_seconds", "Time a look at single pods took"
        )
        self.discarded: Any = made.counter("kubelet_pleg_discard_events", "Events that found the channel full")
        made.gauge("kubelet_pleg_last_seen_seconds", "When the last relist succeeded", lambda: self.last_seen())
        made.gauge("kubelet_running_pods", "Pods with a ready sandbox", lambda: running_pods(cache))
        made.gauge(
            "kubelet_running_containers",
            "Containers by state",
            lambda: running_containers(cache),
            labels=("container_state",),
        )
        prefix = "kubelet_evented_pleg_connection"
        self.stream_errors: Any = made.counter(f"{prefix}_error_count", "Times the event stream failed or ended")
        self.stream_opened: Any = made.counter(f"{prefix}_success_count", "Times the event stream was opened")
        self.latency = made.histogram(f"{prefix}_latency_seconds", "Time from an event's making to its arrival")
        self.received: Any = made.counter("kubelet_evented_pleg_notifications_received_total", "Events that arrived")
        self.refused: Any = made.counter(
            "kubelet_evented_pleg_stale_events_total", "Events older than what was known already"
        )
        self.missed: Any = made.counter(
            "kubelet_evented_pleg_missed_events_total", "Changes a relist found that no event had announced"
        )
