"""Which requests webhooks and policies are for (admissionregistration: RuleWithOperations)."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_path_segment
from sampan.resources.strategies.checks import Errors, duplicate, invalid, not_supported, required
from sampan.resources.validation.labels import check_label_selector

OPERATIONS = ("*", "CREATE", "UPDATE", "DELETE", "CONNECT")
POLICIES = ("Exact", "Equivalent")


def check_rule(rule: Obj, at: str) -> Errors:
    """Operations, groups, versions, resources and scope."""
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
    return found + check_choice(rule, at, "scope", ("*", "Cluster", "Namespaced"))


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


def check_choice(holder: Obj, at: str, key: str, choices: Sequence[str]) -> Errors:
    """A field that is absent or one of the choices."""
    value = holder.get(key)
    return [] if value is None or value in choices else [not_supported(f"{at}.{key}", value, choices)]


def check_match_resources(given: Obj | None, at: str) -> Errors:
    """The MatchResources of a policy or a binding; the server has filled in its defaults."""
    if given is None:
        return []
    errors = [required(f"{at}.matchPolicy")] if given.get("matchPolicy") is None else []
    errors += check_choice(given, at, "matchPolicy", POLICIES)
    for key in ("namespaceSelector", "objectSelector"):
        if given.get(key) is None:
            errors.append(required(f"{at}.{key}"))
        errors += check_label_selector(given.get(key), f"{at}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(given.get(key) or ()):
            errors += _named_rule(rule, f"{at}.{key}[{index}]")
    return errors


def _named_rule(rule: Obj, at: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, name in enumerate(rule.get("resourceNames") or ()):
        here = f"{at}.resourceNames[{index}]"
        errors += [invalid(here, name, problem) for problem in is_path_segment(name)]
        if name in seen:
            errors.append(duplicate(here, name))
        seen.add(name)
    return errors + check_rule(rule, at)
