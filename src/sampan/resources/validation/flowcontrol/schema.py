"""What is wrong with FlowSchemas (flowcontrol validation: ValidateFlowSchema)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, name_of
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    duplicate,
    forbidden,
    invalid,
    marshalled,
    not_among,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.flowcontrol.shown import FIXED_SCHEMAS, METHOD, SCHEMA, same
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.metadata import check_own_meta

MOST_PRECEDENCE = 10_000
METHODS = ("ByNamespace", "ByUser")
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
KINDS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
"""Kinds of subjects and the fields that tell who they are."""
ALONE = "if '*' is present, must not specify other"
NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "


def check_schema(obj: Obj) -> Errors:
    """A FlowSchema."""
    spec, name = spec_of(obj), name_of(obj)
    errors = _precedence(spec.get("matchingPrecedence") or 0, name)
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in METHODS:
        errors.append(not_among("spec.distinguisherMethod.type", shown_struct(method, METHOD), METHODS))
    at, level = "spec.priorityLevelConfiguration.name", (spec.get("priorityLevelConfiguration") or {}).get("name")
    if level:
        errors += [invalid(at, level, problem) for problem in is_dns1123_subdomain(level)]
    else:
        errors.append(required(at, "must reference a priority level"))
    for index, rule in enumerate(spec.get("rules") or ()):
        errors += _rule(rule, f"spec.rules[{index}]")
    fixed = FIXED_SCHEMAS.get(name)
    if fixed is not None and not same(spec, fixed, SCHEMA):
        errors.append(invalid("spec", shown_struct(spec, SCHEMA), f"spec of '{name}' must equal the fixed value"))
    return errors + check_flow_status(obj)


def check_schema_update(new: Obj, old: Obj) -> Errors:
    """A changed FlowSchema."""
    return check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_schema(new)


def _precedence(value: int, name: str) -> Errors:
    at, errors = "spec.matchingPrecedence", Errors()
    if value <= 0:
        errors.append(invalid(at, value, "must be a positive value"))
    if value > MOST_PRECEDENCE:
        errors.append(invalid(at, value, f"must not be greater than {MOST_PRECEDENCE}"))
    if value == 1 and name != "exempt":
        errors.append(invalid(at, value, "only the schema named 'exempt' may have matchingPrecedence 1"))
    return errors


def _rule(rule: Obj, at: str) -> Errors:
    errors: Errors = []
    subjects = rule.get("subjects") or ()
    for index, subject in enumerate(subjects):
        errors += _subject(subject, f"{at}.subjects[{index}]")
    if not subjects:
        errors.append(required(f"{at}.subjects", "subjects must contain at least one value"))
    resources, urls = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not resources and not urls:
        why = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(at, why))
    for index, resource in enumerate(resources):
        errors += _resource_rule(resource, f"{at}.resourceRules[{index}]")
    for index, url in enumerate(urls):
        errors += _url_rule(url, f"{at}.nonResourceRules[{index}]")
    return errors


def _subject(subject: Obj, at: str) -> Errors:
    kind = subject.get("kind") or ""
    own = KINDS.get(kind)
    if own is None:
        return [not_supported(f"{at}.kind", kind, KINDS)]
    errors = _who(subject.get(own), kind, f"{at}.{own}")
    for other, key in KINDS.items():
        if key != own and subject.get(key) is not None:
            errors.append(forbidden(f"{at}.{key}", f"{key} is forbidden when subject kind is not '{other}'"))
    return errors


def _who(value: Obj | None, kind: str, at: str) -> Errors:
    if value is None:
        return [required(at, f"{KINDS[kind]} is required when subject kind is '{kind}'")]
    name, namespace = value.get("name"), value.get("namespace")
    errors: Errors = [] if name else [required(f"{at}.name")]
    if kind != "ServiceAccount":
        return errors
    if name and name != "*":
        errors += [invalid(f"{at}.name", name, problem) for problem in is_dns1123_subdomain(name)]
    if namespace:
        errors += [invalid(f"{at}.namespace", namespace, problem) for problem in is_dns1123_label(namespace)]
    else:
        errors.append(required(f"{at}.namespace", "must specify namespace for service account"))
    return errors


def _verbs(rule: Obj, at: str) -> Errors:
    verbs = rule.get("verbs") or []
    if not verbs:
        return [required(f"{at}.verbs", "verbs must contain at least one value")]
    if "*" in verbs:
        return [invalid(f"{at}.verbs", verbs, f"{ALONE} verbs")] if len(verbs) > 1 else []
    if not set(verbs) <= set(VERBS):
        return [not_among(f"{at}.verbs", Shown(marshalled(verbs)), VERBS)]
    return []


def _resource_rule(rule: Obj, at: str) -> Errors:
    errors = _verbs(rule, at)
    for key, one, many in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        values = rule.get(key) or []
        if not values:
            errors.append(required(f"{at}.{key}", f"resource rules must supply at least one {one}"))
        elif len(values) > 1 and "*" in values:
            errors.append(invalid(f"{at}.{key}", values, f"{ALONE} {many}"))
    namespaces, here = rule.get("namespaces") or [], f"{at}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        why = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(required(here, why))
    elif "*" in namespaces:
        if len(namespaces) > 1:
            errors.append(invalid(here, namespaces, f"{ALONE} namespaces"))
    else:
        for index, name in enumerate(namespaces):
            errors += [invalid(f"{here}[{index}]", name, NAMESPACE + problem) for problem in is_dns1123_label(name)]
    return errors


def _url_rule(rule: Obj, at: str) -> Errors:
    errors, urls, here = _verbs(rule, at), rule.get("nonResourceURLs") or [], f"{at}.nonResourceURLs"
    if not urls:
        errors.append(required(here, "nonResourceURLs must contain at least one value"))
    elif "*" in urls:
        if len(urls) > 1:
            errors.append(invalid(here, urls, f"{ALONE} non-resource URLs"))
    else:
        for index, url in enumerate(urls):
            problem = _url_problem(url)
            errors += [invalid(f"{here}[{index}]", url, problem)] if problem else []
    return errors


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and not url.endswith("/*")) else ""


def check_flow_status(obj: Obj) -> Errors:
    """The conditions of a FlowSchema or a PriorityLevelConfiguration."""
    errors: Errors = []
    seen: set[str] = set()
    for index, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        at, kind = f"status.conditions[{index}].type", condition.get("type") or ""
        if kind in seen:
            errors.append(duplicate(at, Shown(marshalled(kind))))
        seen.add(kind)
        if not kind:
            errors.append(required(at))
    return errors
