"""What is wrong with bindings of admission policies (ValidateValidatingAdmissionPolicyBinding and its twin)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_path_segment
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_among,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.validation.admission.policies import check_mutable
from sampan.resources.validation.admission.rules import check_match_resources
from sampan.resources.validation.labels import check_label_selector

ACTIONS = ("Audit", "Deny", "Warn")
EITHER = "name and selector are mutually exclusive"
TWICE = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"  # noqa: E501


def check_validating_binding(obj: Obj) -> Errors:
    """A ValidatingAdmissionPolicyBinding, new or changed."""
    spec = spec_of(obj)
    return _common(spec) + _actions(spec.get("validationActions") or [], "spec.validationActions")


def check_mutating_binding(obj: Obj) -> Errors:
    """A MutatingAdmissionPolicyBinding, new or changed."""
    spec = spec_of(obj)
    return _common(spec) + check_mutable(spec.get("matchResources"), "spec.matchResources")


def _common(spec: Obj) -> Errors:
    policy = spec.get("policyName") or ""
    if policy:
        errors = [invalid("spec.policyName", policy, problem) for problem in is_dns1123_subdomain(policy)]
    else:
        errors = [required("spec.policyName")]
    errors += _params(spec.get("paramRef"), "spec.paramRef")
    return errors + check_match_resources(spec.get("matchResources"), "spec.matchResources")


def _params(given: Obj | None, at: str) -> Errors:
    if given is None:
        return []
    name, selector, action = given.get("name") or "", given.get("selector"), given.get("parameterNotFoundAction")
    errors: Errors = []
    if name:
        errors += [invalid(f"{at}.name", name, problem) for problem in is_path_segment(name)]
        if selector is not None:
            errors.append(forbidden(f"{at}.name", EITHER))
    if selector is not None:
        errors += check_label_selector(selector, f"{at}.selector")
        if name:
            errors.append(forbidden(f"{at}.selector", EITHER))
    if not name and selector is None:
        errors.append(required(at, "one of name or selector must be specified"))
    if not action:
        errors.append(required(f"{at}.parameterNotFoundAction"))
    elif action not in ("Deny", "Allow"):
        errors.append(not_among(f"{at}.parameterNotFoundAction", action, ("Deny", "Allow")))
    return errors


def _actions(actions: list[str], at: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for index, action in enumerate(actions):
        if action not in ACTIONS:
            errors.append(not_supported(f"{at}[{index}]", action, ACTIONS))
        if action in seen:
            errors.append(duplicate(f"{at}[{index}]", action))
        seen.add(action)
    if {"Deny", "Warn"} <= seen:
        errors.append(invalid(at, actions, TWICE))
    return errors if seen else [*errors, required(at, "at least one validation action is required")]
