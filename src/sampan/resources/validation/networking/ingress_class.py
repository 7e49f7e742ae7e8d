"""What is wrong with an IngressClass (networking validation: ValidateIngressClass)."""

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    spec_of,
    too_long,
)
from sampan.resources.validation.networking.ingress import check_reference
from sampan.resources.validation.paths import check_domain_prefixed

MOST_CONTROLLER = 250
SCOPES = ("Cluster", "Namespace")


def check_ingress_class(obj: Obj) -> Errors:
    """Controller and parameters."""
    spec = spec_of(obj)
    controller, parameters = spec.get("controller") or "", spec.get("parameters")
    errors: Errors = []
    if len(controller.encode()) > MOST_CONTROLLER:
        errors.append(too_long("spec.controller", MOST_CONTROLLER))
    errors += check_domain_prefixed(controller, "spec.controller")
    return errors if parameters is None else errors + _parameters(parameters, "spec.parameters")


def check_controller_kept(new: Obj, old: Obj) -> Errors:
    """The controller of a class stays."""
    controller = spec_of(new).get("controller") or ""
    return immutable("spec.controller", controller, spec_of(old).get("controller") or "")


def _parameters(parameters: Obj, at: str) -> Errors:
    errors = check_reference(parameters, at)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        errors.append(required(f"{at}.scope"))
    elif scope not in SCOPES:
        errors.append(not_supported(f"{at}.scope", scope, SCOPES))
    elif scope == "Namespace":
        if namespace is None:
            errors.append(required(f"{at}.namespace", "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += [invalid(f"{at}.namespace", namespace, text) for text in is_dns1123_label(namespace)]
    elif namespace is not None:
        errors.append(forbidden(f"{at}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return errors
