"""ID tokens (OpenID Connect Core 1.0, section 2): taken apart and checked, in the words of upstream's library. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.quote import go_quoted
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.keys import decode

GOOGLE, GOOGLE_SHORT = "https://accounts.google.com", "accounts.google.com"
LEEWAY = timedelta(minutes=1)
"""How early a token may come."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
TEXTS = frozenset(("iss", "sub", "nonce", "at_hash"))
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
GO_KINDS = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


class IdToken(NamedTuple):
    """A token taken apart; nothing of it is known to be true before its signature is."""

    header: Obj
    claims: Obj
    signature: bytes
    signed: bytes


def issuer_of(token: str) -> str:
    """The issuer that a token names. Raises BadToken for what is no token."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("not three parts")
    try:
        claims = loads(decode(parts[1]))
    except (JSONDecodeError, ValueError) as error:
        raise BadToken("not JSON") from error
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    if not isinstance(issuer, str):
        raise BadToken("no issuer")
    return GOOGLE if issuer == GOOGLE_SHORT else issuer


def parse(token: str) -> IdToken:
    """A token whose issuer is known. Raises InvalidToken."""
    head, body, tail = token.split(".")
    try:
        header, signature = loads(decode(head)), decode(tail)
    except JSONDecodeError as error:
        raise InvalidToken("oidc: malformed jwt: the header is not JSON") from error
    except ValueError as error:
        raise InvalidToken(f"oidc: malformed jwt: {error}") from error
    if not isinstance(header, dict):
        said = f"json: cannot unmarshal {GO_KINDS[type(header)]} into Go value of type jose.rawHeader"
        raise InvalidToken(f"oidc: malformed jwt: {said}")
    return IdToken(header, loads(decode(body)), signature, f"{head}.{body}".encode())


def check_algorithm(token: IdToken, allowed: Sequence[str]) -> str:
    """The algorithm of the signature. Raises InvalidToken."""
    found = token.header.get("alg")
    if found not in allowed:
        said = go_quoted(str(found or ""))
        raise InvalidToken(f"oidc: id token signed with unsupported algorithm, expected {listed(allowed)} got {said}")
    return str(found)


def check_claims(claims: Mapping[str, Any], issuer: str, audiences: Sequence[str], now: datetime) -> None:
    """Whether it is of this issuer, for one of the audiences, and of this time. Raises InvalidToken."""
    _check_types(claims)
    _check_sources(claims)
    found = claims.get("iss")
    if found != issuer and not (issuer == GOOGLE and found == GOOGLE_SHORT):
        wanted = f"expected {go_quoted(issuer)} got {go_quoted(str(found))}"
        raise InvalidToken(f"oidc: id token issued by a different provider, {wanted}")
    meant = _audience(claims)
    if not set(meant) & set(audiences):
        wanted = go_quoted(audiences[0]) if len(audiences) == 1 else f"in {listed(sorted(audiences))}"
        raise InvalidToken(f"oidc: expected audience {wanted} got {listed(meant)}")
    expiry = _time(claims.get("exp"))
    if expiry < now:
        raise InvalidToken(f"oidc: token is expired (Token Expiry: {shown(expiry)})")
    if claims.get("nbf") is not None and now + LEEWAY < (begin := _time(claims["nbf"])):
        raise InvalidToken(f"oidc: current time {shown(now)} before the nbf (not before) time: {shown(begin)}")


def shown(when: datetime) -> str:
    """A time as Go prints it."""
    fraction = f".{when.microsecond:06d}".rstrip("0") if when.microsecond else ""
    return f"{when.strftime('%Y-%m-%d %H:%M:%S').zfill(19)}{fraction} +0000 UTC"


def listed(texts: Sequence[str]) -> str:
    """Strings as Go's %q prints a slice."""
    return f"[{' '.join(map(go_quoted, texts))}]"


def _check_types(claims: Mapping[str, Any]) -> None:
    for name, value in claims.items():
        if value is None and name not in ("exp", "iat"):
            continue
        if name in TEXTS and not isinstance(value, str):
            raise _mismatch(value, name, "string")
        if name in ("exp", "iat", "nbf"):
            _number(value)
        if name == "_claim_names":
            if not isinstance(value, dict):
                raise _mismatch(value, name, "map[string]string")
            for one in value.values():
                if not isinstance(one, str | None):
                    raise _mismatch(one, name, "string")
        if name == "_claim_sources" and not isinstance(value, dict):
            raise _mismatch(value, name, "map[string]oidc.claimSource")
        if name == "_claim_sources":
            for one in value.values():
                if not isinstance(one, dict | None):
                    raise _mismatch(one, name, "oidc.claimSource")


def _check_sources(claims: Mapping[str, Any]) -> None:
    for source in (claims.get("_claim_names") or {}).values():
        if not source:
            raise InvalidToken("oidc: failed to obtain source from claim name")
        if source not in (claims.get("_claim_sources") or {}):
            raise InvalidToken("oidc: source does not exist")


def _mismatch(value: Any, name: str, type_: str) -> InvalidToken:
    said = f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go struct field idToken.{name} of type {type_}"
    return InvalidToken(f"oidc: failed to unmarshal claims: {said}")


def _audience(claims: Mapping[str, Any]) -> list[str]:
    if "aud" not in claims:
        return []
    value = claims["aud"]
    if isinstance(value, str | None):
        return [value or ""]
    if not isinstance(value, list):
        raise _mismatch(value, "aud", "[]string")
    for one in value:
        if not isinstance(one, str | None):
            raise _mismatch(one, "aud", "string")
    return [one or "" for one in value]


def _number(value: Any) -> float:
    """A NumericDate; strings of numbers are taken as well. Raises InvalidToken."""
    try:
        if type(value) in (int, float):
            return value  # type: ignore[no-any-return]
        if isinstance(value, str) and NUMBER.fullmatch(value):
            return float(value)
    except OverflowError:
        return float("inf")
    said = 'strconv.ParseFloat: parsing "": invalid syntax'
    if isinstance(value, str):
        said = f"json: invalid number literal, trying to unmarshal {go_quoted(go_quoted(value))} into Number"
    elif value is not None:
        said = f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go value of type json.Number"
    raise InvalidToken(f"oidc: failed to unmarshal claims: {said}")


def _time(value: Any) -> datetime:
    """A NumericDate, or what is not there, as a time; no year comes after 9999."""
    if value is None:
        return NEVER
    number = _number(value)
    if not -(2**63) <= number < 2**63:
        return NEVER
    try:
        return datetime.fromtimestamp(int(number), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC) if number > 0 else NEVER
