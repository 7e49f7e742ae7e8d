"""AuthenticationConfiguration: read from YAML and checked as upstream checks it (apis/apiserver/validation). Pure."""

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from sampan.api.cel.syntax import Expr, Ident, Select, children
from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.apiserver.authn.anonymous import Anonymous
from sampan.apiserver.authn.expressions import Compiled, claims_expression, user_expression
from sampan.apiserver.authn.keys import bundle_problem
from sampan.apiserver.config_shape import Struct
from sampan.apiserver.go_url import problem_of
from sampan.resources.strategies.checks import duplicate, invalid, required, too_many
from sampan.resources.validation.paths import check_domain_prefixed

VERSIONS = ("v1", "v1beta1", "v1alpha1")
MOST = 64
"""So many issuers there may be."""
MAPPING = Struct("PrefixedClaimOrExpression", {"claim": str, "prefix": str, "expression": str})
ISSUER = Struct(
    "Issuer",
    {
        "url": str, "discoveryURL": str, "certificateAuthority": str, "audiences": [str], "audienceMatchPolicy": str,
        "egressSelectorType": str,
    },
)  # fmt: skip
MAPPINGS = Struct(
    "ClaimMappings",
    {
        "username": MAPPING,
        "groups": MAPPING,
        "uid": Struct("ClaimOrExpression", {"claim": str, "expression": str}),
        "extra": [Struct("ExtraMapping", {"key": str, "valueExpression": str})],
    },
)
RULE = Struct("ClaimValidationRule", {"claim": str, "requiredValue": str, "expression": str, "message": str})
JWT = Struct(
    "JWTAuthenticator",
    {
        "issuer": ISSUER,
        "claimValidationRules": [RULE],
        "claimMappings": MAPPINGS,
        "userValidationRules": [Struct("UserValidationRule", {"expression": str, "message": str})],
    },
)
ANONYMOUS = Struct(
    "AnonymousAuthConfig", {"enabled": bool, "conditions": [Struct("AnonymousAuthCondition", {"path": str})]}
)
SHAPE = Struct("AuthenticationConfiguration", {"jwt": [JWT], "anonymous": ANONYMOUS})
RESERVED = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
BOTH = "claim and expression can't both be set"
NO_PREFIX = "prefix is required when claim is set. It can be set to an empty string to disable prefixing"
UNVERIFIED = (
    "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression "
    "or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression"
)


class Mapped(NamedTuple):
    """Where a part of the user comes from: a claim with a prefix, an expression, or neither."""

    claim: str = ""
    prefix: str = ""
    expression: Compiled | None = None


NOTHING = Mapped()


class Rule(NamedTuple):
    """An expression that must be true, and what to say if it is not."""

    expression: Compiled
    message: str


@dataclass(frozen=True, slots=True)
class JwtIssuer:
    """One entry of `jwt`."""

    url: str
    discovery_url: str = ""
    authority: str = ""
    audiences: tuple[str, ...] = ()
    egress: str = ""
    username: Mapped = NOTHING
    groups: Mapped = NOTHING
    uid: Mapped = NOTHING
    extra: tuple[tuple[str, Compiled], ...] = ()
    required: tuple[tuple[str, str], ...] = ()
    """Claims that must have these values."""
    claim_rules: tuple[Rule, ...] = ()
    user_rules: tuple[Rule, ...] = ()

    @property
    def has_expressions(self) -> bool:
        """Whether anything looks at `claims`."""
        mapped = (self.username, self.groups, self.uid)
        return bool(self.extra or self.claim_rules) or any(one.expression is not None for one in mapped)


@dataclass(frozen=True, slots=True)
class Authentication:
    """A whole configuration. `anonymous` None: as the flags say."""

    issuers: tuple[JwtIssuer, ...] = ()
    anonymous: Anonymous | None = None


@dataclass(slots=True)
class _Reading:
    """What is found on the way through one issuer."""

    errors: list[FieldError] = field(default_factory=list)
    email: bool = False
    verified: bool = False

    def expression(self, source: str, at: str) -> Compiled | None:
        made = claims_expression(source)
        return self.keep(made, at)

    def keep(self, made: Compiled, at: str) -> Compiled | None:
        if made.wrong:
            self.errors.append(invalid(at, made.source, made.wrong))
            return None
        return made


