"""Signed tokens: both algorithms, and everything that is no token of ours."""

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sampan.apiserver.authn.jwt import BadToken, Signer


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


RSA = pem(rsa.generate_private_key(65537, 2048))
EC = pem(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(params=[EC, RSA], ids=["ES256", "RS256"])
def signer(request: pytest.FixtureRequest) -> Signer:
    """One with either kind of key."""
    return Signer(request.param)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_what_was_signed_is_read_back(signer: Signer) -> None:
    claims = {"sub": "a", "aud": ["b"], "n": 1}
    assert signer.verify(signer.sign(claims)) == claims


def test_the_head_names_algorithm_and_key(signer: Signer) -> None:
    head = json.loads(base64.urlsafe_b64decode(signer.sign({}).split(".")[0] + "=="))
    assert head == {"alg": signer.algorithm, "kid": signer.key_id}


def test_the_key_set_names_the_public_key_alone(signer: Signer) -> None:
    (key,) = signer.jwks()["keys"]
    assert (key["use"], key["kid"], key["alg"]) == ("sig", signer.key_id, signer.algorithm)
    assert {"EC": {"crv", "x", "y"}, "RSA": {"n", "e"}}[key["kty"]] == key.keys() - {"use", "kid", "alg", "kty"}


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-6] + ("AAAAAA" if t[-6:] != "AAAAAA" else "BBBBBB"),
        lambda t: ".".join([t.split(".")[0], part({"sub": "root"}), t.split(".")[2]]),
        lambda t: ".".join([part({"alg": "none"}), *t.split(".")[1:]]),
        lambda t: ".".join([*t.split(".")[:2], ""]),
        lambda t: t + ".x",
        lambda t: "not a token",
        lambda t: "a.b.c",
        lambda t: "....",
        lambda t: ".".join([t.split(".")[0], part([1]), t.split(".")[2]]),
        lambda t: ".".join([part("x"), *t.split(".")[1:]]),
        lambda t: t.replace(".", ".$", 1),
        lambda t: ".".join(["ÿ", *t.split(".")[1:]]),
    ],
)
def test_anything_else_is_refused(signer: Signer, change: Callable[[str], str]) -> None:
    with pytest.raises(BadToken):
        signer.verify(change(signer.sign({"sub": "a"})))


def test_another_key_s_token_is_refused(signer: Signer) -> None:
    other = Signer(pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(BadToken):
        signer.verify(other.sign({"sub": "a"}))


def test_the_algorithms_are_not_confused() -> None:
    with pytest.raises(BadToken):
        Signer(EC).verify(Signer(RSA).sign({}))


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())])
def test_other_keys_are_refused(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(TypeError, match="neither P-256 nor RSA"):
        Signer(pem(key))
