"""The API server's metrics, with upstream's names."""

from sampan.apiserver.context import RequestInfo
from sampan.obs.metrics import Metrics

BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0,
           30.0, 45.0, 60.0)  # fmt: skip
COUNTED = ("verb", "group", "version", "resource", "subresource", "scope", "code", "dry_run", "component")
TIMED = ("verb", "group", "version", "resource", "subresource", "scope", "dry_run", "component")
SHOWN = {
    "get": "GET", "list": "LIST", "watch": "WATCH", "create": "POST", "update": "PUT", "patch": "PATCH",
    "delete": "DELETE", "deletecollection": "DELETE",
}  # fmt: skip


class RequestMetrics:
    """What is counted of requests: children are looked up once per kind of request and kept."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._total = metrics.counter("apiserver_request_total", "Counter of apiserver requests.", COUNTED)
        self._seconds = metrics.histogram(
            "apiserver_request_duration_seconds", "Response latency distribution in seconds.", TIMED, BUCKETS
        )
        self._inflight = 0
        self._streams: dict[tuple[str, ...], int] = {}
        self._counters: dict[tuple[str, str, str, str, int], tuple[object, object]] = {}
        text = "Gauge of all active long-running apiserver requests."
        labels = ("verb", "group", "version", "resource", "subresource", "scope", "component")
        metrics.gauge("apiserver_longrunning_requests", text, lambda: self._streams, labels)
        metrics.gauge(
            "apiserver_current_inflight_requests",
            "Maximal number of currently used inflight request limit of this apiserver.",
            lambda: {("readOnly",): self._inflight},
            ("request_kind",),
        )

    def begin(self) -> None:
        """A request came."""
        self._inflight += 1

    def end(self) -> None:
        """A request was answered."""
        self._inflight -= 1

    def observe(self, info: RequestInfo, method: str, code: int, seconds: float) -> None:
        """Count one request; `seconds` negative: not timed (streams)."""
        key = (info.version, info.resource, info.subresource + "/" + info.verb, info.group + scope_of(info), code)
        found = self._counters.get(key)
        if found is None:
            found = self._counters[key] = self._make(info, method, code)
        counter, histogram = found
        counter.inc()  # type: ignore[attr-defined]
        if seconds >= 0:
            histogram.observe(seconds)  # type: ignore[attr-defined]

    def _make(self, info: RequestInfo, method: str, code: int) -> tuple[object, object]:
        verb = SHOWN.get(info.verb, method)
        base = (verb, info.group, info.version, info.resource, info.subresource, scope_of(info))
        return self._total.labels(*base, str(code), "", "apiserver"), self._seconds.labels(*base, "", "apiserver")

    def stream(self, info: RequestInfo, change: int) -> None:
        """A long-running request began (+1) or ended (-1)."""
        verb = SHOWN.get(info.verb, "CONNECT")
        key = (verb, info.group, info.version, info.resource, info.subresource, scope_of(info), "apiserver")
        self._streams[key] = self._streams.get(key, 0) + change


def scope_of(info: RequestInfo) -> str:
    """`resource` for one object, `namespace` or `cluster` for collections, empty for other paths."""
    if not info.is_resource:
        return ""
    if info.name and info.verb not in ("list", "watch"):
        return "resource"
    return "namespace" if info.namespace else "cluster"