def authentication_of(document: Obj, own_issuers: tuple[str, ...] = ()) -> tuple[Authentication, list[FieldError]]:
    """The configuration of a document of SHAPE, and all that is wrong with it. `own_issuers` belong to the server."""
    if (count := len(document.get("jwt") or ())) > MOST:
        return Authentication(), [too_many("jwt", count, MOST)]
    errors: list[FieldError] = []
    issuers: list[JwtIssuer] = []
    urls: set[str] = set()
    discoveries: set[str] = set()
    for index, entry in enumerate(document.get("jwt") or ()):
        at = f"jwt[{index}]"
        reading = _Reading()
        made = _issuer(entry or {}, at, own_issuers, reading)
        errors += reading.errors
        if made.url in urls:
            errors.append(duplicate(f"{at}.issuer.url", made.url))
        urls.add(made.url)
        if made.discovery_url:
            if made.discovery_url in discoveries:
                errors.append(duplicate(f"{at}.issuer.discoveryURL", made.discovery_url))
            discoveries.add(made.discovery_url)
        issuers.append(made)
    anonymous = None
    if (given := document.get("anonymous")) is not None:
        conditions = given.get("conditions") or []
        anonymous = Anonymous(given.get("enabled") or False, frozenset(one.get("path") or "" for one in conditions))
        if conditions and not anonymous.enabled:
            shown = [{"Path": one.get("path") or ""} for one in conditions]
            why = "enabled should be set to true when conditions are defined"
            errors.append(invalid("anonymous.conditions", shown, why))
    return Authentication(tuple(issuers), anonymous), errors


def _issuer(entry: Obj, at: str, own: tuple[str, ...], reading: _Reading) -> JwtIssuer:
    issuer, mappings = entry.get("issuer") or {}, entry.get("claimMappings") or {}
    url, discovery = issuer.get("url") or "", issuer.get("discoveryURL") or ""
    where = f"{at}.issuer"
    reading.errors += [required(f"{where}.url")] if not url else _url(url, own, f"{where}.url")
    if discovery:
        if url and url.rstrip("/") == discovery.rstrip("/"):
            why = "discoveryURL must be different from URL"
            reading.errors.append(invalid(f"{where}.discoveryURL", discovery, why))
        reading.errors += _url(discovery, (), f"{where}.discoveryURL")
    audiences = tuple(one or "" for one in issuer.get("audiences") or ())
    reading.errors += _audiences(audiences, issuer.get("audienceMatchPolicy") or "", where)
    authority = issuer.get("certificateAuthority") or ""
    if authority and (problem := bundle_problem(authority)):
        reading.errors.append(invalid(f"{where}.certificateAuthority", "<omitted>", problem))
    egress = issuer.get("egressSelectorType") or ""
    if egress not in ("", "controlplane", "cluster"):
        why = "egress selector must be either controlplane or cluster"
        reading.errors.append(invalid(f"{where}.egressSelectorType", egress, why))
    wanted, rules = _claim_rules(entry.get("claimValidationRules") or [], f"{at}.claimValidationRules", reading)
    username, groups, uid, extra = _mappings(mappings, f"{at}.claimMappings", reading)
    users = _user_rules(entry.get("userValidationRules") or [], f"{at}.userValidationRules", reading)
    return JwtIssuer(
        url, discovery, authority, audiences, egress, username, groups, uid, extra, tuple(wanted.items()), rules, users
    )


def _url(text: str, disallowed: tuple[str, ...], at: str) -> list[FieldError]:
    errors = []
    if text in disallowed:
        names = " ".join(sorted(disallowed))
        errors.append(invalid(at, text, f"URL must not overlap with disallowed issuers: [{names}]"))
    if problem := problem_of(text):
        return [*errors, invalid(at, text, problem)]
    parts = urlsplit(text)
    if parts.scheme != "https":
        errors.append(invalid(at, text, "URL scheme must be https"))
    if "@" in parts.netloc:
        errors.append(invalid(at, text, "URL must not contain a username or password"))
    if parts.query:
        errors.append(invalid(at, text, "URL must not contain a query"))
    if parts.fragment:
        errors.append(invalid(at, text, "URL must not contain a fragment"))
    return errors


def _audiences(audiences: tuple[str, ...], policy: str, at: str) -> list[FieldError]:
    if not audiences:
        return [required(f"{at}.audiences", f"at least one {at}.audiences is required")]
    errors = []
    seen: set[str] = set()
    for index, audience in enumerate(audiences):
        if not audience:
            errors.append(required(f"{at}.audiences[{index}]"))
        if audience in seen:
            errors.append(duplicate(f"{at}.audiences[{index}]", audience))
        seen.add(audience)
    if len(audiences) > 1 and policy != "MatchAny":
        why = "audienceMatchPolicy must be MatchAny for multiple audiences"
        errors.append(invalid(f"{at}.audienceMatchPolicy", policy, why))
    if len(audiences) == 1 and policy not in ("", "MatchAny"):
        why = "audienceMatchPolicy must be empty or MatchAny for single audience"
        errors.append(invalid(f"{at}.audienceMatchPolicy", policy, why))
    return errors


