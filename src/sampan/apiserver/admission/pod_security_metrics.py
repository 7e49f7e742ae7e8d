"""Pod Security's metrics, with upstream's names (KEP-2579)."""

from typing import Any, Literal

from sampan.api.pod_security.levels import LATEST, LevelVersion, Mode, version_text
from sampan.apiserver.admission.review import Review
from sampan.obs.metrics import Metrics

REQUEST = ("request_operation", "resource", "subresource")
SINGULAR = {"pods": "pod", "namespaces": "namespace"}


class PodSecurityMetrics:
    """Counts evaluations, exemptions and errors. `minor`: the server's version, beyond which a policy is `future`."""

    def __init__(self, metrics: Metrics, minor: int) -> None:
        self._minor = minor
        self._counters: dict[tuple[object, ...], Any] = {}
        self._evaluations = metrics.counter(
            "pod_security_evaluations_total",
            "Number of policy evaluations that occurred, not counting ignored or exempt requests.",
            ("decision", "policy_level", "policy_version", "mode", *REQUEST),
        )
        self._exemptions = metrics.counter(
            "pod_security_exemptions_total",
            "Number of exempt requests, not counting ignored or out of scope requests.",
            REQUEST,
        )
        self._errors = metrics.counter(
            "pod_security_errors_total",
            "Number of errors preventing normal evaluation. Non-fatal errors may result in the latest restricted "
            "profile being used for evaluation.",
            ("fatal", *REQUEST),
        )

    def evaluated(self, review: Review, decision: Literal["allow", "deny"], policy: LevelVersion, mode: Mode) -> None:
        """One evaluation."""
        key = (decision, policy, mode, review.operation, review.resource.mapping.plural, review.subresource)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._evaluations.labels(decision, policy.level, self._version(policy), mode, *_request(review))
            self._counters[key] = counter
        counter.inc()

    def exempted(self, review: Review) -> None:
        """One exempt request."""
        self._exemptions.labels(*_request(review)).inc()

    def failed(self, review: Review, fatal: bool) -> None:
        """One error."""
        self._errors.labels(str(fatal).lower(), *_request(review)).inc()

    def _version(self, policy: LevelVersion) -> str:
        if policy.level == "privileged" or policy.version == LATEST:
            return "latest"
        return version_text(policy.version) if policy.version <= self._minor else "future"


def _request(review: Review) -> tuple[str, str, str]:
    resource = SINGULAR.get(review.resource.mapping.plural, "controller")
    return review.operation.lower(), resource, review.subresource
