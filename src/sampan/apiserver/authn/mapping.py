"""The user whom the claims of a token speak of, by an issuer's mappings and rules (upstream: oidc plugin). Pure."""

from collections.abc import Mapping
from typing import Any

from sampan.api.cel.values import EvalError
from sampan.api.quote import go_quoted
from sampan.apiserver.authn.certificates import CREDENTIAL, with_authenticated
from sampan.apiserver.authn.configuration import JwtIssuer, Mapped, Rule
from sampan.apiserver.authn.expressions import Compiled, as_cel
from sampan.apiserver.authn.id_token import GO_KINDS
from sampan.apiserver.authn.jwt import InvalidToken
from sampan.apiserver.context import UserInfo

Claims = Mapping[str, Any]
NO_STRINGS = "expression must return a string or a list of strings"


def user_of(issuer: JwtIssuer, claims: Claims) -> UserInfo:
    """Who it is, with system:authenticated. Raises InvalidToken with the reason that operators see."""
    seen = {"claims": as_cel(claims)} if issuer.has_expressions else {}
    name = _username(issuer.username, claims, seen)
    groups = _groups(issuer.groups, claims, seen)
    uid = _uid(issuer.uid, claims, seen)
    extra = _extra(issuer, claims, seen)
    _check_required(issuer, claims)
    _check_rules(issuer.claim_rules, seen, "claim validation expression")
    if issuer.user_rules:
        user = {"username": name, "uid": uid, "groups": groups, "extra": {k: list(v) for k, v in extra.items()}}
        _check_rules(issuer.user_rules, {"user": user}, "user info validation rule")
    return UserInfo(name, uid, with_authenticated(name, tuple(groups)), extra)


def _claim(claims: Claims, name: str) -> str:
    """A claim that is a string. Raises ValueError with Go's words."""
    if name not in claims:
        raise ValueError("claim not present")
    value = claims[name]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go value of type string")
    return value


def _value(one: Compiled, seen: Mapping[str, Any], what: str) -> Any:
    try:
        return one.value(**seen)
    except EvalError as error:
        said = f"expression '{one.source}' resulted in error: {error}"
        raise InvalidToken(f"oidc: error evaluating {what}: {said}" if what else said) from None


def _username(mapped: Mapped, claims: Claims, seen: Mapping[str, Any]) -> str:
    if mapped.expression is not None:
        value = _value(mapped.expression, seen, "username claim expression")
        if not isinstance(value, str):
            why = "username claim expression must return a string"
            raise InvalidToken(f"oidc: error evaluating username claim expression: {why}")
        if not value:
            raise InvalidToken("oidc: empty username via CEL expression is not allowed")
        return value
    try:
        name = _claim(claims, mapped.claim)
    except ValueError as error:
        raise InvalidToken(f"oidc: parse username claims {go_quoted(mapped.claim)}: {error}") from None
    if mapped.claim == "email" and "email_verified" in claims:
        verified = claims["email_verified"]
        if verified is not None and not isinstance(verified, bool):
            why = f"json: cannot unmarshal {GO_KINDS[type(verified)]} into Go value of type bool"
            raise InvalidToken(f"oidc: parse 'email_verified' claim: {why}")
        if not verified:
            raise InvalidToken("oidc: email not verified")
    return mapped.prefix + name


def _groups(mapped: Mapped, claims: Claims, seen: Mapping[str, Any]) -> list[str]:
    if mapped.claim and mapped.claim in claims:
        value = claims[mapped.claim]
        if isinstance(value, str):
            value = [value]
        if value is not None and not (isinstance(value, list) and all(isinstance(g, str | None) for g in value)):
            why = f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go value of type string"
            raise InvalidToken(f"oidc: parse groups claim {go_quoted(mapped.claim)}: {why}")
        return [mapped.prefix + (group or "") for group in value or ()]
    if mapped.expression is None:
        return []
    what = "group claim expression"
    found = _value(mapped.expression, seen, what)
    try:
        return _strings(found)
    except ValueError as error:
        raise InvalidToken(f"oidc: error evaluating {what}: {error}") from None


def _uid(mapped: Mapped, claims: Claims, seen: Mapping[str, Any]) -> str:
    if mapped.claim:
        try:
            return _claim(claims, mapped.claim)
        except ValueError as error:
            raise InvalidToken(f"oidc: parse uid claim {go_quoted(mapped.claim)}: {error}") from None
    if mapped.expression is None:
        return ""
    value = _value(mapped.expression, seen, "uid claim expression")
    if not isinstance(value, str):
        raise InvalidToken("oidc: error evaluating uid claim expression: uid claim expression must return a string")
    return value


def _extra(issuer: JwtIssuer, claims: Claims, seen: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    extra: dict[str, tuple[str, ...]] = {}
    if isinstance(identity := claims.get("jti"), str) and identity:
        extra[CREDENTIAL] = (f"JTI={identity}",)
    found = [(key, one, _value(one, seen, "")) for key, one in issuer.extra]
    for key, one, value in found:
        try:
            values = _strings(value)
        except ValueError as error:
            raise InvalidToken(f"oidc: error evaluating extra claim expression: {one.source}: {error}") from None
        if values:
            extra[key] = tuple(values)
    return extra


def _strings(value: Any) -> list[str]:
    """A string, a list of strings or null as a list; empty ones are left out. Raises ValueError."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return [one for one in value if one]
    raise ValueError(NO_STRINGS)


def _check_required(issuer: JwtIssuer, claims: Claims) -> None:
    for name, wanted in issuer.required:
        if name not in claims:
            raise InvalidToken(f"oidc: required claim {name} not present in ID token")
        try:
            found = _claim(claims, name)
        except ValueError as error:
            raise InvalidToken(f"oidc: parse claim {name}: {error}") from None
        if found != wanted:
            raise InvalidToken(f"oidc: required claim {name} value does not match. Got = {found}, want = {wanted}")


def _check_rules(rules: tuple[Rule, ...], seen: Mapping[str, Any], what: str) -> None:
    values = [(rule, _value(rule.expression, seen, what)) for rule in rules]
    for rule, value in values:
        if not isinstance(value, bool):
            raise InvalidToken(f"oidc: error evaluating {what}: validation expression must return a boolean")
        if not value:
            said = f"validation expression '{rule.expression.source}' failed: {rule.message}"
            raise InvalidToken(f"oidc: error evaluating {what}: {said}")
