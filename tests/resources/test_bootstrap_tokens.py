"""Bootstrap tokens as Secrets keep them, and their signatures, by upstream's rules."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.resources import bootstrap_tokens as tokens

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GOOD = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-signing": "true"}


def secret(name: str = "bootstrap-token-abcdef", **values: str) -> dict[str, Any]:
    given = {**GOOD, **{key.replace("_", "-"): value for key, value in values.items()}}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
    return {"metadata": {"name": name, "namespace": "kube-system"}, "type": tokens.TYPE, "data": data}


def test_the_signature_of_upstreams_test() -> None:
    content = "Hello from the other side. I must have called a thousand times."
    made = tokens.detached_signature(content, "joshua", "my voice is my passcode")
    assert made == "eyJhbGciOiJIUzI1NiIsImtpZCI6Impvc2h1YSJ9..VShe2taLd-YTrmWuRkcL_8QTNDHYxQIEBsAYYiIj1_8"
    assert tokens.is_signed(content, made, "joshua", "my voice is my passcode")
    assert not tokens.is_signed(content + " ", made, "joshua", "my voice is my passcode")
    assert not tokens.is_signed(content, made, "joshua", "my voice is my passport")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("abcdef.0123456789abcdef", ("abcdef", "0123456789abcdef")),
        ("abcdef.0123456789abcde", None),
        ("abcdef.0123456789abcdef0", None),
        ("abcdef.0123456789abcdef\n", None),
        ("ABCDEF.0123456789abcdef", None),
        ("abcde.0123456789abcdef", None),
        ("abcdef:0123456789abcdef", None),
        ("", None),
    ],
)
def test_what_is_a_token(text: str, parts: tuple[str, str] | None) -> None:
    assert tokens.split_token(text) == parts


@pytest.mark.parametrize(
    ("expiration", "left"),
    [
        ("", None),
        ("2030-01-01T00:00:01Z", 1.0),
        ("2030-01-01T01:00:01+01:00", 1.0),
        ("2030-01-01T00:00:00.5Z", 0.5),
        ("2030-01-01T00:00:00Z", 0.0),
        ("2029-12-31T23:59:59Z", -1.0),
        ("2031-01-01", 0.0),
        ("20310101T000000Z", 0.0),
        ("2031-13-01T00:00:00Z", 0.0),
        ("never", 0.0),
    ],
)
def test_a_time_that_is_none_has_passed(expiration: str, left: float | None) -> None:
    found = secret(expiration=expiration)
    assert tokens.seconds_left(found, NOW) == left
    assert tokens.has_expired(found, NOW) is (left is not None and left <= 0)


@pytest.mark.parametrize(
    ("found", "signs"),
    [
        (secret(), True),
        (secret("bootstrap-token-ghijkl"), False),
        (secret("token-abcdef"), False),
        (secret(token_id=""), False),
        (secret(token_secret=""), False),
        (secret(usage_bootstrap_signing="True"), False),
        (secret(usage_bootstrap_signing=""), False),
        (secret(expiration="2029-12-31T00:00:00Z"), False),
        (secret(expiration="2031-12-31T00:00:00Z"), True),
    ],
)
def test_who_signs(found: dict[str, Any], signs: bool) -> None:
    assert tokens.signing_pair(found, NOW) == (("abcdef", "0123456789abcdef") if signs else None)


def test_groups() -> None:
    assert tokens.groups_of(secret()) == ("system:bootstrappers",)
    named = "system:bootstrappers:b,system:bootstrappers:a:1,system:bootstrappers:b"
    assert tokens.groups_of(secret(auth_extra_groups=named)) == (
        "system:bootstrappers", "system:bootstrappers:a:1", "system:bootstrappers:b",
    )  # fmt: skip
    for wrong in ("system:masters", "system:bootstrappers:", "system:bootstrappers:A", "system:bootstrappers:a-", ","):
        with pytest.raises(ValueError, match="is invalid"):
            tokens.groups_of(secret(auth_extra_groups=wrong))


def test_there_and_back() -> None:
    token = tokens.BootstrapToken(
        "abcdef", "0123456789abcdef", "for me", tokens.expiry(NOW, 3600.0), ("authentication", "signing"),
        ("system:bootstrappers:a", "system:bootstrappers:b"),
    )  # fmt: skip
    assert token.expires == "2030-01-01T01:00:00Z"
    assert tokens.from_secret(tokens.to_secret(token)) == token
    bare = tokens.BootstrapToken("abcdef", "0123456789abcdef", expires=tokens.expiry(NOW, 0.0))
    assert bare.expires == ""
    assert sorted(tokens.to_secret(bare)["data"]) == ["token-id", "token-secret"]
    assert tokens.from_secret(tokens.to_secret(bare)) == bare


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (secret(token_id=""), "has no token-id data"),
        (secret("bootstrap-token-x"), "name is not of the form"),
        (secret(token_secret=""), "has no token-secret data"),
        (secret(token_secret="short"), "couldn't be parsed"),
        (secret(expiration="soon"), "can't parse expiration time"),
    ],
)
def test_what_is_malformed(found: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        tokens.from_secret(found)
