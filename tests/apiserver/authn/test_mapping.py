"""Claims of tokens as users, or why not, in a real API server's words."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.apiserver.authn.configuration import Authentication, JwtIssuer, authentication_of
from sampan.apiserver.authn.id_token import check_claims
from sampan.apiserver.authn.jwt import InvalidToken
from sampan.apiserver.authn.mapping import user_of
from sampan.apiserver.connectors.tokens import user_object
from sampan.apiserver.context import UserInfo

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "claims.yaml").read_text())
NOW = datetime(2026, 11, 24, 0, 14, 51, tzinfo=UTC)


def read_issuers() -> Authentication:
    found, errors = authentication_of(yaml.safe_load((HERE / "issuers.yaml").read_text()))
    assert not errors
    return found


ISSUERS = {one.url.rpartition("/")[2]: one for one in read_issuers().issuers}


def whole(issuer: JwtIssuer, claims: dict[str, Any]) -> UserInfo:
    """As an issuer does it once the signature is good."""
    try:
        check_claims(claims, issuer.url, issuer.audiences, NOW)
    except InvalidToken as error:
        raise InvalidToken(f"oidc: verify token: {error}") from error
    return user_of(issuer, claims)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_whom_a_token_speaks_of(case: dict[str, Any]) -> None:
    issuer = ISSUERS[case["issuer"]]
    claims = {"iss": issuer.url, **case["claims"]}
    if "says" in case:
        with pytest.raises(InvalidToken) as refused:
            whole(issuer, claims)
        assert str(refused.value) == case["says"]
    else:
        assert user_object(whole(issuer, claims)) == case["user"]


def test_of_another_issuer_or_too_early() -> None:
    issuer = ISSUERS["plain"]
    claims = {"iss": "https://other", "aud": "me", "exp": NOW.timestamp() + 9}
    with pytest.raises(
        InvalidToken, match=r'by a different provider, expected "https://issuer.test/plain" got "https://o'
    ):
        check_claims(claims, issuer.url, issuer.audiences, NOW)
    early = {"iss": issuer.url, "aud": "me", "exp": NOW.timestamp() + 999, "nbf": NOW.timestamp() + 61}
    with pytest.raises(InvalidToken) as refused:
        check_claims(early, issuer.url, issuer.audiences, NOW)
    assert str(refused.value) == (
        "oidc: current time 2026-11-24 00:14:51 +0000 UTC before the nbf (not before) time: "
        "2026-11-24 00:15:52 +0000 UTC"
    )
    check_claims({**early, "nbf": NOW.timestamp() + 60}, issuer.url, issuer.audiences, NOW)
