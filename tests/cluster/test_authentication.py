"""Options of authentication that do not go together, or name what cannot be used."""

from pathlib import Path
from typing import Any

import pytest

from sampan.aio.clock import RealClock
from sampan.cluster.access_options import AuthenticationOptions, Own
from sampan.cluster.authentication import Authenticators, authenticators
from sampan.cluster.config import ClusterError
from sampan.cluster.jobs import server_id
from sampan.obs.metrics import Metrics

OWN = "https://own"
HEAD = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
ISSUER = """jwt:
- issuer: {{url: "{url}", audiences: [a]{more}}}
  claimMappings: {{username: {{claim: sub, prefix: ""}}}}
"""


def made(**options: Any) -> Authenticators:
    return authenticators(AuthenticationOptions(**options), Own((OWN,), (OWN,)), RealClock(), Metrics())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", 'failed to load authentication configuration from file "FILE": empty config data'),
        (HEAD + "x: 1", 'configuration from file "FILE": strict decoding error: unknown field "x"'),
        (HEAD + ISSUER.format(url="", more=""), r"invalid authentication configuration: jwt[0].issuer.url: Required"),
        (HEAD + ISSUER.format(url=OWN, more=""), "URL must not overlap with disallowed issuers: [https://own]"),
        (
            HEAD + ISSUER.format(url="https://x", more=", egressSelectorType: cluster"),
            'oidc: egress lookup required with egress selector type "cluster"',
        ),
    ],
)
def test_files(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ClusterError) as refused:
        made(authentication_config=path)
    assert why in str(refused.value).replace(str(path), "FILE")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"open .*none: no such file or directory$"):
        made(authentication_config=tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"oidc_groups_claim": "groups"},
            "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set",
        ),
        (
            {"oidc_issuer_url": "https://x", "authentication_config": Path("/f")},
            "authentication-config file and oidc-* flags are mutually exclusive",
        ),
        (
            {"oidc_issuer_url": "https://x", "oidc_client_id": "a", "oidc_signing_algs": "RS256,HS256"},
            'oidc: unsupported signing alg: "HS256"',
        ),
        (
            {"oidc_issuer_url": "http://x", "oidc_client_id": "a"},
            "invalid authentication configuration: "
            'jwt[0].issuer.url: Invalid value: "http://x": URL scheme must be https',
        ),
        (
            {"oidc_issuer_url": "https://x", "oidc_client_id": "a", "oidc_required_claim": ("b",)},
            "--oidc-required-claim b: expected key=value",
        ),
    ],
)
def test_options(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ClusterError) as refused:
        made(**options)
    assert str(refused.value) == why


def test_webhooks(tmp_path: Path) -> None:
    path = tmp_path / "none"
    with pytest.raises(ClusterError, match=r"none: No such file or directory"):
        made(authentication_token_webhook_config_file=path)
    with pytest.raises(ClusterError) as refused:
        made(authentication_token_webhook_config_file=path, authentication_token_webhook_version="v2")
    assert str(refused.value) == (
        'unsupported authentication webhook version "v2", supported versions are "v1", "v1beta1"'
    )


def test_anonymous_in_the_file_and_as_a_flag(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(HEAD + "anonymous: {enabled: false}")
    assert not made(authentication_config=path).anonymous.enabled
    with pytest.raises(ClusterError, match=r"^anonymous: Forbidden: --anonymous-auth flag cannot be set when"):
        made(authentication_config=path, anonymous_auth=True)


def test_nothing_is_asked_for() -> None:
    nothing = made()
    assert nothing.others == []
    assert nothing.anonymous.enabled
    assert not nothing.start()
    assert server_id().startswith("apiserver-")
    assert len(server_id()) == 36
