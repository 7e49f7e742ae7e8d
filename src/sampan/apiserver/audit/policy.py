"""The audit policy: what is to be known of which requests (audit.k8s.io/v1 Policy). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.resources.strategies.checks import Errors, invalid, not_among, required

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
PARTS = ("users", "userGroups", "verbs", "namespaces", "resources", "nonResourceURLs")
LISTS = ("users", "userGroups", "verbs", "namespaces", "nonResourceURLs", "omitStages")


class Wanted(NamedTuple):
    """What is to be known of one request."""

    level: str = "None"
    omitted: frozenset[str] = frozenset()
    """Stages of which nothing is to be known."""
    omit_managed_fields: bool = False

    def reaches(self, level: str) -> bool:
        """Whether at least as much as that is wanted."""
        return LEVELS.index(self.level) >= LEVELS.index(level)


NOTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy: an empty part fits everything."""

    wanted: Wanted
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    resources: tuple[Mapping[str, Any], ...] = ()
    paths: tuple[str, ...] = ()

    def fits(self, user: UserInfo | None, info: RequestInfo) -> bool:
        """Whether it is for such a request."""
        if self.users and (user is None or user.name not in self.users):
            return False
        if self.groups and (user is None or not set(self.groups) & set(user.groups)):
            return False
        if self.verbs and info.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return info.is_resource and self._fits_resource(info)
        return not self.paths or (not info.is_resource and any(path_fits(info.path, one) for one in self.paths))

    def _fits_resource(self, info: RequestInfo) -> bool:
        if self.namespaces and info.namespace not in self.namespaces:
            return False
        return not self.resources or any(_fits(one, info) for one in self.resources)


def _fits(given: Mapping[str, Any], info: RequestInfo) -> bool:
    if (given.get("group") or "") not in (info.group, "*"):
        return False
    resources, names = given.get("resources") or (), given.get("resourceNames") or ()
    if not resources:
        return True
    if names and info.name not in names:
        return False
    whole = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    also = {whole, "*", f"{info.resource}/*", *([f"*/{info.subresource}"] if info.subresource else [])}
    return not also.isdisjoint(resources)


def path_fits(path: str, pattern: str) -> bool:
    """Whether a path is meant: the very one, or one that begins as the pattern does up to its star."""
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order: the first that fits decides; nothing is known of a request that none fits."""

    rules: tuple[Rule, ...]

    def wanted(self, user: UserInfo | None, info: RequestInfo) -> Wanted:
        """What is to be known of a request."""
        return next((rule.wanted for rule in self.rules if rule.fits(user, info)), NOTHING)


def read_policy(document: Any) -> tuple[Policy, list[FieldError]]:
    """The policy of a document, and what is wrong with it, in upstream's words."""
    shape = _shape(document)
    if shape:
        return Policy(()), shape
    errors = _stages(document.get("omitStages") or [], "omitStages")
    omitted, managed = frozenset(document.get("omitStages") or ()), bool(document.get("omitManagedFields"))
    rules = []
    for index, given in enumerate(document.get("rules") or ()):
        errors += _check(given, f"rules[{index}]")
        own = given.get("omitManagedFields")
        wanted = Wanted(
            given.get("level") or "None",
            omitted | frozenset(given.get("omitStages") or ()),
            managed if own is None else bool(own),
        )
        users, groups, verbs, namespaces, resources, paths = (tuple(given.get(key) or ()) for key in PARTS)
        rules.append(Rule(wanted, users, groups, verbs, namespaces, resources, paths))
    return Policy(tuple(rules)), errors


def _shape(document: Any) -> list[FieldError]:
    """What keeps a document from being read at all."""
    if not isinstance(document, dict):
        return [invalid("", type(document).__name__, "expected an object of kind Policy")]
    version, kind = document.get("apiVersion"), document.get("kind")
    if version != "audit.k8s.io/v1" or kind != "Policy":
        return [invalid("apiVersion", f"{version} {kind}", "expected audit.k8s.io/v1 Policy")]
    rules = document.get("rules")
    if not rules:
        return [required("rules", "loaded illegal policy with 0 rules")]
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        return [invalid("rules", str(rules), "expected a list of objects")]
    found: list[FieldError] = []
    for index, rule in enumerate(rules):
        for key in LISTS:
            values = rule.get(key) or []
            if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
                found.append(invalid(f"rules[{index}].{key}", str(values), "expected a list of strings"))
        resources = rule.get("resources") or []
        if not isinstance(resources, list) or not all(isinstance(one, dict) for one in resources):
            found.append(invalid(f"rules[{index}].resources", str(resources), "expected a list of objects"))
    return found


def _check(rule: Obj, at: str) -> Errors:
    level, paths = rule.get("level") or "", rule.get("nonResourceURLs") or []
    errors: Errors = []
    if not level:
        errors.append(required(f"{at}.level"))
    elif level not in LEVELS:
        errors.append(not_among(f"{at}.level", level, LEVELS))
    for index, path in enumerate(paths):
        here = f"{at}.nonResourceURLs[{index}]"
        if path == "*":
            continue
        if not path.startswith("/"):
            errors.append(invalid(here, path, "non-resource URL rules must begin with a '/' character"))
        if "*" in path[:-1]:
            text = "non-resource URL wildcards '*' must be the final character of the rule"
            errors.append(invalid(here, path, text))
    for given in rule.get("resources") or ():
        group = given.get("group") or ""
        if group and group != "*" and (problems := is_dns1123_subdomain(group)):
            errors.append(invalid(f"{at}.resources.group", group, ",".join(problems)))
        if given.get("resourceNames") and not given.get("resources"):
            text = "using resourceNames requires at least one resource"
            errors.append(invalid(f"{at}.resources.resourceNames", given["resourceNames"], text))
    errors += _stages(rule.get("omitStages") or [], f"{at}.omitStages")
    if paths and (rule.get("resources") or rule.get("namespaces")):
        text = "rules cannot apply to both regular resources and non-resource URLs"
        errors.append(invalid(f"{at}.nonResourceURLs", paths, text))
    return errors


def _stages(stages: Iterable[str], at: str) -> Errors:
    text = f"allowed stages are {','.join(STAGES)}"
    return [invalid(f"{at}[{index}]", stage, text) for index, stage in enumerate(stages) if stage not in STAGES]
