"""Transport over the network."""

import base64
import ssl
from collections.abc import AsyncIterator

from sampan.client.errors import error_of
from sampan.client.kubeconfig import Access
from sampan.client.request import Answer, ApiRequest
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context


def http_client(access: Access) -> HttpClient:
    """A client that trusts and shows what the access says. Raises OSError for material that cannot be used."""
    context: ssl.SSLContext | None = None
    if access.server.startswith("https"):
        context = client_context(access.ca, access.certificate, access.key, verify=not access.insecure)
    return HttpClient(context, server_name=access.server_name or None)


def credentials(access: Access) -> list[tuple[str, str]]:
    """The headers that say who we are."""
    if access.token:
        return [("authorization", f"Bearer {access.token}")]
    if access.user and access.password:
        pair = base64.b64encode(f"{access.user}:{access.password}".encode()).decode()
        return [("authorization", f"Basic {pair}")]
    return []


class HttpTransport:
    """Speaks to `access.server` with its credentials."""

    def __init__(self, access: Access, agent: str = "sampan", timeout: float = 30.0) -> None:
        self._server = access.server.rstrip("/")
        self._http = http_client(access)
        self._headers = [("user-agent", agent), *credentials(access)]
        self._timeout = timeout

    def _pairs(self, request: ApiRequest) -> list[tuple[str, str]]:
        pairs = [*self._headers, ("accept", request.accept)]
        return [*pairs, ("content-type", request.content_type)] if request.body else pairs

    async def send(self, request: ApiRequest) -> Answer:
        """One request, one answer."""
        url = self._server + request.target
        answer = await self._http.send(
            request.method, url, headers=self._pairs(request), body=request.body, timeout=self._timeout
        )
        return Answer(answer.status, answer.headers, answer.body)

    async def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        """The chunks of an answer's body."""
        url = self._server + request.target
        async with self._http.stream(
            request.method, url, headers=self._pairs(request), body=request.body, timeout=self._timeout
        ) as answer:
            if answer.status >= 300:
                raise error_of(answer.status, b"".join([chunk async for chunk in answer.chunks]))
            async for chunk in answer.chunks:
                yield chunk

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
