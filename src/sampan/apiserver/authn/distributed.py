"""Claims that a token leaves to somewhere else (OpenID Connect Core 1.0, section 5.6.2): fetched for the groups."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.quote import go_quoted
from sampan.apiserver.authn.discovery import discover
from sampan.apiserver.authn.fetch import fetch
from sampan.apiserver.authn.id_token import check_algorithm, check_claims, issuer_of, parse
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.remote_keys import RemoteKeys
from sampan.net.http_client import HttpClient

MOST_ISSUERS = 64
NAMES, SOURCES = "_claim_names", "_claim_sources"


class Resolver:
    """Fetches one claim for tokens that say where it is. The token there may be of another issuer."""

    def __init__(
        self, claim: str, audiences: Sequence[str], algorithms: Sequence[str], means: tuple[HttpClient, Clock]
    ) -> None:
        self._claim, self._audiences, self._algorithms = claim, audiences, algorithms
        self._client, self._clock = means
        self._keys: dict[str, RemoteKeys] = {}

    async def expand(self, claims: Obj, now: datetime) -> Obj:
        """The claims with the one that was elsewhere. Raises InvalidToken."""
        if self._claim in claims or NAMES not in claims:
            return claims
        source = (claims[NAMES] or {}).get(self._claim)
        if source is None:
            return claims
        sources = claims.get(SOURCES)
        if sources is None:
            raise _failed("oidc: no claim sources")
        if source not in sources:
            raise _failed(f"id token _claim_names contained a source {source} missing in _claims_sources")
        endpoint: Mapping[str, Any] = sources[source] or {}
        if not endpoint.get("endpoint"):
            return claims  # an aggregated claim; upstream does not read those either
        return {**claims, self._claim: await self._resolve(endpoint["endpoint"], endpoint.get("access_token"), now)}

    async def _resolve(self, url: str, access: Any, now: datetime) -> Any:
        token = await self._fetch(url, str(access or ""))
        try:
            issuer = issuer_of(token)
        except BadToken as error:
            about = f"getting untrusted issuer from endpoint {url} failed for claim {go_quoted(self._claim)}"
            raise _failed(f"{about}: {error}") from None
        keys = await self._keys_of(issuer)
        try:
            parsed = parse(token)
            algorithm = check_algorithm(parsed, self._algorithms)
            await keys.verify(parsed, algorithm)
            check_claims(parsed.claims, issuer, self._audiences, now)
        except InvalidToken as error:
            raise _failed(f"verify distributed claim token: {error}") from None
        if self._claim not in parsed.claims:
            what = f"jwt returned by distributed claim endpoint {go_quoted(url)}"
            raise _failed(f"{what} did not contain claim: {self._claim}")
        return parsed.claims[self._claim]

    async def _fetch(self, url: str, access: str) -> str:
        headers = (("authorization", f"Bearer {access}"),) if access else ()
        try:
            answer = await fetch(self._client, url, headers)
        except (OSError, ValueError) as error:
            said = f'Get "{url}": {error}'
            raise _failed(f"while getting distributed claim {go_quoted(self._claim)}: {said}") from error
        if not 200 <= answer.status <= HTTPStatus.IM_USED:
            phrase = HTTPStatus(answer.status).phrase if answer.status in HTTPStatus._value2member_map_ else ""
            said = f"error while getting distributed claim JWT: {answer.status} {phrase}".rstrip()
            raise _failed(f"while getting distributed claim {go_quoted(self._claim)}: {said}")
        return answer.body.decode(errors="replace")

    async def _keys_of(self, issuer: str) -> RemoteKeys:
        keys = self._keys.get(issuer)
        if keys is None:
            try:
                found = await discover(self._client, issuer)
            except ValueError as error:
                why = f"verifier not initialized for issuer: {go_quoted(issuer)}"
                raise _failed(f"verifying untrusted issuer {issuer} failed: {why}") from error
            if len(self._keys) >= MOST_ISSUERS:
                await self._keys.pop(next(iter(self._keys))).close()
            keys = self._keys.setdefault(issuer, RemoteKeys(self._client, found.keys_url, self._clock))
        return keys

    async def close(self) -> None:
        """End what is under way."""
        for keys in self._keys.values():
            await keys.close()


def _failed(why: str) -> InvalidToken:
    return InvalidToken(f"oidc: could not expand distributed claims: {why}")
