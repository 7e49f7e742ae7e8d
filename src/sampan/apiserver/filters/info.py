"""Finds out what is asked, once, for all filters further in."""

from sampan.apiserver.route import Routes
from sampan.net.http import Handler, Request, Response


class Info:
    """Puts the RequestInfo into the request's context as `info`."""

    def __init__(self, app: Handler) -> None:
        self._app = app
        self._find = Routes().find

    async def __call__(self, request: Request) -> Response:
        request.context["info"] = self._find(request.method, request.path, request.query)
        return await self._app(request)
