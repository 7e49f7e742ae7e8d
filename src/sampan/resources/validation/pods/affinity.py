"""What is wrong with affinities and spread constraints (core validation: validateAffinity, validateTopologySpread…)."""

from collections.abc import Callable, Iterable, Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, invalid, not_supported, required
from sampan.resources.validation.labels import check_label_name, check_label_selector
from sampan.resources.validation.node_selector import check_node_selector, check_preferred_terms, check_weight
from sampan.resources.validation.pods.options import Options

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
ACTIONS, POLICIES = ("DoNotSchedule", "ScheduleAnyway"), ("Honor", "Ignore")
NO_SELECTOR = "must not be specified when labelSelector is not set"
IN_BOTH = "exists in both matchLabelKeys and labelSelector"


def check_affinity(affinity: Obj, at: str, options: Options) -> Errors:
    """Affinity to nodes, to pods, and from pods."""
    errors: Errors = []
    node = affinity.get("nodeAffinity")
    if node is not None:
        if node.get(REQUIRED) is not None:
            here = f"{at}.nodeAffinity.{REQUIRED}"
            errors += check_node_selector(node[REQUIRED], here, any_value=options.any_node_value)
        errors += check_preferred_terms(node.get(PREFERRED) or (), f"{at}.nodeAffinity.{PREFERRED}")
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind)
        if pods is not None:
            errors += _pod_terms(pods, f"{at}.{kind}", options.any_selector_value)
    return errors


def _pod_terms(pods: Obj, at: str, any_value: bool) -> Errors:
    errors: Errors = []
    for index, term in enumerate(pods.get(REQUIRED) or ()):
        errors += _pod_term(term, f"{at}.{REQUIRED}[{index}]", any_value)
    for index, weighted in enumerate(pods.get(PREFERRED) or ()):
        here = f"{at}.{PREFERRED}[{index}]"
        errors += check_weight(weighted, here)
        errors += _pod_term(weighted.get("podAffinityTerm") or {}, f"{here}.podAffinityTerm", any_value)
    return errors


def _pod_term(term: Obj, at: str, any_value: bool) -> Errors:
    errors = check_term_selectors(term, at, any_value=any_value)
    for name in term.get("namespaces") or ():
        errors += [invalid(f"{at}.namespace", name, problem) for problem in is_dns1123_label(name)]
    errors += check_label_keys(term, at)
    key = term.get("topologyKey") or ""
    if not key:
        errors.append(required(f"{at}.topologyKey", "can not be empty"))
    return errors + check_label_name(key, f"{at}.topologyKey")


def check_term_selectors(term: Obj, at: str, *, any_value: bool = False) -> Errors:
    """The selectors of a PodAffinityTerm."""
    errors = check_label_selector(term.get("labelSelector"), f"{at}.labelSelector", any_value=any_value)
    return errors + check_label_selector(term.get("namespaceSelector"), f"{at}.namespaceSelector", any_value=any_value)


def check_label_keys(term: Obj, at: str) -> Errors:
    """matchLabelKeys and mismatchLabelKeys, which must neither meet nor stand in the selector as well."""
    match, mismatch = term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or ()
    if not match and not mismatch:
        return []
    selector = term.get("labelSelector")
    errors = _keys(match, selector, f"{at}.matchLabelKeys")
    errors += _keys(mismatch, selector, f"{at}.mismatchLabelKeys")
    if selector is not None:
        places = {key: index for index, key in enumerate(match)}
        seen = set(selector.get("matchLabels") or ())
        for expression in selector.get("matchExpressions") or ():
            key = expression.get("key") or ""
            if key in places and key in seen:  # the expression was made of the key when the pod was
                errors.append(invalid(f"{at}[{places[key]}]", key, IN_BOTH))
            seen.add(key)
    for index, key in enumerate(match):
        if key in mismatch:
            why = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid(f"{at}.matchLabelKeys[{index}]", key, why))
    return errors


def _keys(keys: Sequence[str], selector: Obj | None, at: str) -> Errors:
    if not keys:
        return []
    if selector is None:
        return [forbidden(at, NO_SELECTOR)]
    return [error for index, key in enumerate(keys) for error in check_label_name(key, f"{at}[{index}]")]


def check_legacy_label_keys(constraint: Obj, at: str) -> Errors:
    """matchLabelKeys of a spread constraint by the rules before 1.34."""
    keys, selector = constraint.get("matchLabelKeys") or (), constraint.get("labelSelector")
    at = f"{at}.matchLabelKeys"
    if not keys:
        return []
    errors: Errors = [forbidden(at, NO_SELECTOR)] if selector is None else []
    seen = set((selector or {}).get("matchLabels") or ())
    seen.update(expression.get("key") for expression in (selector or {}).get("matchExpressions") or ())
    for index, key in enumerate(keys):
        errors += check_label_name(key, f"{at}[{index}]")
        if key in seen:
            errors.append(invalid(f"{at}[{index}]", key, IN_BOTH))
    return errors


def check_spread(constraints: Sequence[Obj], at: str, options: Options) -> Errors:
    """Topology spread constraints."""
    check_keys: Callable[[Obj, str], Errors] = (
        check_legacy_label_keys if options.legacy_match_keys else check_label_keys
    )
    errors: Errors = []
    for index, constraint in enumerate(constraints):
        here = f"{at}[{index}]"
        errors += _constraint(constraint, here, constraints[index + 1 :])
        errors += check_keys(constraint, here)
        if not options.any_spread_selector:
            errors += check_label_selector(constraint.get("labelSelector"), f"{here}.labelSelector")
    return errors


def _constraint(constraint: Obj, at: str, rest: Iterable[Obj]) -> Errors:
    skew, key = constraint.get("maxSkew") or 0, constraint.get("topologyKey") or ""
    action, domains = constraint.get("whenUnsatisfiable") or "", constraint.get("minDomains")
    errors: Errors = []
    if skew <= 0:
        errors.append(invalid(f"{at}.maxSkew", skew, "must be greater than zero"))
    if not key:
        errors.append(required(f"{at}.topologyKey", "can not be empty"))
    if action not in ACTIONS:
        errors.append(not_supported(f"{at}.whenUnsatisfiable", action, ACTIONS))
    if any((o.get("topologyKey") or "", o.get("whenUnsatisfiable") or "") == (key, action) for o in rest):
        errors.append(duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"))
    if domains is not None:
        if domains <= 0:
            errors.append(invalid(f"{at}.minDomains", domains, "must be greater than zero"))
        if action != "DoNotSchedule":
            why = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            errors.append(invalid(f"{at}.minDomains", domains, why))
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = constraint.get(name)
        if policy is not None and policy not in POLICIES:
            errors.append(not_supported(f"{at}.{name}", policy, POLICIES))
    return errors
