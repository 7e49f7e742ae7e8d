"""Counts and times requests."""

from collections.abc import AsyncIterator, Callable

from sampan.apiserver.context import RequestInfo
from sampan.apiserver.metrics import RequestMetrics
from sampan.net.http import Handler, Request, Response


class Observe:
    """Fills apiserver_request_total and its kin."""

    def __init__(self, app: Handler, metrics: RequestMetrics, monotonic: Callable[[], float]) -> None:
        self._app, self._metrics, self._monotonic = app, metrics, monotonic

    async def __call__(self, request: Request) -> Response:
        metrics = self._metrics
        metrics.begin()
        began = self._monotonic()
        try:
            response = await self._app(request)
        finally:
            metrics.end()
        info: RequestInfo | None = request.context.get("info")
        if info is None:
            return response
        if response.stream is not None:
            metrics.observe(info, request.method, response.status, -1.0)
            response.stream = self._counted(info, response.stream)
        else:
            metrics.observe(info, request.method, response.status, self._monotonic() - began)
        return response

    async def _counted(self, info: RequestInfo, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._metrics.stream(info, 1)
        try:
            async for chunk in stream:
                yield chunk
        finally:
            self._metrics.stream(info, -1)
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
