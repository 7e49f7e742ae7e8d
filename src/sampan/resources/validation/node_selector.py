"""What is wrong with node selectors: of pods' affinity and of volumes (core validation: ValidateNodeSelector)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_label_value
from sampan.resources.strategies.checks import Errors, forbidden, invalid, named, required
from sampan.resources.validation.labels import EXISTS, IN, check_label_name

NOT_AN_OPERATOR = "not a valid selector operator"


def check_node_selector(selector: Obj, at: str, *, any_value: bool = False) -> Errors:
    """A NodeSelector; `any_value`: what stands in `values` need not be a label's value."""
    terms = selector.get("nodeSelectorTerms") or ()
    if not terms:
        return [required(f"{at}.nodeSelectorTerms", "must have at least one node selector term")]
    errors: Errors = []
    for index, term in enumerate(terms):
        errors += check_node_term(term, f"{at}.nodeSelectorTerms[{index}]", any_value=any_value)
    return errors


def check_node_term(term: Obj, at: str, *, any_value: bool = False) -> Errors:
    """One NodeSelectorTerm."""
    errors: Errors = []
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        errors += _expression(requirement, f"{at}.matchExpressions[{index}]", any_value)
    for index, requirement in enumerate(term.get("matchFields") or ()):
        errors += _field(requirement, f"{at}.matchFields[{index}]")
    return errors


def _expression(requirement: Obj, at: str, any_value: bool) -> Errors:
    errors: Errors = []
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    if operator in IN:
        if not values:
            errors.append(required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in EXISTS:
        if values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{at}.values", why))
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            why = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            errors.append(required(f"{at}.values", why))
    else:
        errors.append(invalid(f"{at}.operator", named(operator), NOT_AN_OPERATOR))
    errors += check_label_name(requirement.get("key") or "", f"{at}.key")
    if not any_value:
        for index, value in enumerate(values):
            errors += [invalid(f"{at}.values[{index}]", value, problem) for problem in is_label_value(value)]
    return errors


def _field(requirement: Obj, at: str) -> Errors:
    errors: Errors = []
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    if operator not in IN:
        errors.append(invalid(f"{at}.operator", named(operator), NOT_AN_OPERATOR))
    elif len(values) != 1:
        why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{at}.values", why))
    key = requirement.get("key") or ""
    if key != "metadata.name":
        errors.append(invalid(f"{at}.key", key, "not a valid field selector key"))
        return errors
    for index, value in enumerate(values):
        errors += [invalid(f"{at}.values[{index}]", value, problem) for problem in is_dns1123_subdomain(value)]
    return errors


def check_preferred_terms(terms: Iterable[Obj], at: str) -> Errors:
    """PreferredSchedulingTerms: weights and terms; any text may be a value there."""
    errors: Errors = []
    for index, term in enumerate(terms):
        errors += check_weight(term, f"{at}[{index}]")
        errors += check_node_term(term.get("preference") or {}, f"{at}[{index}].preference", any_value=True)
    return errors


def check_weight(term: Obj, at: str) -> Errors:
    """The weight of a preferred term."""
    weight = term.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(f"{at}.weight", weight, "must be in the range 1-100")]
