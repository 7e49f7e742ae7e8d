"""A server outside that is asked what somebody may."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sampan.apiserver.authz.decision import NO_OPINION, Decision
from sampan.apiserver.authz.expressions import condition
from sampan.apiserver.authz.metrics import WebhookMetrics
from sampan.apiserver.authz.records import Webhook
from sampan.apiserver.authz.webhook import SHAPE, WebhookAuthorizer
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.review_caller import Endpoint, ReviewCaller
from sampan.net.http import Request, Response
from sampan.net.http_server import Server, serve
from sampan.obs.metrics import Metrics
from sampan.testing.clock import FakeClock

JSON = [("content-type", "application/json")]
JANE, GET = UserInfo("jane", groups=("dev",)), Attributes("get", "", "pods", namespace="ns", version="v1")


class Outside:
    """Answers with a status, or a whole response."""

    def __init__(self) -> None:
        self.answer: Any = {"allowed": True}
        self.hang = asyncio.Event()
        self.asked: list[dict[str, Any]] = []
        self.server: Server | None = None
        self.clock, self.metrics = FakeClock(), Metrics()
        self.counts = WebhookMetrics(self.metrics)
        self.callers: list[ReviewCaller] = []

    async def handle(self, request: Request) -> Response:
        review = json.loads(request.body)
        self.asked.append(review)
        if self.answer is None:
            await self.hang.wait()
        if isinstance(self.answer, Response):
            return self.answer
        body = {**{key: review[key] for key in ("kind", "apiVersion")}, "status": self.answer}
        return Response(201, JSON, json.dumps(body).encode())

    def webhook(
        self, version: str = "v1", *, deny: bool = False, conditions: tuple[str, ...] = (), timeout: float = 3
    ) -> WebhookAuthorizer:
        assert self.server is not None
        config = Webhook(Path("k"), version, 300, 30, 3, deny, tuple(condition(one) for one in conditions))
        made = WebhookAuthorizer("hook", config, self.clock, self.counts)
        endpoint = Endpoint(f"http://127.0.0.1:{self.server.port}/authorize")
        made.caller = ReviewCaller(endpoint, SHAPE, self.clock, random.Random(1), timeout=timeout, said=made.said)
        self.callers.append(made.caller)
        return made

    def samples(self, name: str) -> list[str]:
        lines = self.metrics.text().decode().splitlines()
        return [line for line in lines if line.startswith(f"apiserver_authorization_{name}")]


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    made = Outside()
    made.server = await serve(made.handle, "127.0.0.1", 0)
    yield made
    made.hang.set()
    for caller in made.callers:
        await caller.close()
    await made.server.close()


@pytest.mark.parametrize(("version", "groups"), [("v1", "groups"), ("v1beta1", "group")])
async def test_a_decision_is_kept_for_a_while(outside: Outside, version: str, groups: str) -> None:
    webhook = outside.webhook(version)
    outside.answer = {"allowed": True, "reason": "sure"}
    for _ in range(2):
        assert await webhook.authorize(JANE, GET) == Decision(True, "sure")
    attributes = {"verb": "get", "resource": "pods", "namespace": "ns", "version": "v1"}
    assert outside.asked == [
        {
            "kind": "SubjectAccessReview",
            "apiVersion": f"authorization.k8s.io/{version}",
            "metadata": {},
            "spec": {"resourceAttributes": attributes, "user": "jane", groups: ["dev"]},
            "status": {"allowed": False},
        }
    ]
    outside.answer = {"allowed": False, "reason": "no idea"}
    await outside.clock.advance(299)
    assert (await webhook.authorize(JANE, GET)).allowed
    await outside.clock.advance(2)
    assert await webhook.authorize(JANE, GET) == Decision(False, "no idea")
    await outside.clock.advance(31)
    await webhook.authorize(JANE, GET)
    assert len(outside.asked) == 3


async def test_answers_about_long_attributes_are_not_kept(outside: Outside) -> None:
    webhook = outside.webhook()
    for _ in range(2):
        assert (await webhook.authorize(JANE, Attributes("get", path="/" + "x" * 10_000))).allowed
    assert len(outside.asked) == 2


async def test_it_may_have_the_last_word(outside: Outside) -> None:
    webhook = outside.webhook()
    outside.answer = {"allowed": False, "denied": True, "reason": "never"}
    assert await webhook.authorize(JANE, GET) == Decision(False, "never", denied=True)
    outside.answer = {"allowed": True, "denied": True, "reason": "hm"}
    both = "webhook subject access review returned both allow and deny response"
    assert await webhook.authorize(UserInfo("x"), GET) == Decision(False, "hm", denied=True, error=both)


@pytest.mark.parametrize("deny", [False, True])
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(404, [], b"nothing"), "the server could not find the requested resource"),
        (
            {"allowed": "yes"},
            "json: cannot unmarshal string into Go struct field SubjectAccessReviewStatus.status.allowed of type bool",
        ),
    ],
)
async def test_what_goes_wrong(outside: Outside, answer: Any, why: str, deny: bool) -> None:
    outside.answer = answer
    assert await outside.webhook(deny=deny).authorize(JANE, GET) == Decision(False, denied=deny, error=why)
    assert len(outside.samples("webhook_evaluations_fail_open_total")) == (not deny)


async def test_a_server_that_hangs(outside: Outside) -> None:
    outside.answer = None
    decision = await outside.webhook(timeout=0.05).authorize(JANE, GET)
    assert not decision.denied
    assert decision.error.endswith('/authorize?timeout=50ms": context deadline exceeded')
    assert outside.samples("webhook_evaluations_fail_open_total") == [
        'apiserver_authorization_webhook_evaluations_fail_open_total{name="hook",result="timeout"} 1.0'
    ]


async def test_conditions(outside: Outside) -> None:
    webhook = outside.webhook(conditions=("request.user == 'jane'", "request.extra['x'][0] == 'y' || true"))
    assert (await webhook.authorize(JANE, GET)).allowed
    assert await webhook.authorize(UserInfo("eve"), GET) == NO_OPINION
    assert len(outside.asked) == 1
    wrong = outside.webhook(deny=True, conditions=("request.extra['x'][0] == 'y'",))
    decision = await wrong.authorize(JANE, GET)
    assert decision.denied
    assert decision.error.startswith("cel evaluation error: expression")
    labels = '{name="hook",type="Webhook"} 1.0'
    assert outside.samples("match_condition_exclusions_total") == [
        f"apiserver_authorization_match_condition_exclusions_total{labels}"
    ]
    assert outside.samples("match_condition_evaluation_errors_total") == [
        f"apiserver_authorization_match_condition_evaluation_errors_total{labels}"
    ]
    assert outside.samples("webhook_evaluations_total") == [
        'apiserver_authorization_webhook_evaluations_total{name="hook",result="success"} 1.0'
    ]
