"""Issuers and audiences of service account tokens."""

import json
from typing import Any

import pytest

from sampan import Cluster
from sampan.client.kubeconfig import load_kubeconfig
from sampan.cluster.access_options import AuthenticationOptions
from sampan.cluster.accounts import token_settings
from sampan.cluster.config import ClusterError
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"service_account_issuer": ("",)}, "service-account-issuer should not be an empty string"),
        ({"service_account_issuer": ("a", "a")}, 'service-account-issuer "a" is already specified'),
        (
            {"service_account_jwks_uri": "http://x"},
            "service-account-jwks-uri requires https scheme, parsed as: http://x",
        ),
        (
            {"service_account_max_token_expiration": 3599.0},
            "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds",
        ),
    ],
)
def test_settings_that_cannot_be(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ClusterError) as refused:
        token_settings(AuthenticationOptions(**options))
    assert str(refused.value) == why


async def test_tokens_of_another_issuer() -> None:
    options = AuthenticationOptions(
        service_account_issuer=("https://new.example", "https://old.example"),
        api_audiences="a, b",
        service_account_jwks_uri="https://keys.example",
        service_account_max_token_expiration=7200,
    )
    async with Cluster(runtime="simulated", nodes=0, authentication=options) as cluster:
        access = load_kubeconfig(cluster.kubeconfig)
        async with HttpClient(client_context(access.ca, access.certificate, access.key)) as http:

            async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
                headers = (("content-type", "application/json"),)
                answer = await http.send("POST", cluster.server + path, headers, json.dumps(body).encode())
                found: dict[str, Any] = json.loads(answer.body)
                return {**found, "warning": answer.headers.get("warning", "")}

            accounts = "/api/v1/namespaces/default/serviceaccounts"
            await post(accounts, {"metadata": {"name": "x"}})
            asked = {"spec": {"expirationSeconds": 9000}}
            made = await post(f"{accounts}/x/token", asked)
            assert made["spec"]["audiences"] == ["a", "b"]
            assert made["spec"]["expirationSeconds"] == 7200
            assert "requested expiration of 9000 seconds shortened to 7200 seconds" in made["warning"]
            token = made["status"]["token"]
            reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
            for audiences, served in (([], ["a", "b"]), (["b", "c"], ["b"])):
                review = await post(reviews, {"spec": {"token": token, "audiences": audiences}})
                assert review["status"]["audiences"] == served
            wrong = await post(reviews, {"spec": {"token": token, "audiences": ["c"]}})
            assert wrong["status"]["error"].endswith('["a" "b"] is invalid for the target audiences ["c"]]')
            page = await http.send("GET", f"{cluster.server}/.well-known/openid-configuration")
            said = json.loads(page.body)
            assert (said["issuer"], said["jwks_uri"]) == ("https://new.example", "https://keys.example")


async def test_an_issuer_that_is_no_url_is_not_published() -> None:
    options = AuthenticationOptions(service_account_issuer=("kubernetes/me",))
    async with Cluster(runtime="simulated", nodes=0, authentication=options) as cluster:
        access = load_kubeconfig(cluster.kubeconfig)
        async with HttpClient(client_context(access.ca, access.certificate, access.key)) as http:
            assert (await http.send("GET", f"{cluster.server}/.well-known/openid-configuration")).status == 404
