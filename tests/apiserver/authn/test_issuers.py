"""Issuers over HTTPS: found, asked for their keys, replaced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.apiserver.authn.configuration import authentication_of
from sampan.apiserver.authn.issuers import Issuers, NotReady
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.keys import ALGORITHMS
from sampan.apiserver.authn.metrics import IssuerMetrics
from sampan.apiserver.authn.provider import Means
from sampan.net.http import Response
from sampan.obs.metrics import Metrics
from sampan.testing.clock import FakeClock

OWN = "https://kubernetes.default.svc.cluster.local"


class Trusting:
    """A server's issuers, with a clock that stands."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self.clock, self.metrics = FakeClock(start=datetime.now(UTC)), Metrics()
        means = Means(self.clock, IssuerMetrics(self.metrics, "server"), ALGORITHMS)
        self.issuers = Issuers(self.read(entries), (OWN,), means)

    @staticmethod
    def read(entries: list[dict[str, Any]]) -> Any:
        found, errors = authentication_of({"jwt": entries})
        assert not errors
        return found.issuers

    async def whose(self, token: str, *audiences: str) -> str:
        """The user, or what is wrong."""
        try:
            user, served = await self.issuers.check(token, audiences, self.clock.now())
        except InvalidToken as error:
            return str(error)
        except BadToken:
            return "not known"
        assert served == [OWN]
        return user.name

    async def found(self) -> None:
        """Return when all are found."""
        await asyncio.gather(*self.issuers._finding.values())


@asynccontextmanager
async def trusting(*entries: dict[str, Any]) -> AsyncIterator[Trusting]:
    made = Trusting(list(entries))
    made.issuers.start()
    try:
        yield made
    finally:
        await made.issuers.close()


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


async def test_signatures(issuer_server: Any) -> None:
    kid = issuer_server.signers["RS256"].key_id
    async with trusting(issuer_server.jwt("a"), issuer_server.jwt("b")) as server:
        token = issuer_server.token("a")
        assert await server.whose(token) == "oidc: authenticator not initialized"
        await server.found()
        assert await server.whose(token) == "a:jane"
        assert await server.whose(issuer_server.token("b", "ES256")) == "b:jane"
        assert await server.whose(issuer_server.headed("a", {"alg": "PS256"})) == "a:jane"
        assert await server.whose(issuer_server.headed("a", {"alg": "RS256", "kid": kid, "typ": "at+jwt"})) == "a:jane"
        wrong = "oidc: verify token: failed to verify signature: failed to verify id token signature"
        assert await server.whose(issuer_server.headed("a", {"alg": "RS256", "kid": "other"})) == wrong
        assert await server.whose(issuer_server.headed("a", {"alg": "ES256"})) == wrong
        assert await server.whose(issuer_server.headed("a", {"alg": "RS256", "crit": ["x"]})) == wrong
        assert await server.whose(token.rsplit(".", 1)[0] + ".") == wrong
        shown = " ".join(f'"{one}"' for one in ALGORITHMS)
        for given in ("HS256", "none", ""):
            said = await server.whose(issuer_server.headed("a", {"alg": given}))
            assert said == (
                "oidc: verify token: oidc: id token signed with unsupported algorithm, "
                f'expected [{shown}] got "{given}"'
            )
        said = await server.whose(issuer_server.headed("a", []))
        what = "json: cannot unmarshal array into Go value of type jose.rawHeader"
        assert said == f"oidc: verify token: oidc: malformed jwt: {what}"
        for unknown in ("x", "a.b", token + ".x", issuer_server.token("c")):
            assert await server.whose(unknown) == "not known"
        assert await server.whose(token, "elsewhere") == "not known"
        assert await server.whose(token, OWN, "elsewhere") == "a:jane"


async def test_keys_are_read_again_when_they_are_stale(issuer_server: Any) -> None:
    keys, issuer_server.published = issuer_server.published, []
    async with trusting(issuer_server.jwt("a")) as server:
        await server.found()
        assert "failed to verify" in await server.whose(issuer_server.token("a"))
        issuer_server.published = keys[:1]
        issuer_server.cache_control = "public, max-age=600"
        together = await asyncio.gather(*(server.whose(issuer_server.token("a", jti=str(n))) for n in range(5)))
        assert together == ["a:jane"] * 5
        assert issuer_server.asked["/keys"] == 2
        issuer_server.published = keys
        assert "failed to verify" in await server.whose(issuer_server.token("a", "ES256"))
        assert issuer_server.asked["/keys"] == 2
        await server.clock.advance(575)
        assert await server.whose(issuer_server.token("a", "ES256", exp=2**40)) == "a:jane"
        assert issuer_server.asked["/keys"] == 3
        issuer_server.pages["/keys"] = Response(500, [], b"broken")
        await server.clock.advance(700)
        assert await server.whose(issuer_server.token("a", exp=2**40)) == "a:jane"
        said = await server.whose(issuer_server.headed("a", {"alg": "RS256", "kid": "new"}))
        what = "fetching keys oidc: get keys failed: 500 broken"
        assert said == f"oidc: verify token: failed to verify signature: {what}"
        text = server.metrics.text().decode()
        assert 'jwks_fetch_last_key_set_info{apiserver_id_hash="sha256:' in text
        assert 'latency_seconds_count{jwt_issuer_hash="sha256:' in text
        assert 'jwks_fetch_last_timestamp_seconds{apiserver_id_hash="sha256:' in text
        assert 'result="failure"' in text


