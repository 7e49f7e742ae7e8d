"""Sends reviews to a server outside that answers them: who somebody is, what somebody may (upstream: util/webhook)."""

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sampan.aio.backoff import exponential
from sampan.aio.clock import Clock
from sampan.api.json import Obj, dumps
from sampan.api.quote import go_quoted
from sampan.api.times import format_duration
from sampan.apiserver.config_shape import ConfigFileError, Struct, check_types, no_object
from sampan.apiserver.decoder import parse_yaml
from sampan.apiserver.webhook_client import CallFailed, error_text, parsed_answer
from sampan.net.http_client import Answer, HttpClient

TIMEOUT = 30.0
ATTEMPTS, FIRST, FACTOR, JITTER = 5, 0.5, 1.5, 0.2
REVIEWS = frozenset((
    "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectReview", "SelfSubjectRulesReview",
    "SubjectAccessReview", "TokenRequest", "TokenReview",
))  # fmt: skip
AGAIN = frozenset((429, 500, 504))
"""Answers after which another attempt is made."""
GATEWAY_TIMEOUT = 504


class Endpoint(NamedTuple):
    """Where reviews are sent to: the exact URL, and how to be known there. `tls` None: plain HTTP."""

    url: str
    tls: ssl.SSLContext | None = None
    headers: tuple[tuple[str, str], ...] = ()
    server_name: str = ""


class Attempt(NamedTuple):
    """One attempt: `success`, `timeout` or `error`, and the seconds that it took."""

    result: str
    seconds: float


class ReviewCaller:
    """Posts reviews to one endpoint, whose answers have a shape. `said` is told of each attempt."""

    def __init__(
        self, endpoint: Endpoint, shape: Struct, clock: Clock, rng: random.Random, *, timeout: float = TIMEOUT,
        said: Callable[[Attempt], None] = lambda attempt: None,
    ) -> None:  # fmt: skip
        self._shape = shape
        self._endpoint, self._clock, self._rng = endpoint, clock, rng
        self._timeout, self._said = timeout, said
        self._client = HttpClient(endpoint.tls, server_name=endpoint.server_name or None)
        self._url = f"{endpoint.url}{'&' if urlsplit(endpoint.url).query else '?'}timeout={format_duration(timeout)}"
        self._headers = (
            ("content-type", "application/json"),
            ("accept", "application/json, */*"),
            ("user-agent", "kube-apiserver"),
            *endpoint.headers,
        )

    async def send(self, review: Obj) -> Obj:
        """The status of the answer, which is a review of the same kind. Raises CallFailed after the last attempt."""
        await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        body = dumps(review)
        delays = exponential(FIRST, TIMEOUT, FACTOR, JITTER, self._rng)
        for left in range(ATTEMPTS - 1, -1, -1):
            began = self._clock.monotonic()
            try:
                status = await self._attempt(body, review)
            except _Failed as failed:
                self._said(Attempt("timeout" if failed.late else "error", self._clock.monotonic() - began))
                if not left or not failed.again:
                    raise CallFailed(str(failed), failed.code) from failed
            else:
                self._said(Attempt("success", self._clock.monotonic() - began))
                return status
            await self._clock.sleep(next(delays))
        raise AssertionError("the last attempt neither succeeds nor fails")

    async def _attempt(self, body: bytes, review: Obj) -> Obj:
        try:
            answer = await self._client.send("POST", self._url, self._headers, body, self._timeout)
            found = _parsed(answer)
        except CallFailed as failed:
            code = answer.status
            again = code in AGAIN or (code > 499 and "retry-after" in answer.headers)
            raise _Failed(str(failed), code, again=again, late=code == GATEWAY_TIMEOUT) from failed
        except OSError as error:
            again, late = isinstance(error, ConnectionResetError), isinstance(error, TimeoutError)
            text = f'Post "{self._url}": {error_text(error, self._endpoint.url)}'
            raise _Failed(text, again=again, late=late) from error
        return _status(found, review, self._shape)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _parsed(answer: Answer) -> Any:
    """The JSON or YAML of an answer; raises CallFailed."""
    if not 200 <= answer.status < 300 or answer.body.lstrip().startswith(b"{"):
        return parsed_answer(answer)
    try:
        return parse_yaml(answer.body)
    except ValueError as error:
        raise CallFailed(str(error)) from None


class _Failed(Exception):
    """One attempt came to nothing."""

    def __init__(self, message: str, code: int = 503, *, again: bool = False, late: bool = False) -> None:
        super().__init__(message)
        self.code, self.again, self.late = code, again, late


def _status(found: Any, review: Obj, shape: Struct) -> Obj:
    """The status of an answer; one that does not say what it is, is what was asked for. Raises _Failed."""
    if not isinstance(found, dict):
        raise _Failed(no_object(found))
    kind, version = found.get("kind") or review["kind"], found.get("apiVersion") or review["apiVersion"]
    if kind in REVIEWS and kind != review["kind"]:
        raise _Failed(f"converting (v1.{kind}) to (v1.{review['kind']}): unknown conversion")
    if (kind, version) != (review["kind"], review["apiVersion"]):
        named = f"no kind {go_quoted(str(kind))} is registered for version {go_quoted(str(version))}"
        raise _Failed(f'{named} in scheme "k8s.io/client-go/kubernetes/scheme/register.go:82"')
    try:
        check_types(found, shape)
    except ConfigFileError as error:
        raise _Failed(str(error)) from None
    status: Obj = found.get("status") or {}
    return status
