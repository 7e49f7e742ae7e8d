"""What is wrong with claims on devices and templates of them (resource validation: ValidateResourceClaim)."""

from collections.abc import Mapping
from functools import lru_cache, partial

from sampan.api.errors import FieldError
from sampan.api.json import Obj, dumps
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    invalid,
    not_supported,
    required,
    spec_of,
    too_long,
)
from sampan.resources.validation.devices.common import (
    check_full_name,
    check_json_object,
    check_label,
    check_toleration,
    each,
    once,
)
from sampan.resources.validation.pods.volume_sources import check_driver_name, check_template_meta

MODES = ("All", "ExactCount")
MOST, MOST_ALTERNATIVES, MOST_EXPRESSION, MOST_PARAMETERS = 32, 8, 10 * 1024, 10 * 1024
ONE = "exactly one of `exactly` or `firstAvailable` is required"
ONE_ATTRIBUTE = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
Names = Mapping[str, frozenset[str]]
"""Names of requests with those of their alternatives."""


def check_claim(obj: Obj) -> Errors:
    """A new claim."""
    return check_claim_spec(spec_of(obj), "spec")


def check_template(obj: Obj) -> Errors:
    """A new template."""
    spec = spec_of(obj)
    errors = check_template_meta(spec.get("metadata") or {}, "spec.metadata")
    return errors + check_claim_spec(spec.get("spec") or {}, "spec.spec")


def check_claim_spec(spec: Obj, at: str) -> Errors:
    """What a claim asks for."""
    devices, at = spec.get("devices") or {}, f"{at}.devices"
    names = request_names(devices)
    errors = once(devices.get("requests") or [], f"{at}.requests", _request, _name, MOST)
    errors += each(devices.get("constraints") or [], f"{at}.constraints", partial(_constraint, names), MOST)
    return errors + each(devices.get("config") or [], f"{at}.config", partial(_config, names), MOST)


def request_names(devices: Obj) -> Names:
    """The names that constraints and results may refer to."""
    return {
        request.get("name") or "": frozenset(sub.get("name") or "" for sub in request.get("firstAvailable") or ())
        for request in devices.get("requests") or ()
    }


def check_reference(names: Names, name: str, at: str) -> Errors:
    """A request's name, or with a slash one of its alternatives'."""
    errors = [error for part in name.split("/") for error in _request_name(part, at)] if name.count("/") < 2 else []
    first, slash, rest = name.partition("/")
    if first not in names or (slash and rest not in names[first]):
        errors.append(
            invalid(
                at,
                name,
                "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
            )
        )
    return errors


def _name(request: Obj) -> str:
    return request.get("name") or ""


def _request_name(name: str, at: str) -> Errors:
    return check_label(name, at)


def _request(request: Obj, at: str) -> Errors:
    errors = _request_name(_name(request), f"{at}.name")
    exactly, either = request.get("exactly"), request.get("firstAvailable") or []
    if exactly is None and not either:
        return [*errors, required(at, ONE)]
    if exactly is not None and either:
        return [*errors, invalid(at, None, f"{ONE}, but multiple fields are set")]
    if either:
        return errors + once(either, f"{at}.firstAvailable", _alternative, _name, MOST_ALTERNATIVES)
    return errors + _wish(exactly or {}, f"{at}.exactly")


def _alternative(request: Obj, at: str) -> Errors:
    return _request_name(_name(request), f"{at}.name") + _wish(request, at)


def _wish(request: Obj, at: str) -> Errors:
    device_class, mode, count = (
        request.get("deviceClassName") or "",
        request.get("allocationMode") or "",
        request.get("count") or 0,
    )
    here = f"{at}.deviceClassName"
    errors = [invalid(here, device_class, p) for p in is_dns1123_subdomain(device_class)] if device_class else []
    errors += [] if device_class else [required(here)]
    errors += check_selectors(request.get("selectors") or [], f"{at}.selectors")
    if mode == "All":
        if count:
            errors.append(invalid(f"{at}.count", count, "must not be specified when allocationMode is 'All'"))
    elif mode == "ExactCount":
        if count <= 0:
            errors.append(invalid(f"{at}.count", count, "must be greater than zero"))
    else:
        errors.append(not_supported(f"{at}.allocationMode", mode, MODES))
    return errors + each(request.get("tolerations") or [], f"{at}.tolerations", check_toleration)


def check_selectors(selectors: list[Obj], at: str) -> Errors:
    """CEL selectors of devices."""
    return each(selectors, at, _selector, MOST)


def _selector(selector: Obj, at: str) -> Errors:
    cel = selector.get("cel")
    if cel is None:
        return [required(f"{at}.cel")]
    source, here = cel.get("expression") or "", f"{at}.cel.expression"
    if len(source.encode()) > MOST_EXPRESSION:
        return [too_long(here, MOST_EXPRESSION)]
    wrong, costly, internal = _compiled(source)
    if internal:
        return [FieldError("InternalError", here, f"Internal error: {wrong}")]
    if wrong:
        return [invalid(here, source, wrong)]
    return [forbidden(here, "too complex, exceeds cost limit")] if costly else []


@lru_cache(maxsize=256)
def _compiled(source: str) -> tuple[str, bool, bool]:
    from sampan.resources.device_selectors import Selector

    found = Selector(source)
    return found.wrong, found.costly, found.internal


def _constraint(names: Names, constraint: Obj, at: str) -> Errors:
    errors = _references(names, constraint, at)
    match, distinct = constraint.get("matchAttribute"), constraint.get("distinctAttribute")
    if match is not None:
        return errors + check_full_name(match, f"{at}.matchAttribute")
    if distinct is not None:
        return errors + check_full_name(distinct, f"{at}.distinctAttribute")
    return [*errors, required(at, ONE_ATTRIBUTE)]


def _references(names: Names, holder: Obj, at: str) -> Errors:
    return once(holder.get("requests") or [], f"{at}.requests", partial(check_reference, names), str, MOST)


def _config(names: Names, config: Obj, at: str) -> Errors:
    return _references(names, config, at) + check_config(config, at)


def check_config(config: Obj, at: str) -> Errors:
    """Parameters for a driver."""
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{at}.opaque")]
    parameters = opaque.get("parameters")
    errors = check_driver_name(opaque.get("driver") or "", f"{at}.opaque.driver")
    size = len(dumps(parameters))
    return errors + check_json_object(parameters, f"{at}.opaque.parameters", size, MOST_PARAMETERS)


def check_class(obj: Obj) -> Errors:
    """A DeviceClass."""
    from sampan.resources.validation.quantities import is_extended

    spec = spec_of(obj)
    errors = check_selectors(spec.get("selectors") or [], "spec.selectors")
    errors += each(spec.get("config") or [], "spec.config", check_config, MOST)
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended(name):
        errors.append(invalid("spec.extendedResourceName", name, "must be a valid extended resource name"))
    return errors
