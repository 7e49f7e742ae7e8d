"""How many requests may be in flight at once; watches do not count."""

from sampan.api.errors import too_many_requests
from sampan.apiserver.context import RequestInfo
from sampan.net.http import Handler, Request, Response

MAX_IN_FLIGHT = 600
"""Upstream's 400 read-only and 200 mutating requests together."""
TEXT = "Too many requests, please try again later."


class Limits:
    """Answers 429 above the limit."""

    def __init__(self, app: Handler, most: int = MAX_IN_FLIGHT) -> None:
        self._app, self._most, self._now = app, most, 0

    async def __call__(self, request: Request) -> Response:
        info: RequestInfo = request.context["info"]
        if info.verb == "watch":
            return await self._app(request)
        if self._now >= self._most:
            raise too_many_requests(TEXT, 1)
        self._now += 1
        try:
            return await self._app(request)
        finally:
            self._now -= 1
