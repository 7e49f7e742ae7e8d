"""Requests handed on to another server, as they are: whole bodies in, streams and upgrades out (RFC 9110 §7.6)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from sampan.api.errors import StatusError, unavailable
from sampan.net.http import Headers, Request, Response
from sampan.net.http_client import HttpClient, Streamed
from sampan.net.http_upgrade import Relay

HOP_BY_HOP = frozenset((
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
))  # fmt: skip
OURS = frozenset(("authorization", "content-length", "host"))
"""What says who asks is for this server alone; length and host are written anew."""
IMPERSONATE = "impersonate-"
UPGRADING = ("connection", "upgrade")
LINES = frozenset(("x-stream-protocol-version",))
"""Headers that want a line for each value."""
Change = Callable[[Streamed, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    client: HttpClient
    url: str
    """Scheme, host, port and path; the query of the request is added."""
    headers: Headers = field(default_factory=list)
    """What the other server is told besides."""
    dropped: frozenset[str] = frozenset()
    """Headers of the client that are not handed on."""
    location: Callable[[str], str] | None = None
    """Makes the Location of a redirect one that the client can follow."""
    page: Callable[[str], str] | None = None
    """Changes a body of text/html."""


async def forward(request: Request, target: Target) -> Response:
    """The other server's answer; raises the 503 of one that cannot be reached."""
    url = target.url + (f"?{request.query}" if request.query else "")
    headers = [*_handed_on(request.headers, target.dropped), *target.headers]
    await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
    if "upgrade" in request.headers.get("connection", "").lower():
        return await _upgraded(request, target, url, headers)
    host = request.headers.get("host")
    if host:
        headers.insert(0, ("host", host))
    stack = AsyncExitStack()
    try:
        answer = await stack.enter_async_context(target.client.stream(request.method, url, headers, request.body))
    except OSError as error:
        await stack.aclose()
        raise unreachable(error) from error
    kept = [pair for pair in answer.pairs if pair[0] not in HOP_BY_HOP]
    if target.location is not None:
        kept = [(name, target.location(value) if name == "location" else value) for name, value in kept]
    media = answer.headers.get("content-type", "").partition(";")[0].strip()
    if target.page is not None and media == "text/html" and "content-encoding" not in answer.headers:
        try:
            body = b"".join([chunk async for chunk in answer.chunks])
        except OSError as error:
            raise unreachable(error) from error
        finally:
            await stack.aclose()
        text = target.page(body.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        return Response(answer.status, [pair for pair in kept if pair[0] != "content-length"], text)
    kept = [pair for pair in kept if pair[0] != "content-length"]
    if request.method == "HEAD":
        await stack.aclose()
        return Response(answer.status, kept)
    return Response(answer.status, kept, stream=_Body(stack, answer))


def unreachable(error: OSError) -> StatusError:
    """503 for a server that does not answer."""
    return unavailable(f"error trying to reach service: {str(error) or 'EOF'}")


async def _upgraded(request: Request, target: Target, url: str, headers: Headers) -> Response:
    asked = [(name, request.headers[name]) for name in UPGRADING if name in request.headers]
    try:
        answer = await target.client.upgrade(request.method, url, [*asked, *headers])
    except OSError as error:
        raise unreachable(error) from error
    if answer.status == 101:
        return Response(101, [(name.title(), value) for name, value in answer.headers], upgrade=Relay(answer))
    kept = [pair for pair in answer.headers if pair[0] not in HOP_BY_HOP and pair[0] != "content-length"]
    return Response(answer.status, kept, answer.body)


def _handed_on(headers: Mapping[str, str], dropped: frozenset[str]) -> Headers:
    found: Headers = []
    named = {part.strip().lower() for part in headers.get("connection", "").split(",")}
    for name, value in headers.items():
        if name in HOP_BY_HOP or name in OURS or name in dropped or name in named or name.startswith(IMPERSONATE):
            continue
        found += [(name, part.strip()) for part in (value.split(",") if name in LINES else (value,))]
    return found


class _Body:
    """The other server's answer, chunk by chunk; closing it hangs up."""

    def __init__(self, stack: AsyncExitStack, answer: Streamed) -> None:
        self._stack, self._chunks = stack, answer.chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Hang up, or keep the connection for the next request if this answer was read to its end."""
        await self._stack.aclose()
