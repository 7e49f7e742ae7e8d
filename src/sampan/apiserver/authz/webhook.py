"""An authorizer outside: asked by SubjectAccessReview, where its match conditions hold."""

import logging

from sampan.aio.clock import Clock
from sampan.api.json import Obj, dumps
from sampan.apiserver.authz.decision import NO_OPINION, Decision
from sampan.apiserver.authz.expressions import Failed, hold
from sampan.apiserver.authz.metrics import WebhookMetrics
from sampan.apiserver.authz.records import Webhook
from sampan.apiserver.authz.review import seen, spec_of
from sampan.apiserver.config_shape import Struct
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.review_caller import Attempt, ReviewCaller
from sampan.apiserver.webhook_client import CallFailed
from sampan.obs.log import pairs

log = logging.getLogger("sampan.authorization")
GROUP, KIND = "authorization.k8s.io", "SubjectAccessReview"
MOST = 8192
SHAPE = Struct(
    KIND,
    {
        "status": Struct(
            "SubjectAccessReviewStatus", {"allowed": bool, "denied": bool, "reason": str, "evaluationError": str}
        )
    },
)
LONGEST_KEPT = 10_000
"""Answers about longer attributes are not kept: whoever asks chooses them."""
BOTH = "webhook subject access review returned both allow and deny response"


class WebhookAuthorizer:
    """`authorize` is the `decide` of a Link. `last` is what the caller said of its last attempt."""

    def __init__(self, name: str, config: Webhook, clock: Clock, metrics: WebhookMetrics) -> None:
        self._name, self._config, self._clock, self._metrics = name, config, clock, metrics
        self.caller: ReviewCaller | None = None
        self._kept: dict[bytes, tuple[Obj, float]] = {}
        self._last = "error"

    def said(self, attempt: Attempt) -> None:
        """For the caller, of each attempt."""
        self._last = attempt.result
        self._metrics.called(self._name, attempt.result, attempt.seconds)

    async def authorize(self, user: UserInfo, wanted: Attributes) -> Decision:
        """Its decision, or no opinion where its conditions do not hold."""
        spec = spec_of(user, wanted)
        try:
            if self._config.conditions and not self._matches(spec):
                return NO_OPINION
        except Failed as failed:
            return self._on_error(str(failed))
        key = dumps(spec)
        kept = self._kept.get(key)
        if kept is not None and kept[1] > self._clock.monotonic():
            return _decision(kept[0])
        assert self.caller is not None
        try:
            status = await self.caller.send(self._review(spec))
        except CallFailed as failed:
            log.error("Failed to make webhook authorizer request", extra=pairs(name=self._name, err=str(failed)))
            if not self._config.deny_on_error:
                self._metrics.failed_open(self._name, self._last)
            return self._on_error(str(failed))
        self._keep(key, wanted, status)
        return _decision(status)

    def _matches(self, spec: Obj) -> bool:
        began = self._clock.monotonic()
        try:
            holds = hold(self._config.conditions, seen(spec))
        except Failed:
            self._metrics.matched(self._name, self._clock.monotonic() - began, wrong=True)
            raise
        self._metrics.matched(self._name, self._clock.monotonic() - began, excluded=not holds)
        return holds

    def _on_error(self, why: str) -> Decision:
        return Decision(False, denied=self._config.deny_on_error, error=why)

    def _review(self, spec: Obj) -> Obj:
        if self._config.version == "v1beta1":
            spec = {"group" if key == "groups" else key: value for key, value in spec.items()}
        version = f"{GROUP}/{self._config.version}"
        return {"kind": KIND, "apiVersion": version, "metadata": {}, "spec": spec, "status": {"allowed": False}}

    def _keep(self, key: bytes, wanted: Attributes, status: Obj) -> None:
        allowed = status.get("allowed") is True
        seconds = self._config.authorized_ttl if allowed else self._config.unauthorized_ttl
        if seconds <= 0 or _length(wanted) >= LONGEST_KEPT:
            return
        self._kept.pop(key, None)
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (status, self._clock.monotonic() + seconds)


def _length(wanted: Attributes) -> int:
    parts = (wanted.namespace, wanted.verb, wanted.group, wanted.version, wanted.resource, wanted.subresource,
             wanted.name, wanted.path)  # fmt: skip
    return sum(map(len, parts))


def _decision(status: Obj) -> Decision:
    allowed, denied = status.get("allowed") is True, status.get("denied") is True
    reason = str(status.get("reason") or "")
    if denied:
        return Decision(False, reason, denied=True, error=BOTH if allowed else "")
    return Decision(allowed, reason)
