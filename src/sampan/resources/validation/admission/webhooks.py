"""What is wrong with webhook configurations (admissionregistration validation)."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sampan.api.json import Obj
from sampan.api.meta import is_dns1035_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, duplicate, invalid, quoted, required
from sampan.resources.validation.admission.conditions import check_conditions
from sampan.resources.validation.admission.rules import POLICIES, check_choice, check_rule
from sampan.resources.validation.labels import check_label_selector

VERSIONS = ("v1", "v1beta1")
SELECTORS = ("namespaceSelector", "objectSelector")
NO_EFFECTS, EFFECTS = ("None", "NoneOnDryRun"), ("None", "NoneOnDryRun", "Some", "Unknown")
FORM = "; desired format: https://host[/path]"


class Leniency(NamedTuple):
    """What an update may leave as it was, though it would be refused today."""

    side_effects: bool = False
    versions: bool = False
    names: bool = False
    selectors: bool = False
    conditions: bool = False


STRICT = Leniency()


def check_validating(obj: Obj) -> Errors:
    """A new ValidatingWebhookConfiguration."""
    return _check(obj, STRICT, _nothing)


def check_mutating(obj: Obj) -> Errors:
    """A new MutatingWebhookConfiguration."""
    return _check(obj, STRICT, _reinvocation)


def check_validating_update(new: Obj, old: Obj) -> Errors:
    """A changed ValidatingWebhookConfiguration."""
    return _check(new, leniency(new, old), _nothing)


def check_mutating_update(new: Obj, old: Obj) -> Errors:
    """A changed MutatingWebhookConfiguration."""
    return _check(new, leniency(new, old), _reinvocation)


def leniency(new: Obj, old: Obj) -> Leniency:
    """What was wrong before, and may stay so."""
    now, before = new.get("webhooks") or [], old.get("webhooks") or []
    names = [hook.get("name") for hook in before]
    versions = [hook.get("admissionReviewVersions") for hook in before]
    selectors = [hook.get(key) for hook in before for key in SELECTORS]
    kept = [hook.get("matchConditions") for hook in now] == [hook.get("matchConditions") for hook in before]
    return Leniency(
        side_effects=any(hook.get("sideEffects") not in NO_EFFECTS for hook in before),
        versions=any(some and not set(VERSIONS) & set(some) for some in versions),
        names=len(set(names)) < len(names),
        selectors=any(check_label_selector(selector, "") for selector in selectors),
        conditions=kept,
    )


def _nothing(hook: Obj, at: str) -> Errors:
    return []


def _reinvocation(hook: Obj, at: str) -> Errors:
    return check_choice(hook, at, "reinvocationPolicy", ("Never", "IfNeeded"))


def _check(obj: Obj, lenient: Leniency, more: Callable[[Obj, str], Errors]) -> Errors:
    found: Errors = []
    names: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        at = f"webhooks[{index}]"
        found += _hook(hook, at, lenient, more)
        found += _versions(hook.get("admissionReviewVersions") or [], at, lenient.versions)
        name = hook.get("name") or ""
        if lenient.names:
            continue
        if name in names:
            found.append(duplicate(f"{at}.name", name))
        elif name:
            names.add(name)
    return found


def _hook(hook: Obj, at: str, lenient: Leniency, more: Callable[[Obj, str], Errors]) -> Errors:
    found = _name(hook.get("name") or "", f"{at}.name")
    for index, rule in enumerate(hook.get("rules") or ()):
        found += check_rule(rule, f"{at}.rules[{index}]")
    found += check_choice(hook, at, "failurePolicy", ("Fail", "Ignore"))
    found += check_choice(hook, at, "matchPolicy", POLICIES)
    effects = EFFECTS if lenient.side_effects else NO_EFFECTS
    if hook.get("sideEffects") is None:
        found.append(required(f"{at}.sideEffects", f"must specify one of {', '.join(sorted(effects))}"))
    found += check_choice(hook, at, "sideEffects", effects)
    timeout = hook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        found.append(invalid(f"{at}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds"))
    for key in SELECTORS:
        found += check_label_selector(hook.get(key), f"{at}.{key}", any_value=lenient.selectors)
    found += more(hook, at) + check_client_config(hook.get("clientConfig") or {}, f"{at}.clientConfig")
    if lenient.conditions:
        return found
    return found + check_conditions(hook.get("matchConditions") or [], f"{at}.matchConditions")


def _name(name: str, at: str) -> Errors:
    if not name:
        return [required(at)]
    if problems := is_dns1123_subdomain(name):
        return [invalid(at, name, ",".join(problems))]
    if len(name.split(".")) < 3:
        return [invalid(at, name, "should be a domain with at least three segments separated by dots")]
    return []


def _versions(versions: list[str], at: str, lenient: bool) -> Errors:
    field = f"{at}.admissionReviewVersions"
    if not versions:
        return [required(field, f"must specify one of {', '.join(VERSIONS)}")]
    found: Errors = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            found.append(invalid(f"{field}[{index}]", version, "duplicate version"))
            continue
        found += [invalid(f"{field}[{index}]", version, problem) for problem in is_dns1035_label(version)]
    if not lenient and not set(VERSIONS) & set(versions):
        found.append(invalid(field, versions, f"must include at least one of {', '.join(VERSIONS)}"))
    return found


def check_client_config(config: Obj, at: str) -> Errors:
    """Where a webhook is: a URL or a Service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(at, "exactly one of url or service is required")]
    return _url(url, f"{at}.url") if url is not None else _service(service or {}, f"{at}.service")


