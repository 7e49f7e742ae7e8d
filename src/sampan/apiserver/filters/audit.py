"""Writes down who did what (context["audit"] is the request's Trail for those inside)."""

import logging
import random
from collections.abc import AsyncIterator
from uuid import UUID

from sampan.aio.clock import Clock
from sampan.api.errors import internal
from sampan.api.json import Obj
from sampan.apiserver.answer import status_response
from sampan.apiserver.audit.policy import Policy
from sampan.apiserver.audit.trail import Sink, Trail
from sampan.net.http import Handler, Request, Response

log = logging.getLogger(__name__)


class Audit:
    """Around everything that can refuse a request. Nothing is answered whose event cannot be written."""

    def __init__(self, app: Handler, policy: Policy, sink: Sink, clock: Clock, rng: random.Random) -> None:
        self._app, self._policy, self._sink = app, policy, sink
        self._clock, self._rng = clock, rng

    async def __call__(self, request: Request) -> Response:
        audit_id = request.headers.get("audit-id")
        if audit_id is None:
            audit_id = request.headers["audit-id"] = str(UUID(int=self._rng.getrandbits(128), version=4))
        trail = Trail(request, audit_id, self._clock.now(), self._policy)
        request.context["audit"] = trail
        request.context["audited"] = self._write
        response = await self._app(request)
        if trail.wanted is None:
            if response.status == 401 and "info" in request.context:
                self._write(trail.unknown_user(response, self._clock.now()))
            return response
        if response.stream is not None:
            self._write(trail.started(response, self._clock.now()))
            response.stream = self._followed(trail, response, response.stream)
            return response
        try:
            self._write(trail.completed(response, self._clock.now()))
        except OSError as error:
            log.error("an audit event cannot be written: %s", error)
            return status_response(request, internal("failed to store audit event"))
        return response

    def _write(self, event: Obj | None) -> None:
        if event is not None:
            self._sink(event)

    async def _followed(self, trail: Trail, response: Response, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in stream:
                yield chunk
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
            try:
                self._write(trail.completed(response, self._clock.now()))
            except OSError as error:
                log.error("an audit event cannot be written: %s", error)
