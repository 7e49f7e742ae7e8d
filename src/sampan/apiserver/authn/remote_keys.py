"""The keys of a token issuer, read over HTTPS when they are needed and kept as long as the issuer says (RFC 9111)."""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.json import JSONDecodeError, loads
from sampan.apiserver.authn.fetch import fetch
from sampan.apiserver.authn.id_token import IdToken
from sampan.apiserver.authn.jwt import InvalidToken
from sampan.apiserver.authn.keys import BadKey, Key, read_keys, signed_by
from sampan.net.http_client import HttpClient

MARGIN = timedelta(seconds=30)
"""Keys count as stale so much before they are."""
MAX_AGE = re.compile(r"\b(s-maxage|max-age)=\"?(\d+)")
Fetched = Callable[[bytes | None], None]
"""Told the bytes of a key set, or None when it could not be read."""


class RemoteKeys:
    """The key set at a URL. `fetched` is told of every attempt to read it."""

    def __init__(self, client: HttpClient, url: str, clock: Clock, fetched: Fetched = lambda keys: None) -> None:
        self._client, self._url, self._clock, self._fetched = client, url, clock, fetched
        self._keys: tuple[Key, ...] = ()
        self._stale: datetime | None = None
        self._tasks = Tasks()
        self._running: asyncio.Task[str] | None = None

    async def verify(self, token: IdToken, algorithm: str) -> None:
        """Whether one of the keys signed it; the keys are read again if not, unless they are fresh.

        Raises InvalidToken.
        """
        if self._signed(token, algorithm):
            return
        if self._stale is None or self._clock.now() + MARGIN > self._stale:
            await self._refresh()
            if self._signed(token, algorithm):
                return
        raise InvalidToken("failed to verify signature: failed to verify id token signature")

    def _signed(self, token: IdToken, algorithm: str) -> bool:
        if "crit" in token.header:
            return False  # what it calls critical is not understood
        name = token.header.get("kid") or ""
        return any(
            signed_by(key.public, algorithm, token.signature, token.signed)
            for key in self._keys
            if not name or key.id == name
        )

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.cancel()

    async def _refresh(self) -> None:
        """Read the keys; whoever comes meanwhile waits for the same answer."""
        if self._running is None or self._running.done():
            self._running = self._tasks.start(self._read(), f"keys of {self._url}")
        if wrong := await asyncio.shield(self._running):
            raise InvalidToken(f"failed to verify signature: fetching keys {wrong}")

    async def _read(self) -> str:
        """Put the keys in place; what is wrong if that cannot be done."""
        try:
            answer = await fetch(self._client, self._url)
        except (OSError, ValueError) as error:
            self._fetched(None)
            return f'oidc: get keys failed Get "{self._url}": {error}'
        text = answer.body.decode(errors="replace")
        if answer.status != 200:
            self._fetched(None)
            return f"oidc: get keys failed: {answer.status} {text}"
        try:
            keys = read_keys(loads(answer.body))
        except (JSONDecodeError, BadKey) as error:
            self._fetched(None)
            return f"oidc: failed to decode keys: {error} {text}"
        self._fetched(answer.body)
        self._keys, self._stale = keys, stale_at(answer.headers, self._clock.now())
        return ""


def stale_at(headers: Mapping[str, str], now: datetime) -> datetime:
    """Until when an answer may be kept; `now` if it does not say."""
    ages = {name: int(value) for name, value in MAX_AGE.findall(headers.get("cache-control", "").lower())}
    for name in ("s-maxage", "max-age"):
        if name in ages:
            return now + timedelta(seconds=min(ages[name], 10**8))
    try:
        return max(now, parsedate_to_datetime(headers["expires"]))
    except (KeyError, ValueError, TypeError):
        return now
