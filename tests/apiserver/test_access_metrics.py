"""What is counted at the door."""

import pytest

from sampan.api.errors import StatusError, unauthorized
from sampan.apiserver.access_metrics import AccessMetrics
from sampan.apiserver.authn.anonymous import Anonymous
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authz.decision import NO_OPINION, Decision
from sampan.apiserver.context import UserInfo
from sampan.apiserver.filters.authn import Authn
from sampan.apiserver.rbac import Attributes
from sampan.net.http import Request, Response
from sampan.obs.metrics import Metrics
from sampan.testing.clock import FakeClock


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.text().decode().splitlines() if line.startswith(f"{name}{{")]


async def test_who_asked() -> None:
    async def app(request: Request) -> Response:
        return Response(200)

    async def may(user: UserInfo, wanted: Attributes) -> Decision:
        return NO_OPINION

    metrics, users = Metrics(), {"a": UserInfo("admin"), "b": UserInfo("jane@example.org"), "c": UserInfo("c")}
    door = Authn(
        app, FakeClock(), tokens=BearerTokens(users, None), may=may, anonymous=Anonymous(False),
        metrics=AccessMetrics(metrics),
    )  # fmt: skip
    for token in "abbc":
        await door(Request("GET", "/", headers={"authorization": f"Bearer {token}"}))
    for headers in ({}, {"authorization": "Bearer x"}):
        with pytest.raises(StatusError, match=str(unauthorized())):
            await door(Request("GET", "/", headers=headers))
    assert lines(metrics, "authenticated_user_requests") == [
        'authenticated_user_requests{username="admin"} 1.0',
        'authenticated_user_requests{username="email_id"} 2.0',
        'authenticated_user_requests{username="other"} 1.0',
    ]
    assert lines(metrics, "authentication_attempts") == [
        'authentication_attempts{result="success"} 4.0',
        'authentication_attempts{result="failure"} 1.0',
        'authentication_attempts{result="error"} 1.0',
    ]
    assert 'authentication_duration_seconds_bucket{le="0.001",result="success"} 4.0' in lines(
        metrics, "authentication_duration_seconds_bucket"
    )


def test_what_was_decided() -> None:
    metrics = Metrics()
    counts = AccessMetrics(metrics)
    for decision in (Decision(True), Decision(True, error="x"), Decision(False, denied=True), NO_OPINION):
        counts.authorized(decision, 0.1)
    counts.authorized(Decision(False, denied=True, error="x"), 0.1)
    assert lines(metrics, "authorization_attempts_total") == [
        'authorization_attempts_total{result="allowed"} 2.0',
        'authorization_attempts_total{result="denied"} 1.0',
        'authorization_attempts_total{result="no-opinion"} 1.0',
        'authorization_attempts_total{result="error"} 1.0',
    ]
