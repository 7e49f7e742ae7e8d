"""What is wrong with webhook configurations (admissionregistration validation)."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from sampan.api.json import Obj
from sampan.api.meta import is_dns1035_label, is_dns1123_subdomain, is_label_value, is_qualified_name
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, invalid, not_supported, required

VERSIONS = ("v1", "v1beta1")
OPERATIONS = ("*", "CREATE", "UPDATE", "DELETE", "CONNECT")
FORM = "; desired format: https://host[/path]"
NO_CONDITIONS = "match conditions are not evaluated by this server"


def check_validating(obj: Obj) -> Errors:
    """A ValidatingWebhookConfiguration."""
    return _check(obj, lambda hook, at: [])


def check_mutating(obj: Obj) -> Errors:
    """A MutatingWebhookConfiguration."""
    return _check(obj, lambda hook, at: _choice(hook, at, "reinvocationPolicy", ("Never", "IfNeeded")))


def _check(obj: Obj, more: Callable[[Obj, str], Errors]) -> Errors:
    found: Errors = []
    names: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        at = f"webhooks[{index}]"
        found += _hook(hook, at) + more(hook, at) + _versions(hook.get("admissionReviewVersions") or [], at)
        name = hook.get("name") or ""
        if name in names:
            found.append(duplicate(f"{at}.name", name))
        elif name:
            names.add(name)
    return found


def _hook(hook: Obj, at: str) -> Errors:
    found = _name(hook.get("name") or "", f"{at}.name")
    for index, rule in enumerate(hook.get("rules") or ()):
        found += _rule(rule, f"{at}.rules[{index}]")
    found += _choice(hook, at, "failurePolicy", ("Fail", "Ignore"))
    found += _choice(hook, at, "matchPolicy", ("Exact", "Equivalent"))
    if hook.get("sideEffects") is None:
        found.append(required(f"{at}.sideEffects", "must specify one of None, NoneOnDryRun"))
    found += _choice(hook, at, "sideEffects", ("None", "NoneOnDryRun"))
    timeout = hook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        found.append(invalid(f"{at}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds"))
    for key in ("namespaceSelector", "objectSelector"):
        found += _selector(hook.get(key) or {}, f"{at}.{key}")
    found += check_client_config(hook.get("clientConfig") or {}, f"{at}.clientConfig")
    return found + _conditions(hook.get("matchConditions") or [], f"{at}.matchConditions")


def _conditions(conditions: list[Obj], at: str) -> Errors:
    """Refused for now, rather than passed over: whoever writes one relies on it."""
    found: Errors = []
    for index, one in enumerate(conditions):
        if not (one.get("expression") or "").strip():
            found.append(required(f"{at}[{index}].expression"))
        name = one.get("name") or ""
        if not name:
            found.append(required(f"{at}[{index}].name"))
        found += [invalid(f"{at}[{index}].name", name, problem) for problem in is_qualified_name(name) if name]
    return found or ([forbidden(at, NO_CONDITIONS)] if conditions else [])


def _name(name: str, at: str) -> Errors:
    if not name:
        return [required(at)]
    if problems := is_dns1123_subdomain(name):
        return [invalid(at, name, ",".join(problems))]
    if len(name.split(".")) < 3:
        return [invalid(at, name, "should be a domain with at least three segments separated by dots")]
    return []


def _choice(hook: Obj, at: str, key: str, choices: Sequence[str]) -> Errors:
    value = hook.get(key)
    return [] if value is None or value in choices else [not_supported(f"{at}.{key}", value, choices)]


def _versions(versions: list[str], at: str) -> Errors:
    field = f"{at}.admissionReviewVersions"
    if not versions:
        return [required(field, f"must specify one of {', '.join(VERSIONS)}")]
    found: Errors = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            found.append(invalid(f"{field}[{index}]", version, "duplicate version"))
            continue
        found += [invalid(f"{field}[{index}]", version, problem) for problem in is_dns1035_label(version)]
    if not set(VERSIONS) & set(versions):
        found.append(invalid(field, versions, f"must include at least one of {', '.join(VERSIONS)}"))
    return found


def _rule(rule: Obj, at: str) -> Errors:
    operations = rule.get("operations") or []
    found = _alone(operations, f"{at}.operations", "operations")
    found += [
        not_supported(f"{at}.operations[{index}]", value, OPERATIONS)
        for index, value in enumerate(operations)
        if value not in OPERATIONS
    ]
    found += _alone(rule.get("apiGroups") or [], f"{at}.apiGroups", "API groups")
    versions = rule.get("apiVersions") or []
    found += _alone(versions, f"{at}.apiVersions", "API versions")
    found += [required(f"{at}.apiVersions[{index}]") for index, value in enumerate(versions) if not value]
    found += _resources(rule.get("resources") or [], f"{at}.resources")
    return found + _choice(rule, at, "scope", ("*", "Cluster", "Namespaced"))


def _alone(values: list[str], at: str, what: str) -> Errors:
    """Something must be there; a `*` must be alone."""
    if not values:
        return [required(at)]
    if len(values) > 1 and "*" in values:
        return [invalid(at, values, f"if '*' is present, must not specify other {what}")]
    return []


def _resources(values: list[str], at: str) -> Errors:
    if not values:
        return [required(at)]
    found: Errors = []
    every_sub: set[str] = set()
    of_every: set[str] = set()
    plain = False
    for index, value in enumerate(values):
        field = f"{at}[{index}]"
        if not value:
            found.append(required(field))
            continue
        name, slash, sub = value.partition("/")
        if not slash:
            plain = value != "*"
            continue
        if name in every_sub:
            found.append(invalid(field, value, f"if '{name}/*' is present, must not specify {value}"))
        if sub in of_every:
            found.append(invalid(field, value, f"if '*/{sub}' is present, must not specify {value}"))
        if sub == "*":
            every_sub.add(name)
        if name == "*":
            of_every.add(sub)
    if len(values) > 1 and "*/*" in values:
        found.append(invalid(at, values, "if '*/*' is present, must not specify other resources"))
    if "*" in values and plain:
        why = "if '*' is present, must not specify other resources without subresources"
        found.append(invalid(at, values, why))
    return found


def _selector(selector: Obj, at: str) -> Errors:
    found: Errors = []
    for key, value in (selector.get("matchLabels") or {}).items():
        found += [invalid(f"{at}.matchLabels", key, problem) for problem in is_qualified_name(key)]
        found += [invalid(f"{at}.matchLabels", value, problem) for problem in is_label_value(value)]
    for index, one in enumerate(selector.get("matchExpressions") or ()):
        found += _expression(one, f"{at}.matchExpressions[{index}]")
    return found


def _expression(one: Obj, at: str) -> Errors:
    operator, values = one.get("operator"), one.get("values") or []
    found: Errors = []
    if operator in ("In", "NotIn"):
        if not values:
            found.append(required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{at}.values", why))
    else:
        found.append(invalid(f"{at}.operator", operator or "", "not a valid selector operator"))
    key = one.get("key") or ""
    found += [invalid(f"{at}.key", key, problem) for problem in is_qualified_name(key)]
    for index, value in enumerate(values):
        found += [invalid(f"{at}.values[{index}]", value, problem) for problem in is_label_value(value)]
    return found


def check_client_config(config: Obj, at: str) -> Errors:
    """Where a webhook is: a URL or a Service."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(at, "exactly one of url or service is required")]
    return _url(url, f"{at}.url") if url is not None else _service(service or {}, f"{at}.service")


def _url(url: str, at: str) -> Errors:
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
    found = [required(f"{at}.{key}") for key in ("name", "namespace") if not service.get(key)]
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
