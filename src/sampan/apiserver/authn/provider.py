"""One issuer of tokens: found by OpenID Connect Discovery, then asked about each token that names it."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sampan.aio.clock import Clock
from sampan.api.quote import go_quoted
from sampan.apiserver.authn.configuration import JwtIssuer
from sampan.apiserver.authn.discovery import discover
from sampan.apiserver.authn.distributed import Resolver
from sampan.apiserver.authn.id_token import check_algorithm, check_claims, issuer_of, parse
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.mapping import user_of
from sampan.apiserver.authn.metrics import FAILURE, SUCCESS, IssuerMetrics
from sampan.apiserver.authn.remote_keys import RemoteKeys
from sampan.apiserver.context import UserInfo
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context

log = logging.getLogger("sampan.authentication")
AGAIN = 10.0
"""Seconds after which an issuer that could not be found is looked for again."""


class Means(NamedTuple):
    """What issuers need of the server. `algorithms`: those that tokens may be signed with."""

    clock: Clock
    metrics: IssuerMetrics
    algorithms: Sequence[str]


class Provider:
    """Checks the tokens of one issuer. `run` must run once: it finds the issuer."""

    def __init__(self, issuer: JwtIssuer, means: Means) -> None:
        self.issuer, self._means = issuer, means
        authority = issuer.authority.encode() or None
        self._client = HttpClient(client_context(authority))
        self._keys: RemoteKeys | None = None
        self._resolver: Resolver | None = None
        if issuer.groups.claim:
            tools = self._client, means.clock
            self._resolver = Resolver(issuer.groups.claim, issuer.audiences, means.algorithms, tools)
        self._why = f"oidc: authenticator for issuer {go_quoted(issuer.url)} is not initialized"

    @property
    def trouble(self) -> str:
        """Why it cannot check tokens yet; empty if it can."""
        if self._keys is not None:
            return ""
        return f"oidc: authenticator for issuer {go_quoted(self.issuer.url)} is not healthy: {self._why}"

    async def run(self) -> None:
        """Look for the issuer until it is found."""
        while True:
            try:
                found = await discover(self._client, self.issuer.url, self.issuer.discovery_url)
            except ValueError as error:
                self._why = str(error)
                log.error("oidc authenticator: initializing plugin: %s", error)
                await self._means.clock.sleep(AGAIN)
                continue
            self._keys = RemoteKeys(self._client, found.keys_url, self._means.clock, self._fetched)
            return

    def _fetched(self, keys: bytes | None) -> None:
        self._means.metrics.fetched(self.issuer.url, keys, self._means.clock.now())

    async def check(self, token: str, now: datetime) -> UserInfo:
        """The user of a token. Raises InvalidToken; BadToken for a token of somebody else."""
        if issuer_of(token) != self.issuer.url:
            raise BadToken("another issuer")
        began = self._means.clock.monotonic()
        result = FAILURE
        try:
            user = await self._user(token, now)
            result = SUCCESS
            return user
        finally:
            self._means.metrics.checked(self.issuer.url, result, self._means.clock.monotonic() - began)

    async def _user(self, token: str, now: datetime) -> UserInfo:
        if self._keys is None:
            raise InvalidToken("oidc: authenticator not initialized")
        try:
            parsed = parse(token)
            algorithm = check_algorithm(parsed, self._means.algorithms)
            await self._keys.verify(parsed, algorithm)
            check_claims(parsed.claims, self.issuer.url, self.issuer.audiences, now)
        except InvalidToken as error:
            raise InvalidToken(f"oidc: verify token: {error}") from error
        claims = parsed.claims
        if self._resolver is not None:
            claims = await self._resolver.expand(claims, now)
        return user_of(self.issuer, claims)

    async def close(self) -> None:
        """End its connections."""
        if self._keys is not None:
            await self._keys.close()
        if self._resolver is not None:
            await self._resolver.close()
        await self._client.close()
