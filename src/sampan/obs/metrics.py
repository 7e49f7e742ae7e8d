"""Metrics with upstream's names over prometheus-client: counters, gauges that are read functions, histograms."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _PlainCounter:
    """A counter whose name does not end in _total: prometheus-client would add it, upstream has names without."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text, self.value = name, text, 0.0

    def inc(self, amount: float = 1.0) -> None:
        self.value += amount

    def collect(self) -> Iterable[Metric]:
        family = Metric(self.name, self.text, "counter")
        family.add_sample(self.name, {}, self.value)
        yield family


class Counts:
    """A counter with labels whose name does not end in _total; for rare events."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self.name, self.text, self.labels = name, text, tuple(labels)
        self.values: dict[tuple[str, ...], float] = {}

    def add(self, *values: str) -> None:
        """One more of these label values."""
        self.values[values] = self.values.get(values, 0.0) + 1

    def collect(self) -> Iterable[Metric]:
        family = Metric(self.name, self.text, "counter")
        for key, number in self.values.items():
            family.add_sample(self.name, dict(zip(self.labels, key, strict=True)), number)
        yield family


class Spread:
    """A histogram with one label, for what happens with every request: plain numbers without locks."""

    def __init__(self, name: str, text: str, label: str, buckets: Sequence[float]) -> None:
        self.name, self.text, self.label, self._bounds = name, text, label, tuple(buckets)
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, value: str, number: float) -> None:
        """One more of a label's value."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * (len(self._bounds) + 1)
            self._sums[value] = 0.0
        counts[bisect_left(self._bounds, number)] += 1
        self._sums[value] += number

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self.name, self.text, labels=(self.label,))
        bounds = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for value, counts in self._counts.items():
            family.add_metric((value,), list(zip(bounds, accumulate(counts), strict=True)), self._sums[value])
        yield family


class _ReadGauge:
    """A gauge that asks a function for its samples when it is scraped."""

    def __init__(self, name: str, text: str, labels: Sequence[str], read: Callable[[], Any]) -> None:
        self.name, self.text, self.labels, self.read = name, text, labels, read

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(self.name, self.text, labels=self.labels)
        value = self.read()
        for key, number in value.items() if isinstance(value, dict) else [((), value)]:
            family.add_metric(list(key) if isinstance(key, tuple) else [str(key)], float(number))
        yield family


class Metrics:
    """The metrics of one component."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._plain: set[bytes] = set()

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Any:
        """A counter; with labels, use `.labels(...)` once and keep what it returns."""
        if name.endswith("_total"):
            return Counter(name, text, labels, registry=self.registry)
        if labels:
            raise ValueError(f"{name}: a counter with labels needs a name that ends in _total")
        plain = _PlainCounter(name, text)
        self._plain.add(name.encode())
        self.registry.register(plain)
        return plain

    def counts(self, name: str, text: str, labels: Sequence[str]) -> Counts:
        """A counter with labels and a name without _total."""
        made = Counts(name, text, labels)
        self._plain.add(name.encode())
        self.registry.register(made)
        return made

    def gauge(self, name: str, text: str, read: Callable[[], Any], labels: Sequence[str] = ()) -> None:
        """A gauge: `read` gives a number, or label values to number."""
        self.registry.register(_ReadGauge(name, text, labels, read))

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = DEFAULT_BUCKETS
    ) -> Histogram:
        """A histogram; buckets in the unit of its name."""
        return Histogram(name, text, labels, buckets=tuple(buckets), registry=self.registry)

    def spread(self, name: str, text: str, label: str, buckets: Sequence[float] = DEFAULT_BUCKETS) -> Spread:
        """A histogram with one label that costs little."""
        made = Spread(name, text, label, buckets)
        self.registry.register(made)
        return made

    def text(self) -> bytes:
        """The Prometheus text exposition, without the _created samples that upstream does not have."""
        lines = generate_latest(self.registry).splitlines(keepends=True)
        return b"".join(self._line(line) for line in lines if not _is_created(line))

    def _line(self, line: bytes) -> bytes:
        """A line as upstream writes it: prometheus-client says HELP and TYPE of every counter about NAME_total."""
        if not self._plain or not line.startswith((b"# HELP ", b"# TYPE ")):
            return line
        mark, kind, name, rest = line.split(b" ", 3)
        plain = name.removesuffix(b"_total")
        return b" ".join((mark, kind, plain, rest)) if plain in self._plain else line


def _is_created(line: bytes) -> bool:
    name = line.split(b" ", 3)[2] if line.startswith(b"# ") else line.partition(b" ")[0].partition(b"{")[0]
    return name.endswith(b"_created")
