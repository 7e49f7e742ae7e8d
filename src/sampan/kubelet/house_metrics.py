"""Counts of pods refused, preempted and evicted, and of images removed, with upstream's names."""

from sampan.obs.metrics import Metrics

NAMED = frozenset({
    "AppArmor", "PodOSSelectorNodeLabelDoesNotMatch", "PodOSNotSupported", "InvalidNodeInfo",
    "SupplementalGroupsPolicyNotSupported", "UnexpectedAdmissionError", "UnknownReason", "OutOfcpu", "OutOfmemory",
    "OutOfephemeral-storage", "OutOfpods", "PodFeatureUnsupported", "Evicted", "SysctlForbidden", "NodeShutdown",
})  # fmt: skip
"""Reasons of refusals that are told apart."""


class HouseMetrics:
    """What one agent counts of what it does for its node's sake."""

    def __init__(self, registry: Metrics) -> None:
        self._refused = registry.counter(
            "kubelet_admission_rejections_total",
            "[ALPHA] Cumulative number pod admission rejections by the Kubelet.", ("reason",),
        )  # fmt: skip
        self._preempted = registry.counts(
            "kubelet_preemptions", "[ALPHA] Cumulative number of pod preemptions by preemption resource",
            ("preemption_signal",),
        )  # fmt: skip
        self._evicted = registry.counts(
            "kubelet_evictions", "[ALPHA] Cumulative number of pod evictions by eviction signal", ("eviction_signal",),
        )  # fmt: skip
        self._removed = registry.counter(
            "kubelet_image_garbage_collected_total",
            "[ALPHA] Total number of images garbage collected by the kubelet, whether through disk usage or image age.",
            ("reason",),
        )  # fmt: skip

    def refused(self, reason: str) -> None:
        """A pod was not admitted."""
        kind = reason if reason in NAMED else "OutOfExtendedResources" if reason.startswith("OutOf") else "Other"
        self._refused.labels(kind).inc()

    def preempted(self, resource: str) -> None:
        """A pod has to make room for a critical one, which lacks that resource first."""
        self._preempted.add(resource)

    def evicted(self, signal: str) -> None:
        """A pod goes for that signal."""
        self._evicted.add(signal)

    def removed(self, reason: str) -> None:
        """An image was removed: age or space."""
        self._removed.labels(reason).inc()
