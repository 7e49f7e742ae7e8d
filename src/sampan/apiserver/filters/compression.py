"""gzip for large answers, when the client takes it."""

from sampan.net.compress import gzip_if_worth
from sampan.net.http import Handler, Request, Response


class Compression:
    """Compresses large bodies; streams stay as they are."""

    def __init__(self, app: Handler) -> None:
        self._app = app

    async def __call__(self, request: Request) -> Response:
        response = await self._app(request)
        accepted = request.headers.get("accept-encoding")
        if accepted and response.stream is None:
            packed = gzip_if_worth(response.body, accepted)
            if packed is not None:
                response.body = packed
                response.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        return response
