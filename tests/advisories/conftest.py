"""A server that answers like GitHub's issue search, and means to ask it."""

import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from sampan.advisories.source import Means
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import Server, serve
from sampan.testing.clock import FakeClock

DATA = Path(__file__).with_name("data")


class Quick(FakeClock):
    """A clock whose sleepers wake at once, at their time."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds


def make_issue(number: int, title: str, **more: Any) -> dict[str, Any]:
    """An issue as the search tells it."""
    return {
        "number": number,
        "title": title,
        "body": f"About {title}",
        "html_url": f"https://github.com/kubernetes/kubernetes/issues/{number}",
        "created_at": f"2024-01-01T00:00:{number % 60:02}Z",
        "state": "closed",
        "state_reason": "completed",
        **more,
    }


class GitHub:
    """The search: pages, ETags; `faults` are answered first, one a request."""

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.faults: list[Response] = []
        self.requests: list[Request] = []
        self.sent = 0
        self.base = ""

    async def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        if self.faults:
            return self.faults.pop(0)
        query = parse_qs(request.query)
        size, page = int(query["per_page"][0]), int(query.get("page", ["1"])[0])
        found = self.issues[(page - 1) * size : page * size]
        body = json.dumps({"total_count": len(self.issues), "incomplete_results": False, "items": found}).encode()
        etag = f'"{hash(body)}"'
        if request.headers.get("if-none-match") == etag:
            return Response(304, [("etag", etag)])
        self.sent += 1
        headers = [("etag", etag), ("content-type", "application/json")]
        if page * size < len(self.issues):
            after = f"{self.base}{request.path}?{request.query.split('&page=')[0]}&page={page + 1}"
            headers.append(("link", f'<{after}>; rel="next", <{after}>; rel="last"'))
        return Response(200, headers, body)


@pytest.fixture
def issue() -> Callable[..., dict[str, Any]]:
    return make_issue


@pytest.fixture
async def github() -> AsyncIterator[GitHub]:
    hub = GitHub()
    server: Server = await serve(hub, "127.0.0.1", 0)
    hub.base = f"http://127.0.0.1:{server.port}"
    yield hub
    await server.close()


@pytest.fixture
async def means() -> AsyncIterator[Means]:
    async with HttpClient() as http:
        yield Means(Quick(), random.Random(1), http)


@pytest.fixture
def official() -> bytes:
    return (DATA / "official-feed-2023-07-01.json").read_bytes()


@pytest.fixture
def records() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / "osv.json").read_bytes())
    return found
