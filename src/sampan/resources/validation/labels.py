"""What is wrong with labels, annotations and label selectors (apimachinery: apis/meta/v1/validation)."""

from collections.abc import Mapping

from sampan.api.json import Obj
from sampan.api.meta import is_label_value, is_qualified_name
from sampan.resources.strategies.checks import Errors, Shown, forbidden, invalid, marshalled, named, required, too_long

ANNOTATIONS_SIZE = 256 * 1024
IN, EXISTS = ("In", "NotIn"), ("Exists", "DoesNotExist")


def check_label_name(name: str, at: str) -> Errors:
    """A label's key, or what is written like one."""
    return [invalid(at, name, problem) for problem in is_qualified_name(name)]


def check_labels(labels: Mapping[str, str], at: str) -> Errors:
    """Label keys and values."""
    errors: Errors = []
    for key, value in labels.items():
        for problem in is_qualified_name(key):
            errors.append(invalid(at, key, problem))
        for problem in is_label_value(value):
            errors.append(invalid(at, value, problem))
    return errors


def check_annotations(annotations: Mapping[str, str], at: str) -> Errors:
    """Annotation keys, whose case does not matter, and the size of all."""
    errors: Errors = []
    for key in annotations:
        for problem in is_qualified_name(key.lower()):
            errors.append(invalid(at, key, problem))
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > ANNOTATIONS_SIZE // 4:  # it may be too much in bytes
        size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
        if size > ANNOTATIONS_SIZE:
            errors.append(too_long(at, ANNOTATIONS_SIZE))
    return errors


def check_label_selector(selector: Obj | None, at: str, *, any_value: bool = False) -> Errors:
    """A LabelSelector; `any_value`: what stands in `values` need not be a label's value."""
    if not selector:
        return []
    errors = check_labels(selector.get("matchLabels") or {}, f"{at}.matchLabels")
    for index, requirement in enumerate(selector.get("matchExpressions") or ()):
        errors += check_requirement(requirement, f"{at}.matchExpressions[{index}]", any_value=any_value)
    return errors


def check_requirement(requirement: Obj, at: str, *, any_value: bool = False, any_operator: bool = False) -> Errors:
    """One expression of a LabelSelector; `any_operator`: it may have one that is not known."""
    errors = check_operator(requirement, at, any_operator=any_operator)
    errors += check_label_name(requirement.get("key") or "", f"{at}.key")
    if not any_value:
        for index, value in enumerate(requirement.get("values") or ()):
            errors += [invalid(f"{at}.values[{index}]", value, problem) for problem in is_label_value(value)]
    return errors


def check_operator(requirement: Obj, at: str, *, any_operator: bool = False) -> Errors:
    """The operator of an expression, and whether it has the values that it needs."""
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    if operator in IN:
        return [] if values else [required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")]
    if operator in EXISTS:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [forbidden(f"{at}.values", why)] if values else []
    return [] if any_operator else [invalid(f"{at}.operator", named(operator), "not a valid selector operator")]


def shown_selector(selector: Obj | None) -> Shown:
    """A LabelSelector as errors show it: as JSON, without what is empty."""
    if selector is None:
        return Shown("null")
    made: Obj = {}
    if selector.get("matchLabels"):
        made["matchLabels"] = dict(sorted(selector["matchLabels"].items()))
    if selector.get("matchExpressions"):
        made["matchExpressions"] = [_shown_requirement(one) for one in selector["matchExpressions"]]
    return Shown(marshalled(made))


def _shown_requirement(requirement: Obj) -> Obj:
    made: Obj = {key: requirement.get(key) or "" for key in ("key", "operator")}
    return {**made, "values": requirement["values"]} if requirement.get("values") else made
