"""The node agent's metrics besides the PLEG's, with upstream's names; gauges read, nobody counts up and down."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from prometheus_client import ProcessCollector

from sampan.kubelet.resource_metrics import Sample, exposition
from sampan.kubelet.summary import VolumeUsage
from sampan.obs.metrics import Metrics

LONG_RUNNING = frozenset({"exec", "attach", "portForward", "containerLogs"})
BUCKETS = tuple(0.005 * 2.5**n for n in range(14))
"""Upstream's ExponentialBuckets of runtime operations."""
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
RENAMED = {
    "list_pod_sandbox": "list_podsandbox", "pod_sandbox_status": "podsandbox_status",
    "run_pod_sandbox": "run_podsandbox", "stop_pod_sandbox": "stop_podsandbox",
    "remove_pod_sandbox": "remove_podsandbox", "list_pod_sandbox_stats": "list_podsandbox_stats",
    "port_forward": "port_forward", "update_container_resources": "update_container",
}  # fmt: skip
VOLUMES = {
    "kubelet_volume_stats_available_bytes": ("gauge", "[ALPHA] Number of available bytes in the volume"),
    "kubelet_volume_stats_capacity_bytes": ("gauge", "[ALPHA] Capacity in bytes of the volume"),
    "kubelet_volume_stats_health_status_abnormal": (
        "gauge", "[ALPHA] Abnormal volume health status. The count is either 1 or 0. 1 indicates the volume is "
        "unhealthy, 0 indicates volume is healthy",
    ),
    "kubelet_volume_stats_inodes": ("gauge", "[ALPHA] Maximum number of inodes in the volume"),
    "kubelet_volume_stats_inodes_free": ("gauge", "[ALPHA] Number of free inodes in the volume"),
    "kubelet_volume_stats_inodes_used": ("gauge", "[ALPHA] Number of used inodes in the volume"),
    "kubelet_volume_stats_used_bytes": ("gauge", "[ALPHA] Number of used bytes in the volume"),
}  # fmt: skip


@runtime_checkable
class Observed(Protocol):
    """A runtime that tells of its calls: name as in CRI, seconds, whether it failed."""

    observer: Callable[[str, float, bool], None]


class KubeletMetrics:
    """What one agent counts; `active` says how many pods it has."""

    def __init__(self, registry: Metrics, node: str, version: str, active: Callable[[], int]) -> None:
        self._registry = registry
        self.requests = registry.counter(
            "kubelet_http_requests_total", "[ALPHA] Number of the http requests received since the server started",
            ("method", "path", "server_type", "long_running"),
        )  # fmt: skip
        self.operations = registry.counter(
            "kubelet_runtime_operations_total",
            "[ALPHA] Cumulative number of runtime operations by operation type.", ("operation_type",),
        )  # fmt: skip
        self.errors = registry.counter(
            "kubelet_runtime_operations_errors_total",
            "[ALPHA] Cumulative number of runtime operation errors by operation type.", ("operation_type",),
        )  # fmt: skip
        self.durations = registry.histogram(
            "kubelet_runtime_operations_duration_seconds",
            "[ALPHA] Duration in seconds of runtime operations. Broken down by operation type.", ("operation_type",),
            BUCKETS,
        )  # fmt: skip
        text = "[ALPHA] The node's name. The count is always 1."
        registry.gauge("kubelet_node_name", text, lambda: {(node,): 1}, ("node",))
        registry.gauge(
            "kubelet_active_pods", "[ALPHA] The number of pods the kubelet considers active and which are being "
            "considered when admitting new pods.", lambda: {("",): active()}, ("static",),
        )  # fmt: skip
        registry.gauge(
            "kubernetes_build_info", "[ALPHA] A metric with a constant '1' value labeled by version.",
            lambda: {(version,): 1}, ("git_version",),
        )  # fmt: skip
        ProcessCollector(registry=registry.registry)

    def asked(self, method: str, path: str) -> None:
        """A request of the server; `path` is its first part."""
        self.requests.labels(method, path, "readwrite", str(path in LONG_RUNNING).lower()).inc()

    def called(self, call: str, seconds: float, failed: bool) -> None:
        """A call of the runtime has ended."""
        name = operation(call)
        self.operations.labels(name).inc()
        self.durations.labels(name).observe(seconds)
        if failed:
            self.errors.labels(name).inc()


def operation(call: str) -> str:
    """The operation_type of a CRI call: ListPodSandbox is list_podsandbox."""
    snake = WORDS.sub("_", call).lower()
    return RENAMED.get(snake, snake)


def volume_text(pods: Sequence[tuple[str, Sequence[VolumeUsage]]]) -> bytes:
    """kubelet_volume_stats_* of the claims of pods, given as namespace and volumes; a claim is told of once."""
    samples: list[Sample] = []
    told: set[tuple[str, str]] = set()
    for namespace, volumes in pods:
        for volume in volumes:
            if not volume.claim or (namespace, volume.claim) in told:
                continue
            told.add((namespace, volume.claim))
            labels = {"namespace": namespace, "persistentvolumeclaim": volume.claim}
            samples += [(name, labels, amount, 0) for name, amount in _amounts(volume).items() if amount is not None]
    return exposition(VOLUMES, samples)


def _amounts(volume: VolumeUsage) -> Mapping[str, int | None]:
    start = "kubelet_volume_stats_"
    return {
        f"{start}capacity_bytes": volume.capacity,
        f"{start}available_bytes": volume.available,
        f"{start}used_bytes": volume.used,
        f"{start}inodes": volume.inodes,
        f"{start}inodes_free": volume.inodes_free,
        f"{start}inodes_used": volume.inodes_used,
        f"{start}health_status_abnormal": None if volume.abnormal is None else int(volume.abnormal),
    }
