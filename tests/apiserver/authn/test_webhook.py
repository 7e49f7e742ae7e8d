"""A server outside that is asked about tokens."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.webhook import SHAPE, TokenWebhook
from sampan.apiserver.review_caller import Endpoint, ReviewCaller
from sampan.net.http import Request, Response
from sampan.net.http_server import Server, serve
from sampan.testing.clock import FakeClock

NOW, OWN = datetime(2026, 1, 1, tzinfo=UTC), "https://own"
JSON = [("content-type", "application/json")]


class Outside:
    """Answers each token with a status or a whole response."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.server: Server | None = None
        self.clock = FakeClock()

    async def handle(self, request: Request) -> Response:
        review = json.loads(request.body)
        self.asked.append(review)
        self.requests.append(request)
        answer = self.answers[review["spec"]["token"]]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Response):
            return answer
        body = answer if "kind" in answer else {**{k: review[k] for k in ("kind", "apiVersion")}, "status": answer}
        return Response(201, JSON, json.dumps(body).encode())

    def webhook(self, version: str = "v1", ttl: float = 120.0) -> TokenWebhook:
        assert self.server is not None
        endpoint = Endpoint(f"http://127.0.0.1:{self.server.port}/tokens", headers=(("authorization", "Bearer me"),))
        caller = ReviewCaller(endpoint, SHAPE, self.clock, random.Random(1))
        return TokenWebhook(caller, version, ttl, (OWN,), self.clock)


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    made = Outside()
    made.server = await serve(made.handle, "127.0.0.1", 0)
    yield made
    await made.server.close()


JANE = {"username": "jane", "uid": "u", "groups": ["dev"], "extra": {"k": ["v"]}}


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_a_user_is_told_once_for_a_while(outside: Outside, version: str) -> None:
    outside.answers["t"] = {"authenticated": True, "user": JANE}
    webhook = outside.webhook(version)
    for _ in range(2):
        user, served = await webhook.check("t", (), NOW)
        assert (user.name, user.uid, user.groups, dict(user.extra)) == (
            "jane", "u", ("dev", "system:authenticated"), {"k": ("v",)},
        )  # fmt: skip
        assert served == [OWN]
    assert outside.asked == [
        {
            "kind": "TokenReview",
            "apiVersion": f"authentication.k8s.io/{version}",
            "metadata": {},
            "spec": {"token": "t", "audiences": [OWN]},
            "status": {"user": {}},
        }
    ]
    (request,) = outside.requests
    assert (request.path, request.query, request.headers["authorization"]) == ("/tokens", "timeout=30s", "Bearer me")
    await outside.clock.advance(121)
    outside.answers["t"] = {"authenticated": False}
    for _ in range(2):
        with pytest.raises(BadToken) as refused:
            await webhook.check("t", (), NOW)
        assert not isinstance(refused.value, InvalidToken)
    assert len(outside.asked) == 2
    await webhook.close()


async def test_audiences(outside: Outside) -> None:
    webhook = outside.webhook(ttl=0)
    outside.answers["aware"] = {"authenticated": True, "user": JANE, "audiences": ["b", "a"]}
    assert (await webhook.check("aware", ("a", "b", "c"), NOW))[1] == ["b", "a"]
    with pytest.raises(BadToken):
        await webhook.check("aware", ("c",), NOW)
    outside.answers["unaware"] = {"authenticated": True, "user": JANE}
    assert (await webhook.check("unaware", ("c", OWN), NOW))[1] == [OWN]
    with pytest.raises(BadToken):
        await webhook.check("unaware", ("c",), NOW)
    await webhook.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"authenticated": False, "error": "gone away"}, "^gone away$"),
        (Response(200, JSON, b"{"), "couldn't get version/kind; json parse error: unexpected end of JSON input"),
        (Response(200, JSON, b"[]"), "couldn't get version/kind; json parse error"),
        (Response(200, JSON, b"junk"), "json: cannot unmarshal string into Go value of type struct"),
        ({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v2"}, '^no kind "TokenReview" is registered for'),
        ({"kind": "SubjectAccessReview"}, r"converting \(v1.SubjectAccessReview\) to \(v1.TokenReview\): unknown conv"),
        ({"authenticated": True, "user": {"extra": {"a": "b"}}}, "UserInfo.status.user.extra of type v1.ExtraValue$"),
        ({"authenticated": True, "user": {"extra": []}}, r"user.extra of type map\[string\]v1.ExtraValue$"),
        (Response(404, [], b"no"), "the server could not find the requested resource"),
        (Response(403, [("content-type", "text/plain")], b"go away"), "^go away$"),
        (Response(201, JSON, b'{"status":1}'), "Go struct field TokenReview.status of type v1.TokenReviewStatus"),
    ],
)
async def test_what_goes_wrong_is_said_and_not_kept(outside: Outside, answer: Any, why: str) -> None:
    outside.answers["t"] = answer
    webhook = outside.webhook()
    for _ in range(2):
        with pytest.raises(InvalidToken, match=why):
            await webhook.check("t", (), NOW)
    assert len(outside.asked) == 2
    await webhook.close()


async def test_a_server_in_trouble_is_asked_again(outside: Outside) -> None:
    trouble = Response(500, [("content-type", "text/plain")], b"ouch")
    outside.answers["t"] = [trouble] * 4 + [{"authenticated": True, "user": JANE}]
    webhook = outside.webhook()
    checking = asyncio.ensure_future(webhook.check("t", (), NOW))
    for attempt in range(1, 5):
        async with asyncio.timeout(5):
            while True:
                if len(outside.asked) >= attempt and outside.clock.next_wake() is not None:
                    break
                await asyncio.sleep(0.001)
        await outside.clock.advance(0.6 * 1.5 ** (attempt - 1))
    assert (await checking)[0].name == "jane"
    assert len(outside.asked) == 5
    await webhook.close()


async def test_nobody_is_there() -> None:
    clock = FakeClock()
    caller = ReviewCaller(Endpoint("http://127.0.0.1:1/x"), SHAPE, clock, random.Random(1))
    webhook = TokenWebhook(caller, "v1", 60, (OWN,), clock)
    with pytest.raises(InvalidToken) as refused:
        await webhook.check("t", (), NOW)
    said = "dial tcp 127.0.0.1:1: connect: connection refused"
    assert str(refused.value) == f'Post "http://127.0.0.1:1/x?timeout=30s": {said}'
    await webhook.close()
