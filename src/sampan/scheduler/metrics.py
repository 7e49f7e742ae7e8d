"""The metrics of kube-scheduler under the same names; light counters and histograms, for decisions are many."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from time import perf_counter

from prometheus_client.core import Metric

from sampan.obs.metrics import Metrics
from sampan.scheduler.queue import Entry, SchedulingQueue

Labels = tuple[str, ...]


def doubling(first: float, count: int) -> tuple[float, ...]:
    """Bounds of buckets, each twice the one before."""
    return tuple(float(first * 2**number) for number in range(count))


class Total:
    """A counter with labels; its name ends in _total. `read` gives its values where they are counted elsewhere."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], read: Callable[[], Mapping[Labels, int]] | None = None
    ) -> None:
        self._name, self._text, self._labels, self._read = name.removesuffix("_total"), text, labels, read
        self._values: dict[Labels, int] = {}

    def add(self, *labels: str) -> None:
        """One more."""
        self._values[labels] = self._values.get(labels, 0) + 1

    def collect(self) -> Iterable[Metric]:
        family = Metric(self._name, self._text, "counter")
        for key, number in (self._read() if self._read is not None else self._values).items():
            family.add_sample(f"{self._name}_total", dict(zip(self._labels, key, strict=True)), number)
        yield family


class Spans:
    """A histogram with labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._rows: dict[Labels, list[float]] = {}

    def observe(self, value: float, *labels: str) -> None:
        """One value."""
        row = self._rows.get(labels)
        if row is None:
            row = self._rows[labels] = [0.0] * (len(self._bounds) + 2)
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def collect(self) -> Iterable[Metric]:
        family = Metric(self._name, self._text, "histogram")
        for key, row in self._rows.items():
            labels = dict(zip(self._labels, key, strict=True))
            total = 0.0
            for bound, number in zip((*self._bounds, inf), row, strict=False):
                total += number
                family.add_sample(
                    f"{self._name}_bucket", {**labels, "le": "+Inf" if bound == inf else repr(bound)}, total
                )
            family.add_sample(f"{self._name}_count", labels, total)
            family.add_sample(f"{self._name}_sum", labels, row[-1])
        yield family


class SchedulerMetrics:
    """All of them. Durations are in seconds."""

    def __init__(self, metrics: Metrics, queue: SchedulingQueue, cached: Callable[[], Mapping[str, int]]) -> None:
        self._metrics = metrics
        self.binding = 0
        """Pods that are being bound."""
        self._attempts = self._total("schedule_attempts_total", ATTEMPTS, ("result", "profile"))
        self._latency = self._spans(
            "scheduling_attempt_duration_seconds", LATENCY,
            ("result", "profile"), doubling(0.001, 15),
        )  # fmt: skip
        self._algorithm = self._spans(
            "scheduling_algorithm_duration_seconds", "Scheduling algorithm latency in seconds", (), doubling(0.001, 15)
        )
        self._sli = self._spans("pod_scheduling_sli_duration_seconds", SLI, ("attempts",), doubling(0.01, 20))
        self._tries = self._spans(
            "pod_scheduling_attempts", "Number of attempts to successfully schedule a pod.", (), doubling(1, 5)
        )
        self._points = self._spans(
            "framework_extension_point_duration_seconds",
            "Latency for running all plugins of a specific extension point.",
            ("extension_point", "status", "profile"), doubling(0.0001, 12),
        )  # fmt: skip
        self._events = self._spans(
            "event_handling_duration_seconds", "Event handling latency in seconds.", ("event",), doubling(0.0001, 12)
        )
        self._preemptions = self._total(
            "preemption_attempts_total", "Total preemption attempts in the cluster till now", ()
        )
        self._victims = self._spans("preemption_victims", "Number of selected preemption victims", (), doubling(1, 7))
        self._flushed = self._total("pod_scheduled_after_flush_total", FLUSHED, ())
        text = "Number of pods added to scheduling queues by event and queue type."
        self._total("queue_incoming_pods_total", text, ("queue", "event"), lambda: queue.incoming)
        metrics.gauge("scheduler_pending_pods", PENDING, queue.waiting, ("queue",))
        metrics.gauge("scheduler_unschedulable_pods", TURNED_AWAY, queue.turned_away, ("plugin", "profile"))
        text = "Number of events currently tracked in the scheduling queue."
        metrics.gauge("scheduler_inflight_events", text, queue.in_flight, ("event",))
        text = "Number of running goroutines split by the work they do such as binding."
        metrics.gauge("scheduler_goroutines", text, lambda: {"binding": self.binding}, ("operation",))
        text = "Number of nodes, pods, and assumed (bound) pods in the scheduler cache."
        metrics.gauge("scheduler_cache_size", text, cached, ("type",))

    def _total(
        self, name: str, text: str, labels: Sequence[str], read: Callable[[], Mapping[Labels, int]] | None = None
    ) -> Total:
        made = Total(f"scheduler_{name}", text, labels, read)
        self._metrics.registry.register(made)
        return made

    def _spans(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> Spans:
        made = Spans(f"scheduler_{name}", text, labels, bounds)
        self._metrics.registry.register(made)
        return made

    def turn(self, profile: str) -> "Turn":
        """The watch of one attempt, which begins now."""
        return Turn(profile, self._points)

    def decided(self, turn: "Turn") -> None:
        """A node was found."""
        self._algorithm.observe(turn.seconds)

    def ended(self, turn: "Turn", result: str) -> None:
        """An attempt is over: scheduled, unschedulable or error."""
        self._attempts.add(result, turn.profile)
        self._latency.observe(turn.seconds, result, turn.profile)

    def bound(self, turn: "Turn", entry: Entry | None, now: float) -> None:
        """A pod is bound; `now` is the queue's time."""
        self.ended(turn, "scheduled")
        if entry is not None:
            self._tries.observe(entry.attempts)
            self._sli.observe(now - entry.began, "15+" if entry.attempts >= 15 else str(entry.attempts))
            if entry.flushed:
                self._flushed.add()

    def preempted(self, victims: int) -> None:
        """An eviction was tried; so many victims were found."""
        self._preemptions.add()
        if victims:
            self._victims.observe(victims)

    def handled(self, event: str, began: float) -> None:
        """An event was handled that came at `began` (perf_counter)."""
        self._events.observe(perf_counter() - began, event)


class Turn:
    """One attempt to schedule a pod, and when its parts ended."""

    __slots__ = ("_began", "_last", "_points", "profile")

    def __init__(self, profile: str, points: Spans) -> None:
        self.profile, self._points = profile, points
        self._began = self._last = perf_counter()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return perf_counter() - self._began

    def lap(self, point: str, status: str) -> None:
        """An extension point was passed."""
        now = perf_counter()
        self._points.observe(now - self._last, point, status, self.profile)
        self._last = now


ATTEMPTS = (
    "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, "
    "while 'error' means an internal scheduler problem."
)
LATENCY = "Scheduling attempt latency in seconds (scheduling algorithm + binding)"
SLI = (
    "E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve "
    "multiple scheduling attempts."
)
PENDING = (
    "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of "
    "pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to "
    "schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule "
    "because they are gated."
)
TURNED_AWAY = (
    "The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that "
    "caused it to not schedule and so this metric have meaning only when broken down by plugin."
)
FLUSHED = (
    "Number of pods that were successfully scheduled after being flushed from unschedulablePods due to timeout. This "
    "metric helps detect potential queueing hint misconfigurations or event handling issues."
)