def _claim_rules(given: list[Obj], at: str, reading: _Reading) -> tuple[dict[str, str], tuple[Rule, ...]]:
    wanted: dict[str, str] = {}
    rules: list[Rule] = []
    claims: set[str] = set()
    sources: set[str] = set()
    for index, rule in enumerate(given):
        where = f"{at}[{index}]"
        claim, value = rule.get("claim") or "", rule.get("requiredValue") or ""
        source, message = rule.get("expression") or "", rule.get("message") or ""
        if claim and source:
            reading.errors.append(invalid(where, claim, BOTH))
        elif not claim and not source:
            reading.errors.append(required(where, "claim or expression is required"))
        elif claim:
            if message:
                why = "may not be specified when claim is set"
                reading.errors.append(invalid(f"{where}.message", message, why))
            if claim in claims:
                reading.errors.append(duplicate(f"{where}.claim", claim))
            claims.add(claim)
            wanted[claim] = value
        else:
            if value:
                why = "may not be specified when expression is set"
                reading.errors.append(invalid(f"{where}.requiredValue", value, why))
            if source in sources:
                reading.errors.append(duplicate(f"{where}.expression", source))
                continue
            sources.add(source)
            made = reading.keep(claims_expression(source, condition=True), f"{where}.expression")
            if made is not None:
                reading.verified |= _uses(made, "email_verified")
                rules.append(Rule(made, message))
    return wanted, tuple(rules)


def _mappings(
    given: Obj, at: str, reading: _Reading
) -> tuple[Mapped, Mapped, Mapped, tuple[tuple[str, Compiled], ...]]:
    username = _prefixed(given.get("username") or {}, f"{at}.username", reading, needed=True)
    if username.expression is not None:
        reading.email |= _uses(username.expression, "email")
        reading.verified |= _uses(username.expression, "email_verified")
    groups = _prefixed(given.get("groups") or {}, f"{at}.groups", reading, needed=False)
    uid = Mapped()
    one = given.get("uid") or {}
    if one.get("claim") and one.get("expression"):
        reading.errors.append(invalid(f"{at}.uid", "", BOTH))
    elif one.get("expression"):
        uid = Mapped(expression=reading.expression(one["expression"], f"{at}.uid.expression"))
    else:
        uid = Mapped(one.get("claim") or "")
    extra = _extra(given.get("extra") or [], f"{at}.extra", reading)
    if reading.email and not reading.verified:
        source = (given.get("username") or {}).get("expression") or ""
        reading.errors.append(invalid(f"{at}.username.expression", source, UNVERIFIED))
    return username, groups, uid, extra


def _prefixed(given: Obj, at: str, reading: _Reading, *, needed: bool) -> Mapped:
    claim, source, prefix = given.get("claim") or "", given.get("expression") or "", given.get("prefix")
    if claim and source:
        reading.errors.append(invalid(at, "", BOTH))
    elif source:
        if prefix is not None:
            reading.errors.append(invalid(f"{at}.prefix", prefix, "may not be specified when expression is set"))
        return Mapped(expression=reading.expression(source, f"{at}.expression"))
    elif claim:
        if prefix is None:
            reading.errors.append(required(f"{at}.prefix", NO_PREFIX))
        return Mapped(claim, prefix or "")
    elif needed:
        reading.errors.append(required(at, "claim or expression is required"))
    return Mapped()


def _extra(given: list[Obj], at: str, reading: _Reading) -> tuple[tuple[str, Compiled], ...]:
    made: list[tuple[str, Compiled]] = []
    seen: set[str] = set()
    for index, one in enumerate(given):
        key, source, where = one.get("key") or "", one.get("valueExpression") or "", f"{at}[{index}]"
        reading.errors += check_domain_prefixed(key, f"{where}.key")
        if key != key.lower():
            reading.errors.append(invalid(f"{where}.key", key, "must be lowercase"))
        domain, slash, _ = key.partition("/")
        if slash and (domain in ("kubernetes.io", "k8s.io") or domain.endswith((".kubernetes.io", ".k8s.io"))):
            reading.errors.append(invalid(f"{where}.key", key, RESERVED))
        if key in seen:
            reading.errors.append(duplicate(f"{where}.key", key))
            continue
        seen.add(key)
        if not source:
            reading.errors.append(required(f"{where}.valueExpression"))
            continue
        expression = reading.expression(source, f"{where}.valueExpression")
        if expression is not None:
            reading.verified |= _uses(expression, "email_verified")
            made.append((key, expression))
    return tuple(made)


def _user_rules(given: list[Obj], at: str, reading: _Reading) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    seen: set[str] = set()
    for index, rule in enumerate(given):
        where, source = f"{at}[{index}].expression", rule.get("expression") or ""
        if not source:
            reading.errors.append(required(where))
        elif source in seen:
            reading.errors.append(duplicate(where, source))
        else:
            seen.add(source)
            made = reading.keep(user_expression(source), where)
            if made is not None:
                rules.append(Rule(made, rule.get("message") or ""))
    return tuple(rules)


def _uses(made: Compiled, name: str) -> bool:
    """Whether an expression reads `claims.NAME`."""
    return made.program is not None and _selects(made.program.expr, name)


def _selects(expr: Expr, name: str) -> bool:
    if isinstance(expr, Select) and isinstance(expr.operand, Ident) and expr.name == name:
        return expr.operand.name == "claims"
    return any(_selects(inner, name) for inner in children(expr))
