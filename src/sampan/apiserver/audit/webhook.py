"""Post events to a webhook (flags --audit-webhook-*), and again when that fails."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

from sampan.aio.clock import Clock
from sampan.api.json import dumps
from sampan.apiserver.audit.backend import AuditMetrics, Events
from sampan.net.http_client import HttpClient

PLUGIN = "webhook"
TIMEOUT = 30.0
TRIES, FACTOR, JITTER = 5, 1.5, 0.2
SHOWN = 500
HEADERS = (("content-type", "application/json"), ("accept", "application/json"), ("user-agent", "kube-apiserver"))


class Webhook:
    """`url` and `headers` (credentials) as the kubeconfig has them; `backoff`: seconds before the second try."""

    def __init__(
        self, http: HttpClient, url: str, headers: Sequence[tuple[str, str]], backoff: float, clock: Clock,
        rng: random.Random, metrics: AuditMetrics,
    ) -> None:  # fmt: skip
        self._http, self._url, self._headers = http, url, (*HEADERS, *headers)
        self._backoff, self._clock, self._rng, self._metrics = backoff, clock, rng, metrics
        self._closing = asyncio.Event()

    async def process(self, events: Events) -> bool:
        """Any failure is tried again; the last one is told."""
        await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        items = [{key: value for key, value in event.items() if key not in ("kind", "apiVersion")} for event in events]
        body = dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items})
        wait = self._backoff
        for left in reversed(range(TRIES)):
            why = await self._post(body)
            if not why:
                return True
            if not left or self._closing.is_set():
                break
            await self._pause(wait * (1 + JITTER * self._rng.random()))
            wait *= FACTOR
        self._metrics.failed(PLUGIN, why, events)
        return False

    async def close(self) -> None:
        """No more events."""
        await self._http.close()

    def hurry(self) -> None:
        """The server ends: from now on nothing is tried again."""
        self._closing.set()

    async def _pause(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        ending = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((sleeping, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (sleeping, ending):
                one.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await one

    async def _post(self, body: bytes) -> str:
        """What went wrong; empty: nothing."""
        try:
            answer = await self._http.send("POST", self._url, self._headers, body, TIMEOUT)
        except (OSError, ValueError) as error:
            return f'Post "{self._url}": {error}'
        if answer.status < 300:
            return ""
        return f"the webhook answered {answer.status}: {answer.body[:SHOWN].decode(errors='replace')}"