def _unparsable(url: str) -> str:
    """Why Go's parser would not take a URL, as far as ours would."""
    if any(ord(char) < 32 or ord(char) == 127 for char in url):
        return "net/url: invalid control character in URL"
    return "missing protocol scheme" if url.startswith(":") else ""


def _url(url: str, at: str) -> Errors:
    if reason := _unparsable(url):
        return [required(at, f"url must be a valid URL: parse {quoted(url)}: {reason}{FORM}")]
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return [required(at, f"url must be a valid URL: {error}{FORM}")]
    found: Errors = []
    if parts.scheme != "https":
        found.append(invalid(at, parts.scheme, f"'https' is the only allowed URL scheme{FORM}"))
    user, _, host = parts.netloc.rpartition("@")
    if not host:
        found.append(invalid(at, host, f"host must be specified{FORM}"))
    if user:
        found.append(invalid(at, user, "user information is not permitted in the URL"))
    if parts.fragment:
        found.append(invalid(at, parts.fragment, "fragments are not permitted in the URL"))
    if parts.query:
        found.append(invalid(at, parts.query, "query parameters are not permitted in the URL"))
    return found


def _service(service: Obj, at: str) -> Errors:
    # Upstream takes the one for the other: a missing namespace is told as a missing name.
    swapped = (("name", "namespace"), ("namespace", "name"))
    found = [required(f"{at}.{told}") for told, key in swapped if not service.get(key)]
    port: Any = service.get("port", 443)
    if not 1 <= port <= 65535:
        found.append(invalid(f"{at}.port", port, "port is not valid: must be between 1 and 65535, inclusive"))
    return found + _path(service.get("path") or "", f"{at}.path")


def _path(path: str, at: str) -> Errors:
    if path in ("", "/"):
        return []
    if path == "//":
        return [invalid(at, path, "segment[0] may not be empty")]
    found = [] if path.startswith("/") else [invalid(at, path, "must start with a '/'")]
    for index, step in enumerate(path[1:].removesuffix("/").split("/")):
        if not step:
            found.append(invalid(at, path, f"segment[{index}] may not be empty"))
            continue
        found += [invalid(at, path, f"segment[{index}]: {problem}") for problem in is_dns1123_subdomain(step)]
    return found
