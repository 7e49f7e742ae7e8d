"""Writes down who did what (context["audit"] is the request's Trail for those inside)."""

import random
from collections.abc import AsyncIterator
from html import escape
from uuid import UUID

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.quote import go_quoted
from sampan.apiserver.audit.backend import AuditMetrics, Backend
from sampan.apiserver.audit.policy import Policy
from sampan.apiserver.audit.trail import Trail, takes_time
from sampan.net.http import Handler, Request, Response

PLAIN = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]


class Audit:
    """Around everything that can refuse a request. What the backend must have and does not take is not done."""

    def __init__(
        self, app: Handler, policy: Policy, backend: Backend, clock: Clock, rng: random.Random, metrics: AuditMetrics
    ) -> None:
        self._app, self._policy, self._backend = app, policy, backend
        self._clock, self._rng, self._metrics = clock, rng, metrics

    async def __call__(self, request: Request) -> Response:
        audit_id = request.headers.get("audit-id")
        if audit_id is None:
            audit_id = request.headers["audit-id"] = str(UUID(int=self._rng.getrandbits(128), version=4))
        trail = Trail(request, audit_id, self._clock.now(), self._policy)
        request.context["audit"] = trail
        request.context["audited"] = self._received
        response = await self._app(request)
        if trail.wanted is None:
            if response.status == 401 and "info" in request.context:
                event = trail.unknown_user(response, self._clock.now())
                self._level(trail)
                await self._write(event)
            return response
        self._level(trail)
        if "panic" in request.context:
            await self._write(trail.panicked(request.context["panic"], self._clock.now()))
            return response
        if takes_time(request.context["info"]):
            await self._write(trail.started(response, self._clock.now()))
        if response.stream is not None:
            response.stream = self._followed(trail, response, response.stream)
        else:
            await self._write(trail.completed(response, self._clock.now()))
        return response

    def _level(self, trail: Trail) -> None:
        if trail.wanted is not None:
            self._metrics.level(trail.wanted.level)

    async def _received(self, request: Request) -> Response | None:
        """The first event of a request; an answer if that could not be stored and had to be."""
        trail: Trail = request.context["audit"]
        if await self._write(trail.received()):
            return None
        self._metrics.rejected.inc()
        uri = f"{request.path}?{request.query}" if request.query else request.path
        text = f"Internal Server Error: {go_quoted(uri)}: failed to store audit event\n"
        return Response(500, [*PLAIN], escape(text, quote=False).encode())

    async def _write(self, event: Obj | None) -> bool:
        if event is None:
            return True
        self._metrics.events.inc()
        return await self._backend.process((event,))

    async def _followed(self, trail: Trail, response: Response, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in stream:
                yield chunk
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
            await self._write(trail.completed(response, self._clock.now()))
