"""The Transport protocol: how a Request record reaches an API server."""

from collections.abc import AsyncIterator
from typing import Protocol

from sampan.client.request import Answer, ApiRequest


class Transport(Protocol):
    """`client.http` speaks over the network, `client.local` into a handler of this process."""

    async def send(self, request: ApiRequest) -> Answer:
        """One request, one whole answer; API errors are answers too. Raises ConnectionError when there is none."""

    def stream(self, request: ApiRequest) -> AsyncIterator[bytes]:
        """The body of the answer in chunks as they arrive. Raises StatusError for an error answer before any chunk."""

    async def close(self) -> None: ...
