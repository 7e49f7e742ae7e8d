"""AuthorizationConfiguration: a chain of authorizers read from YAML and checked as upstream checks it."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.api.times import format_duration, parse_duration
from sampan.apiserver.authz.expressions import Condition, condition
from sampan.apiserver.authz.records import TYPES, WEBHOOK, Configured, Webhook
from sampan.apiserver.config_file import parse_config
from sampan.apiserver.config_shape import ConfigFileError, Duration, Struct, aggregate, told
from sampan.resources.strategies.checks import (
    Shown,
    duplicate,
    invalid,
    marshalled,
    not_among,
    not_supported,
    required,
    too_many,
)

VERSIONS = ("v1", "v1beta1", "v1alpha1")
MOST_CONDITIONS, LONGEST = 64, 30.0
CONNECTION = Struct("WebhookConnectionInfo", {"type": str, "kubeConfigFile": str})
HOOK = Struct(
    "WebhookConfiguration",
    {
        "authorizedTTL": Duration(), "cacheAuthorizedRequests": bool, "unauthorizedTTL": Duration(),
        "cacheUnauthorizedRequests": bool, "timeout": Duration(), "subjectAccessReviewVersion": str,
        "matchConditionSubjectAccessReviewVersion": str, "failurePolicy": str, "connectionInfo": CONNECTION,
        "matchConditions": [Struct("WebhookMatchCondition", {"expression": str})],
    },
)  # fmt: skip
SHAPE = Struct(
    "AuthorizationConfiguration",
    {"authorizers": [Struct("AuthorizerConfiguration", {"type": str, "name": str, "webhook": HOOK})]},
)


def load(data: bytes, needed: Collection[str] = ()) -> tuple[Configured, ...]:
    """The chain of a file's content, with all types `needed`. Raises ConfigFileError with upstream's text."""
    try:
        document = parse_config(data, VERSIONS, SHAPE) if data else {}
    except ConfigFileError as error:
        raise ConfigFileError(f"failed to load AuthorizationConfiguration from file: {error}") from None
    chain, errors = chain_of(document)
    if errors:
        raise ConfigFileError(told(errors))
    named = [one for one in chain if one.type != WEBHOOK]
    wrong = [
        f"expected name {one.type.lower()} for authorizer {one.type} instead of {one.name}"
        for one in named
        if one.name != one.type.lower()
    ]
    if missing := sorted(set(needed) - {one.type for one in named}):
        wrong.append(f"missing required types: [{' '.join(missing)}]")
    if wrong:
        raise ConfigFileError(aggregate(wrong))
    return chain


def chain_of(document: Obj) -> tuple[tuple[Configured, ...], list[FieldError]]:
    """The authorizers of a document of SHAPE, and all that is wrong with it."""
    given = document.get("authorizers") or []
    errors: list[FieldError] = []
    if not given:
        errors.append(required("authorizers", "at least one authorization mode must be defined"))
    types: set[str] = set()
    names: set[str] = set()
    chain: list[Configured] = []
    for index, one in enumerate(given):
        entry, at = one or {}, f"authorizers[{index}]"
        type_, name, webhook = entry.get("type") or "", entry.get("name") or "", entry.get("webhook")
        if wrong := _type_error(type_, types, f"{at}.type"):
            errors.append(wrong)
            continue
        types.add(type_)
        errors += _name_errors(name, names, f"{at}.name")
        names.add(name)
        made = None
        if type_ == WEBHOOK:
            if webhook is None:
                errors.append(required(f"{at}.webhook", "required when type=Webhook"))
                continue
            made = _webhook(webhook, at, errors)
        elif webhook is not None:
            errors.append(invalid(f"{at}.webhook", "non-null", "may only be specified when type=Webhook"))
        chain.append(Configured(type_, name, made))
    return tuple(chain), errors


def _type_error(type_: str, seen: set[str], at: str) -> FieldError | None:
    if not type_:
        return required(at)
    if type_ not in TYPES:
        return not_supported(at, type_, TYPES)
    return duplicate(at, type_) if type_ in seen and type_ != WEBHOOK else None


def _name_errors(name: str, seen: set[str], at: str) -> list[FieldError]:
    if not name:
        return [required(at)]
    if name in seen:
        return [duplicate(at, name)]
    problems = is_dns1123_subdomain(name)
    return [invalid(at, name, f"authorizer name is invalid: {', '.join(problems)}")] if problems else []


def _webhook(given: Obj, at: str, errors: list[FieldError]) -> Webhook:
    timeout = _seconds(given, "timeout", 0.0)
    if not timeout:
        errors.append(required(f"{at}.timeout"))
    elif timeout > LONGEST or timeout < 0:
        errors.append(invalid(f"{at}.timeout", format_duration(timeout), "must be > 0s and <= 30s"))
    kept = {}
    for name, usual in (("authorizedTTL", 300.0), ("unauthorizedTTL", 30.0)):
        kept[name] = _seconds(given, name, 0.0) or usual
        if kept[name] < 0:
            errors.append(invalid(f"{at}.{name}", format_duration(kept[name]), "must be > 0s"))
    version = given.get("subjectAccessReviewVersion") or ""
    errors += _one_of(version, ("v1", "v1beta1"), f"{at}.subjectAccessReviewVersion")
    conditions = given.get("matchConditions") or []
    seen = given.get("matchConditionSubjectAccessReviewVersion") or ""
    if seen and seen != "v1":
        errors.append(not_supported(f"{at}.matchConditionSubjectAccessReviewVersion", seen, ("v1",)))
    elif not seen and conditions:
        why = "required if match conditions are specified"
        errors.append(required(f"{at}.matchConditionSubjectAccessReviewVersion", why))
    policy = given.get("failurePolicy") or ""
    errors += _one_of(policy, ("NoOpinion", "Deny"), f"{at}.failurePolicy")
    kubeconfig = _connection(given.get("connectionInfo") or {}, f"{at}.connectionInfo", errors)
    compiled = _conditions(conditions, f"{at}.matchConditions", errors)
    return Webhook(
        kubeconfig, version,
        kept["authorizedTTL"] if given.get("cacheAuthorizedRequests") is not False else 0.0,
        kept["unauthorizedTTL"] if given.get("cacheUnauthorizedRequests") is not False else 0.0,
        timeout, policy == "Deny", compiled,
    )  # fmt: skip


def _seconds(given: Obj, name: str, usual: float) -> float:
    return parse_duration(given[name]) if given.get(name) is not None else usual


def _one_of(value: str, known: tuple[str, ...], at: str) -> list[FieldError]:
    if not value:
        return [required(at)]
    return [] if value in known else [not_among(at, value, known)]


def _connection(given: Obj, at: str, errors: list[FieldError]) -> Path:
    type_, file = given.get("type") or "", given.get("kubeConfigFile")
    where = f"{at}.kubeConfigFile"
    if not type_:
        errors.append(required(f"{at}.type"))
    elif type_ == "InClusterConfig":
        if file is not None:
            errors.append(invalid(where, file, "can only be set when type=KubeConfigFile"))
    elif type_ != "KubeConfigFile":
        shown = Shown(marshalled({"Type": type_, "KubeConfigFile": file}))
        errors.append(not_supported(f"{at}.type", shown, ("InClusterConfig", "KubeConfigFile")))
    elif not file:
        errors.append(required(where))
    elif not file.startswith("/"):
        errors.append(invalid(where, file, "must be an absolute path"))
    elif problem := _file_problem(Path(file)):
        errors.append(invalid(where, file, problem))
    return Path(file or "")


def _file_problem(path: Path) -> str:
    try:
        return "" if path.is_file() or not path.stat() else "must be a regular file"
    except OSError as error:
        return f"error loading file: stat {path}: {(error.strerror or '').lower()}"


def _conditions(given: list[Any], at: str, errors: list[FieldError]) -> tuple[Condition, ...]:
    if len(given) > MOST_CONDITIONS:
        errors.append(too_many(at, len(given), MOST_CONDITIONS))
        return ()
    seen: set[str] = set()
    made: list[Condition] = []
    for index, one in enumerate(given):
        source, where = (one or {}).get("expression") or "", f"{at}[{index}].expression"
        if not source.strip():
            errors.append(required(where))
        elif source in seen:
            errors.append(duplicate(where, source))
        else:
            seen.add(source)
            compiled = condition(source)
            if compiled.wrong:
                errors.append(_compile_error(compiled, where))
            else:
                made.append(compiled)
    return tuple(made)


def _compile_error(found: Condition, at: str) -> FieldError:
    if found.internal:
        return FieldError("InternalError", at, f"Internal error: {found.wrong}")
    return invalid(at, found.source, found.wrong)
