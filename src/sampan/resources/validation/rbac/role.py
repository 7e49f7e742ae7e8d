"""What is wrong with Roles and ClusterRoles (rbac validation: ValidateRole, ValidateClusterRole)."""

from sampan.api.json import Obj
from sampan.api.meta import is_path_segment
from sampan.resources.strategies.checks import Errors, invalid, required
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.labels import check_label_selector
from sampan.resources.validation.metadata import check_own_meta

BOTH = "rules cannot apply to both regular resources and non-resource URLs"
NO_SELECTOR = "at least one clusterRoleSelector required if aggregationRule is non-nil"
SELECTORS = "aggregationRule.clusterRoleSelectors"


def check_role(obj: Obj) -> Errors:
    """A Role."""
    return _rules(obj, True)


def check_role_update(new: Obj, old: Obj) -> Errors:
    """A changed Role."""
    return check_own_meta(new["metadata"], True, is_path_segment) + check_role(new) + metadata_again(new, old)


def check_cluster_role(obj: Obj) -> Errors:
    """A ClusterRole."""
    return _rules(obj, False) + _aggregation(obj, any_value=False)


def check_cluster_role_update(new: Obj, old: Obj) -> Errors:
    """A changed ClusterRole; selectors that held what no label can be may go on doing so."""
    any_value = any(check_label_selector(selector, "") for selector in _selectors(old))
    errors = check_own_meta(new["metadata"], False, is_path_segment) + _rules(new, False)
    return errors + _aggregation(new, any_value=any_value) + metadata_again(new, old)


def _rules(obj: Obj, namespaced: bool) -> Errors:
    errors: Errors = []
    for index, rule in enumerate(obj.get("rules") or ()):
        errors += check_rule(rule, f"rules[{index}]", namespaced=namespaced)
    return errors


def check_rule(rule: Obj, at: str, *, namespaced: bool) -> Errors:
    """A PolicyRule."""
    errors: Errors = []
    if not rule.get("verbs"):
        errors.append(required(f"{at}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            errors.append(invalid(f"{at}.nonResourceURLs", urls, why))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            errors.append(invalid(f"{at}.nonResourceURLs", urls, BOTH))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{at}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{at}.resources", "resource rules must supply at least one resource"))
    return errors


def _selectors(obj: Obj) -> list[Obj]:
    return (obj.get("aggregationRule") or {}).get("clusterRoleSelectors") or []


def _aggregation(obj: Obj, *, any_value: bool) -> Errors:
    if obj.get("aggregationRule") is None:
        return []
    selectors = _selectors(obj)
    errors: Errors = [] if selectors else [required(SELECTORS, NO_SELECTOR)]
    for index, selector in enumerate(selectors):
        at = f"{SELECTORS}[{index}]"
        errors += check_label_selector(selector, at, any_value=any_value)
        if check_label_selector(selector, ""):
            errors.append(invalid(at, None, "invalid label selector."))
    return errors
