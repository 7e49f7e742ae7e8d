"""A whole server that trusts issuers of tokens: who its users are, and what happens when its file changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from sampan import Cluster
from sampan.api.names import RestMapping
from sampan.client.kubeconfig import load_kubeconfig
from sampan.cluster.access_options import AuthenticationOptions
from sampan.net.http import Response
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context

REVIEWS = RestMapping("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", False)
GROUP = "/apis/authentication.k8s.io/v1"


class Asked:
    """A server, asked over the wire."""

    def __init__(self, cluster: Cluster, http: HttpClient) -> None:
        self._cluster, self._http = cluster, http

    async def get(self, path: str, token: str = "") -> int:
        headers = (("authorization", f"Bearer {token}"),) if token else ()
        return (await self._http.send("GET", self._cluster.server + path, headers)).status

    async def who(self, token: str) -> Any:
        """The user of a token as SelfSubjectReview tells, or the error's code."""
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).encode()
        headers = (("authorization", f"Bearer {token}"), ("content-type", "application/json"))
        url = f"{self._cluster.server}{GROUP}/selfsubjectreviews"
        answer = await self._http.send("POST", url, headers, body)
        return json.loads(answer.body)["status"]["userInfo"] if answer.status == 201 else answer.status

    async def review(self, token: str) -> Any:
        """What the server's administrators are told of a token."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        made = await self._cluster.api().create(REVIEWS, body)
        return made["status"]

    def metric(self, name: str) -> list[str]:
        """Its samples."""
        assert self._cluster._plane is not None
        lines = self._cluster._plane.app.parts.metrics.text().decode().splitlines()
        return [line for line in lines if line.startswith(name)]


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Asked]:
    given = AuthenticationOptions(**options)
    async with (
        Cluster(runtime="simulated", nodes=0, authentication=given) as cluster,
        HttpClient(client_context(load_kubeconfig(cluster.kubeconfig).ca)) as http,
    ):
        yield Asked(cluster, http)


def write(path: Path, *entries: dict[str, Any], **more: Any) -> Path:
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
    path.write_text(yaml.safe_dump({**kind, "jwt": list(entries), **more}))
    return path


async def becomes(condition: Any) -> None:
    async with asyncio.timeout(10):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def test_users_and_a_file_that_changes(issuer_server: Any, tmp_path: Path) -> None:
    entry = issuer_server.jwt("a")
    entry["claimMappings"]["groups"] = {"expression": "claims.roles"}
    entry["claimMappings"]["extra"] = [{"key": "example.org/team", "valueExpression": "claims.team"}]
    path = write(tmp_path / "authentication.yaml", entry)
    token = issuer_server.token("a", roles=["dev"], team="blue", jti="one")
    async with serving(authentication_config=path) as server:

        async def known() -> bool:
            return bool(await server.who(token) != 401)

        await becomes(known)
        user = {
            "username": "a:jane",
            "groups": ["dev", "system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": ["JTI=one"], "example.org/team": ["blue"]},
        }
        assert await server.who(token) == user
        audience = "https://kubernetes.default.svc.cluster.local"
        assert await server.review(token) == {"authenticated": True, "user": user, "audiences": [audience]}
        bad = issuer_server.token("a", roles=1, team="blue")
        assert await server.who(bad) == 401
        why = "error evaluating group claim expression: expression must return a string or a list of strings"
        assert await server.review(bad) == {"user": {}, "error": f"[invalid bearer token, oidc: {why}]"}
        assert await server.get("/version", token) == 200

        prefix = "apiserver_authentication_config_controller_"
        first = server.metric(f"{prefix}last_config_info")
        path.write_text("jwt: {")

        async def failed() -> bool:
            return bool(server.metric(f"{prefix}automatic_reloads_total"))

        await becomes(failed)
        assert server.metric(f"{prefix}last_config_info") == first
        write(path, issuer_server.jwt("b"))
        other = issuer_server.token("b")

        async def known_too() -> bool:
            return bool(await server.who(other) != 401)

        await becomes(known_too)
        (reloaded,) = [s for s in server.metric(f"{prefix}automatic_reloads_total") if 'status="success"' in s]
        assert reloaded.endswith("} 1.0")
        assert server.metric(f"{prefix}last_config_info") != first
        assert await server.who(issuer_server.token("a", roles=[], team="")) == 401


async def test_the_flags(issuer_server: Any, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(issuer_server.ca)
    settings = {"oidc_issuer_url": f"{issuer_server.url}/a", "oidc_client_id": "me", "oidc_ca_file": ca}
    more = {"oidc_groups_claim": "groups", "oidc_groups_prefix": "o:", "oidc_required_claim": ("hd=corp",)}
    async with serving(**settings, **more, oidc_signing_algs="RS256,ES256") as server:
        token = issuer_server.token("a", "ES256", groups="ops", hd="corp")

        async def known() -> bool:
            return bool(await server.who(token) != 401)

        await becomes(known)
        name = f"{issuer_server.url}/a#jane"
        assert await server.who(token) == {"username": name, "groups": ["o:ops", "system:authenticated"]}
        assert await server.who(issuer_server.token("a", hd="other")) == 401
        assert await server.who(issuer_server.headed("a", {"alg": "PS256"})) == 401


async def test_anonymous_requests_for_some_paths(tmp_path: Path) -> None:
    allowed = {"enabled": True, "conditions": [{"path": "/livez"}]}
    async with serving(authentication_config=write(tmp_path / "a.yaml", anonymous=allowed)) as server:
        assert [await server.get(path) for path in ("/livez", "/readyz", "/version")] == [200, 401, 401]


async def test_no_anonymous_requests() -> None:
    async with serving(anonymous_auth=False) as server:
        assert await server.get("/livez") == 401
        assert await server.get("/livez", "unknown") == 401


async def test_a_server_outside_that_knows_tokens(issuer_server: Any, tmp_path: Path) -> None:
    user = {"username": "eve", "groups": ["out"], "extra": {"k": ["v"]}}
    said = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1"}
    status = {"authenticated": True, "user": user}
    answer = json.dumps({**said, "status": status}).encode()
    issuer_server.pages["/review"] = Response(200, [("content-type", "application/json")], answer)
    cluster = {"server": f"{issuer_server.url}/review", "certificate-authority": str(tmp_path / "ca.pem")}
    (tmp_path / "ca.pem").write_text(issuer_server.ca)
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = tmp_path / "webhook.yaml"
    path.write_text(yaml.safe_dump(document))
    options = {"config_file": path, "version": "v1", "cache_ttl": 60.0}
    async with serving(**{f"authentication_token_webhook_{key}": value for key, value in options.items()}) as server:
        assert await server.who("anything") == {**user, "groups": ["out", "system:authenticated"]}
        assert issuer_server.headers["authorization"] == "Bearer secret"