async def test_an_issuer_that_comes_late(issuer_server: Any) -> None:
    entry = issuer_server.jwt("a")
    entry["issuer"]["discoveryURL"] = f"{issuer_server.url}/elsewhere"
    async with trusting(entry) as server:
        await settled(lambda: issuer_server.asked.get("/elsewhere") == 1)
        await settled(lambda: "404" in server.issuers._providers[0].trouble)
        said = f'{{"issuer": "{issuer_server.url}/a", "jwks_uri": "{issuer_server.url}/keys"}}'
        issuer_server.pages["/elsewhere"] = Response(200, [], said.encode())
        await server.clock.advance(10)
        await server.found()
        assert await server.whose(issuer_server.token("a")) == "a:jane"


async def test_an_issuer_that_has_moved(issuer_server: Any) -> None:
    moved = Response(302, [("location", f"{issuer_server.url}/there/.well-known/openid-configuration")])
    said = f'{{"issuer": "{issuer_server.url}/a", "jwks_uri": "{issuer_server.url}/old-keys"}}'
    issuer_server.pages |= {
        "/a/.well-known/openid-configuration": moved,
        "/there/.well-known/openid-configuration": Response(200, [], said.encode()),
        "/old-keys": Response(308, [("location", "/keys")]),
        "/b/.well-known/openid-configuration": Response(301, [("location", "http://127.0.0.1/")]),
        "/c/.well-known/openid-configuration": Response(301, [("location", "#again")]),
    }
    async with trusting(*(issuer_server.jwt(name) for name in "abc")) as server:
        await server.issuers._finding[server.issuers._providers[0]]
        assert await server.whose(issuer_server.token("a")) == "a:jane"
        await settled(lambda: "which is not HTTPS" in server.issuers._providers[1].trouble)
        await settled(lambda: "stopped after 10 redirects" in server.issuers._providers[2].trouble)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"{", "oidc: failed to decode provider discovery object"),
        (b'{"issuer": "https://x"}', "oidc: issuer did not match the issuer returned by provider, expected"),
        (b'{"issuer": "%s"}', "provider did not return JWKS URL"),
    ],
)
async def test_what_is_wrong_with_an_issuer(issuer_server: Any, answer: bytes, why: str) -> None:
    said = answer.replace(b"%s", f"{issuer_server.url}/a".encode())
    issuer_server.pages["/a/.well-known/openid-configuration"] = Response(200, [], said)
    async with trusting(issuer_server.jwt("a")) as server:
        await settled(lambda: why in server.issuers._providers[0].trouble)


async def test_issuers_are_replaced_when_the_new_ones_are_found(issuer_server: Any) -> None:
    async with trusting(issuer_server.jwt("a")) as server:
        await server.found()
        old, new = issuer_server.token("a", exp=2**40), issuer_server.token("b", exp=2**40)
        assert await server.whose(old) == "a:jane"
        await server.issuers.replace(server.read([issuer_server.jwt("b")]))
        assert await server.whose(new) == "b:jane"
        assert await server.whose(old) == "not known"
        assert len(server.issuers._finding) == 2
        await server.clock.advance(60)
        await settled(lambda: len(server.issuers._finding) == 1)
        await settled(lambda: "key_set_info{" in server.metrics.text().decode())
        gone = issuer_server.jwt("c")
        gone["issuer"]["discoveryURL"] = f"{issuer_server.url}/nowhere"
        replacing = asyncio.ensure_future(server.issuers.replace(server.read([gone])))
        await settled(lambda: issuer_server.asked.get("/nowhere", 0) >= 1)
        await server.clock.advance(60)
        with pytest.raises(NotReady, match="is not healthy: 404: no such page"):
            await replacing
        assert await server.whose(new) == "b:jane"
        await server.issuers.replace(())
        assert await server.whose(new) == "not known"


async def test_groups_that_are_elsewhere(issuer_server: Any) -> None:
    entry = issuer_server.jwt("a")
    entry["claimMappings"]["groups"] = {"claim": "groups", "prefix": ""}
    where = f"{issuer_server.url}/groups"
    sources = {"_claim_names": {"groups": "s"}, "_claim_sources": {"s": {"endpoint": where, "access_token": "key"}}}
    prefix = "oidc: could not expand distributed claims:"
    async with trusting(entry) as server:
        await server.found()
        token = issuer_server.token("a", **sources)
        said = 'while getting distributed claim "groups": error while getting distributed claim JWT: 404 Not Found'
        assert await server.whose(token) == f"{prefix} {said}"
        issuer_server.pages["/groups"] = Response(200, [], issuer_server.token("b", groups=["x", "y"]).encode())
        user, _ = await server.issuers.check(token, (), server.clock.now())
        assert user.groups == ("x", "y", "system:authenticated")
        assert issuer_server.asked["/b/.well-known/openid-configuration"] == 1
        issuer_server.pages["/groups"] = Response(200, [], issuer_server.token("b").encode())
        said = f'jwt returned by distributed claim endpoint "{where}" did not contain claim: groups'
        assert await server.whose(token) == f"{prefix} {said}"
        issuer_server.pages["/groups"] = Response(200, [], issuer_server.token("b", aud="x").encode())
        said = 'verify distributed claim token: oidc: expected audience "me" got ["x"]'
        assert await server.whose(token) == f"{prefix} {said}"
        assert await server.whose(issuer_server.token("a", groups=[], **sources)) == "a:jane"
