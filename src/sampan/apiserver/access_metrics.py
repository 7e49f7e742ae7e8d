"""What is counted of every request at the door: who it was, and whether they might (upstream: endpoints/filters)."""

from sampan.apiserver.authz.decision import Decision
from sampan.obs.metrics import Metrics

BUCKETS = tuple(0.001 * 2**power for power in range(15))
SUCCESS, FAILURE, ERROR = "success", "failure", "error"
TOLD = frozenset(("admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"))
"""Users who are counted by name."""


class AccessMetrics:
    """Authentication and authorization, broken down by what came of them."""

    def __init__(self, metrics: Metrics) -> None:
        self._users = metrics.counts(
            "authenticated_user_requests", "Counter of authenticated requests broken out by username.", ("username",)
        )
        self._attempts = metrics.counts("authentication_attempts", "Counter of authenticated attempts.", ("result",))
        self._known = metrics.spread(
            "authentication_duration_seconds",
            "Authentication duration in seconds broken out by result.",
            "result",
            BUCKETS,
        )
        self._decided = metrics.counts(
            "authorization_attempts_total",
            "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', "
            "'no-opinion' or 'error'.",
            ("result",),
        )
        self._deciding = metrics.spread(
            "authorization_duration_seconds",
            "Authorization duration in seconds broken out by result.",
            "result",
            BUCKETS,
        )

    def authenticated(self, result: str, seconds: float, user: str = "") -> None:
        """Who asks was found out (SUCCESS), is not said (FAILURE), or could not be found out (ERROR)."""
        if result == SUCCESS:
            self._users.add(user if user in TOLD else "email_id" if "@" in user else "other")
        self._attempts.add(result)
        self._known.observe(result, seconds)

    def authorized(self, decision: Decision, seconds: float) -> None:
        """A decision was made."""
        if decision.allowed:
            result = "allowed"
        elif decision.error:
            result = ERROR
        else:
            result = "denied" if decision.denied else "no-opinion"
        self._decided.add(result)
        self._deciding.observe(result, seconds)
