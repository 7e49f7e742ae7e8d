"""A server whose answers a test writes down."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import dumps, loads
from sampan.api.names import RestMapping
from sampan.client.api import Api
from sampan.client.request import Answer, ApiRequest

Obj = dict[str, Any]
CONFIGMAPS = RestMapping("", "v1", "ConfigMap", "configmaps", True)


def thing(name: str, version: int, uid: str = "", **meta: Any) -> Obj:
    """A ConfigMap of the namespace `ns`."""
    known = {"name": name, "namespace": "ns", "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {**known, **meta}}


def listing(version: int, *items: Obj) -> Obj:
    """The answer to a list."""
    return {
        "kind": "ConfigMapList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": str(version)},
        "items": list(items),
    }


class Script:
    """A Transport: answers and streams in the order in which they were written down; then it waits for ever.

    An answer is an object, or an exception to raise. A stream is a list of events, ended by an exception, None (the
    stream stays open) or nothing (it ends).
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.streams: list[list[Any]] = []
        self.requests: list[ApiRequest] = []

    @property
    def api(self) -> Api:
        return Api(self)

    @property
    def said(self) -> list[str]:
        """`METHOD target` of every request."""
        return [f"{request.method} {request.target}" for request in self.requests]

    def body(self, number: int = -1) -> Any:
        return loads(self.requests[number].body)

    async def send(self, request: ApiRequest) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, StatusError):
            return Answer(answer.code, {}, dumps(answer.to_status()))
        if isinstance(answer, BaseException):
            raise answer
        return Answer(200, {}, answer if isinstance(answer, bytes) else dumps(answer))

    async def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        self.requests.append(request)
        if not self.streams:
            await asyncio.get_running_loop().create_future()
        for event in self.streams.pop(0):
            if event is None:
                await asyncio.get_running_loop().create_future()
            elif isinstance(event, BaseException):
                raise event
            elif isinstance(event, bytes):
                yield event
            else:
                kind, obj = event
                yield dumps({"type": kind, "object": obj}) + b"\n"

    async def close(self) -> None:
        return None


@pytest.fixture
def script() -> Script:
    """An empty one."""
    return Script()


@pytest.fixture
def make() -> Any:
    """`thing`."""
    return thing


@pytest.fixture
def lists() -> Any:
    """`listing`."""
    return listing


@pytest.fixture
def configmaps() -> RestMapping:
    """The kind of all things here."""
    return CONFIGMAPS
