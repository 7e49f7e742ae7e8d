"""What is counted of authorizers, with upstream's names."""

from typing import Any

from sampan.obs.metrics import Metrics

PREFIX = "apiserver_authorization_"
CONDITION_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25)
NAMED = ("type", "name")


class DecisionMetrics:
    """Last words."""

    def __init__(self, metrics: Metrics) -> None:
        self._decisions = metrics.counter(
            f"{PREFIX}decisions_total",
            "Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.",
            (*NAMED, "decision"),
        )
        self._children: dict[tuple[str, str, str], Any] = {}

    def decided(self, type_: str, name: str, allowed: bool) -> None:
        """An authorizer had the last word."""
        key = type_, name, "allowed" if allowed else "denied"
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._decisions.labels(*key)
        child.inc()


class WebhookMetrics:
    """Calls and match conditions of webhooks."""

    def __init__(self, metrics: Metrics) -> None:
        self._calls = metrics.counter(
            f"{PREFIX}webhook_evaluations_total", "Round-trips to authorization webhooks.", ("name", "result")
        )
        self._seconds = metrics.histogram(
            f"{PREFIX}webhook_duration_seconds", "Request latency in seconds.", ("name", "result")
        )
        self._open = metrics.counter(
            f"{PREFIX}webhook_evaluations_fail_open_total",
            "NoOpinion results due to webhook timeout or error.",
            ("name", "result"),
        )
        self._wrong = metrics.counter(
            f"{PREFIX}match_condition_evaluation_errors_total",
            "Total number of errors when an authorization webhook encounters a match condition error split by "
            "authorizer type and name.",
            NAMED,
        )
        self._excluded = metrics.counter(
            f"{PREFIX}match_condition_exclusions_total",
            "Total number of exclusions when an authorization webhook is skipped because match conditions exclude it.",
            NAMED,
        )
        self._matching = metrics.histogram(
            f"{PREFIX}match_condition_evaluation_seconds",
            "Authorization match condition evaluation time in seconds, split by authorizer type and name.",
            NAMED,
            CONDITION_BUCKETS,
        )

    def called(self, name: str, result: str, seconds: float) -> None:
        """A webhook was called: success, timeout or error."""
        self._calls.labels(name, result).inc()
        self._seconds.labels(name, result).observe(seconds)

    def failed_open(self, name: str, result: str) -> None:
        """A webhook that could not be asked is passed over."""
        self._open.labels(name, result).inc()

    def matched(self, name: str, seconds: float, *, wrong: bool = False, excluded: bool = False) -> None:
        """A webhook's match conditions were evaluated."""
        self._matching.labels("Webhook", name).observe(seconds)
        if wrong:
            self._wrong.labels("Webhook", name).inc()
        if excluded:
            self._excluded.labels("Webhook", name).inc()
