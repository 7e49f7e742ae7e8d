"""Finds out what is asked, once, for all filters further in."""

from sampan.api.quote import go_quoted
from sampan.apiserver.query import STRAY_PERCENT
from sampan.apiserver.route import Routes, Unroutable
from sampan.net.http import Handler, Request, Response

PLAIN = ("Content-Type", "text/plain; charset=utf-8")


class Info:
    """Puts the RequestInfo into the request's context as `info`."""

    def __init__(self, app: Handler) -> None:
        self._app = app
        self._find = Routes().find

    async def __call__(self, request: Request) -> Response:
        if "%" in request.path and STRAY_PERCENT.search(request.path):
            return Response(400, [PLAIN, ("Connection", "close")], b"400 Bad Request")
        if not request.path.startswith("/"):  # `OPTIONS *`, or no path at all
            known = (request.method, request.path) == ("OPTIONS", "*")
            return Response(200) if known else Response(404, [PLAIN], b"404 page not found\n")
        try:
            request.context["info"] = self._find(request.method, request.path, request.query)
        except Unroutable as error:
            return unreadable(request, str(error))
        return await self._app(request)


def unreadable(request: Request, why: str) -> Response:
    """500 for a path that means nothing."""
    return internal_error(request, f"failed to create RequestInfo: {why}, {_uri(request)}")


def internal_error(request: Request, why: str) -> Response:
    """500, in plain text as upstream: it fails before it knows of formats."""
    text = f"Internal Server Error: {go_quoted(_uri(request))}: {why}"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    headers = [PLAIN, ("X-Content-Type-Options", "nosniff")]
    return Response(500, headers, f"{text}\n".encode())


def _uri(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path
