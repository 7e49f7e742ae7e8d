"""Transport into a handler of this process: no sockets, no TLS, no authentication."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

from sampan.client.errors import error_of
from sampan.client.request import Answer, ApiRequest
from sampan.net.http import Handler, Request, Response


class LocalTransport:
    """Hands requests to a handler as the given user (whatever the handler's filters expect in context["user"])."""

    def __init__(self, handler: Handler, user: Any, agent: str = "sampan") -> None:
        self._handler, self._user, self._agent = handler, user, agent

    def _request(self, request: ApiRequest) -> Request:
        headers = {"accept": request.accept, "user-agent": self._agent}
        if request.body:
            headers["content-type"] = request.content_type
        return Request(
            method=request.method,
            path=request.path,
            query=urlencode(request.query) if request.query else "",
            headers=headers,
            body=request.body,
            context={"user": self._user},
        )

    async def send(self, request: ApiRequest) -> Answer:
        """One request, one answer."""
        response = await self._handler(self._request(request))
        body = response.body
        if response.stream is not None:
            body = b"".join([chunk async for chunk in response.stream])
        return Answer(response.status, {k.lower(): v for k, v in response.headers}, body)

    async def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        """The chunks of an answer's body."""
        response = await self._handler(self._request(request))
        if response.status >= 300:
            raise error_of(response.status, response.body)
        if response.stream is None:
            yield response.body
            return
        try:
            async for chunk in response.stream:
                yield chunk
        finally:
            await close(response)

    async def close(self) -> None:
        """Nothing to release."""


async def close(response: Response) -> None:
    """End a stream that nobody reads any more."""
    ending = getattr(response.stream, "aclose", None)
    if ending is not None:
        await ending()
