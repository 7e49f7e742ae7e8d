"""What is counted of calls of admission webhooks, with upstream's names."""

from sampan.obs.metrics import Metrics

BUCKETS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0)
HIGHEST = 600
"""Codes beyond are counted as this one, so that a webhook cannot make ever more series."""


class WebhookMetrics:
    """The metrics of both kinds; `kind` is `admit` or `validating`, as upstream says."""

    def __init__(self, metrics: Metrics) -> None:
        prefix = "apiserver_admission_webhook"
        self._seconds = metrics.histogram(
            f"{prefix}_admission_duration_seconds",
            "Admission webhook latency histogram in seconds, identified by name and broken out for each operation and "
            "API resource and type (validate or admit).",
            ("name", "type", "operation", "rejected"),
            BUCKETS,
        )
        self._requests = metrics.counter(
            f"{prefix}_request_total",
            "Admission webhook request total, identified by name and broken out for each admission type (validating or "
            "admit) and operation.",
            ("name", "type", "operation", "code", "rejected"),
        )
        self._rejections = metrics.counts(
            f"{prefix}_rejection_count",
            "Admission webhook rejection count, identified by name and broken out for each admission type (validating "
            "or admit) and operation.",
            ("name", "type", "operation", "error_type", "rejection_code"),
        )
        self._open = metrics.counts(
            f"{prefix}_fail_open_count",
            "Admission webhook fail open count, identified by name and broken out for each admission type (validating "
            "or admit).",
            ("name", "type"),
        )

    def called(self, name: str, kind: str, operation: str, seconds: float, code: int, rejected: bool) -> None:
        """A call ended; `code` 0: the server's own fault."""
        shown = "true" if rejected else "false"
        self._requests.labels(name, kind, operation, str(min(code, HIGHEST)), shown).inc()
        self._seconds.labels(name, kind, operation, shown).observe(seconds)

    def rejected(self, name: str, kind: str, operation: str, error: str, code: int) -> None:
        """A request was refused; `error`: no_error, calling_webhook_error or apiserver_internal_error."""
        self._rejections.add(name, kind, operation, error, str(min(code, HIGHEST)))

    def failed_open(self, name: str, kind: str) -> None:
        """A failed call was ignored, as its webhook asks."""
        self._open.add(name, kind)
