"""A node agent alone: credentials that change while it runs."""

from collections.abc import AsyncIterator

from sampan.client.request import Answer, ApiRequest
from sampan.cluster.node_agent import Changing


class Wire:
    """A transport that says its name."""

    def __init__(self, name: str) -> None:
        self.name, self.closed = name, False

    async def send(self, request: ApiRequest) -> Answer:
        return Answer(200, {}, self.name.encode())

    async def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        for _ in range(2):
            yield self.name.encode()

    async def close(self) -> None:
        self.closed = True


async def test_what_has_begun_ends_with_the_credentials_it_began_with() -> None:
    old, new = Wire("old"), Wire("new")
    transport, request = Changing(old), ApiRequest("GET", "/")
    watch = transport.stream(request)
    assert await anext(watch) == b"old"
    transport.change(new)
    assert (await transport.send(request)).body == b"new"
    assert await anext(watch) == b"old"
    assert not old.closed
    await transport.close()
    assert (old.closed, new.closed) == (True, True)
