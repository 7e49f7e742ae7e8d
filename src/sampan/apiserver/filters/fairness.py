"""Gives each request its seat, lets it wait for one, or turns it away (KEP-1040). Long-running ones take none."""

import asyncio

from sampan.apiserver.context import ANONYMOUS, RequestInfo, UserInfo
from sampan.apiserver.flowcontrol.fairness import Fairness, Flow
from sampan.apiserver.flowcontrol.level import Rejected
from sampan.net.http import Handler, Request, Response

WAIT_SECONDS = 15.0
"""A quarter of upstream's request timeout."""
LONG_RUNNING = frozenset(("attach", "exec", "portforward", "proxy", "log"))
TEXT = b"Too many requests, please try again later.\n"


class PriorityAndFairness:
    """Stands behind authentication, for the user decides."""

    def __init__(self, app: Handler, fairness: Fairness) -> None:
        self._app, self._fairness = app, fairness

    async def __call__(self, request: Request) -> Response:
        info: RequestInfo = request.context["info"]
        user: UserInfo = request.context.get("user", ANONYMOUS)
        flow = await self._fairness.flow(user, info)
        if flow is None:
            return await self._app(request)
        if flow.level.settings.exempt or info.verb == "watch" or info.subresource in LONG_RUNNING:
            response = await self._app(request)
            response.headers.extend(flow.headers)
            return response
        return await self._seated(request, flow)

    async def _seated(self, request: Request, flow: Flow) -> Response:
        level = flow.level
        if not level.free():
            await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        if level.free():
            level.executing += 1
        else:
            try:
                await level.seat(flow.name, WAIT_SECONDS)
            except Rejected as rejected:
                self._fairness.rejected.labels(flow.schema.name, level.settings.name, rejected.reason).inc()
                plain = ("Content-Type", "text/plain; charset=utf-8")
                told = [plain, ("X-Content-Type-Options", "nosniff"), ("Retry-After", "1"), *flow.headers]
                return Response(429, told, TEXT)
        flow.counted()
        try:
            response = await self._app(request)
        finally:
            level.leave()
        response.headers.extend(flow.headers)
        return response
