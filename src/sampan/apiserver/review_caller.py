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
from sampan.api.times import format_duration
from sampan.apiserver.webhook_client import CallFailed, error_text, parsed_answer
from sampan.net.http_client import HttpClient

TIMEOUT = 30.0
ATTEMPTS, FIRST, FACTOR, JITTER = 5, 0.5, 1.5, 0.2
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
    """Posts reviews to one endpoint. `said` is told of each attempt."""

    def __init__(
        self, endpoint: Endpoint, clock: Clock, rng: random.Random, *, timeout: float = TIMEOUT,
        said: Callable[[Attempt], None] = lambda attempt: None,
    ) -> None:  # fmt: skip
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
            found = parsed_answer(answer)
        except CallFailed as failed:
            code = answer.status
            again = code in AGAIN or (code > 499 and "retry-after" in answer.headers)
            raise _Failed(str(failed), code, again=again, late=code == GATEWAY_TIMEOUT) from failed
        except OSError as error:
            again, late = isinstance(error, ConnectionResetError), isinstance(error, TimeoutError)
            text = f'Post "{self._url}": {error_text(error, self._endpoint.url)}'
            raise _Failed(text, again=again, late=late) from error
        return _status(found, review)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class _Failed(Exception):
    """One attempt came to nothing."""

    def __init__(self, message: str, code: int = 503, *, again: bool = False, late: bool = False) -> None:
        super().__init__(message)
        self.code, self.again, self.late = code, again, late


def _status(found: Any, review: Obj) -> Obj:
    if not isinstance(found, dict):
        raise _Failed("couldn't get version/kind; json parse error: the answer is no object")
    kind, version = found.get("kind") or "", found.get("apiVersion") or ""
    if not kind:
        raise _Failed(f"Object 'Kind' is missing in '{dumps(found).decode()}'")
    if (kind, version) != (review["kind"], review["apiVersion"]):
        raise _Failed(f"unable to decode {version}, Kind={kind} into {review['apiVersion']}, Kind={review['kind']}")
    status = found.get("status") or {}
    if not isinstance(status, dict):
        raise _Failed("json: cannot unmarshal the status of the answer")
    return status
