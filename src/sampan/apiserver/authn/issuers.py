"""All issuers of tokens that are trusted besides this server; the set can be replaced while it runs."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from sampan.aio.tasks import Tasks
from sampan.apiserver.authn.configuration import JwtIssuer
from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.provider import Means, Provider
from sampan.apiserver.config_shape import aggregate
from sampan.apiserver.context import UserInfo

PATIENCE = 60.0
"""Seconds that new issuers are given to be found before they are refused."""
OUTLIVE, FORGET = 60.0, 30.0
"""Seconds that old issuers stay for requests that still use them, and until their metrics go."""


class NotReady(Exception):
    """New issuers could not be found in time; the old ones stay."""


class Issuers:
    """Checks tokens of any of the issuers. `audiences` are this server's own: the only ones that tokens can be for."""

    def __init__(self, issuers: Sequence[JwtIssuer], audiences: Sequence[str], means: Means) -> None:
        self._audiences, self._means = tuple(audiences), means
        self._tasks = Tasks()
        self._finding: dict[Provider, asyncio.Task[None]] = {}
        """All that are not closed."""
        self._providers: list[Provider] = []
        self._first = tuple(issuers)

    def start(self) -> None:
        """Begin to look for the issuers that were given first; tokens are refused until theirs is found."""
        self._providers = self._begin(self._first)

    def _begin(self, issuers: Sequence[JwtIssuer]) -> list[Provider]:
        providers = [Provider(issuer, self._means) for issuer in issuers]
        for one in providers:
            self._finding[one] = self._tasks.start(one.run(), f"issuer {one.issuer.url}")
        return providers

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """As TokenAuthenticator."""
        served = [one for one in audiences or self._audiences if one in self._audiences]
        if not served:
            raise BadToken("for another audience")
        for provider in self._providers:
            try:
                return await provider.check(token, now), served
            except BadToken as error:
                if type(error) is not BadToken:
                    raise
        raise BadToken("of no issuer that is known")

    async def replace(self, issuers: Sequence[JwtIssuer]) -> None:
        """Have these issuers instead, once they have all been found. Raises NotReady."""
        providers = self._begin(issuers)
        if providers:
            late = self._tasks.start(self._means.clock.sleep(PATIENCE), "patience with new issuers")
            found = asyncio.gather(*(self._finding[one] for one in providers), return_exceptions=True)
            await asyncio.wait((found, late), return_when=asyncio.FIRST_COMPLETED)
            late.cancel()
            if wrong := [one.trouble for one in providers if one.trouble]:
                await self._end(providers)
                raise NotReady(aggregate(wrong))
        old, self._providers = self._providers, providers
        self._tasks.start(self._retire(old), "retired issuers")

    async def _retire(self, providers: list[Provider]) -> None:
        await self._means.clock.sleep(OUTLIVE)
        await self._end(providers)
        await self._means.clock.sleep(FORGET)
        for url in {one.issuer.url for one in providers} - {one.issuer.url for one in self._providers}:
            self._means.metrics.forget(url)

    async def _end(self, providers: Sequence[Provider]) -> None:
        for one in providers:
            task = self._finding.pop(one, None)
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await one.close()

    async def close(self) -> None:
        """End all of them."""
        self._providers = []
        await self._tasks.cancel()
        await self._end(list(self._finding))
