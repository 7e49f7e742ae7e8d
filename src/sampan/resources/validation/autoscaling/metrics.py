"""What is wrong with the metrics of autoscalers (autoscaling validation: validateMetricSpec)."""

from collections.abc import Callable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_path_segment
from sampan.api.quantity import canonical, number
from sampan.resources.strategies.checks import Errors, forbidden, invalid, named, not_supported, required
from sampan.resources.validation.quantities import check_container_resource_name

KINDS = {
    "Object": "object", "External": "external", "Pods": "pods", "Resource": "resource",
    "ContainerResource": "containerResource",
}  # fmt: skip
TARGETS = ("Utilization", "Value", "AverageValue")


def check_metric(metric: Obj, at: str, *, any_version: bool) -> Errors:
    """A MetricSpec; `any_version`: objects may be named with API versions that are none."""
    kind = metric.get("type") or ""
    errors: Errors = [] if kind else [required(f"{at}.type", "must specify a metric source type")]
    if kind not in KINDS:
        errors.append(not_supported(f"{at}.type", kind, KINDS))
    present = [key for key in KINDS.values() if metric.get(key) is not None]
    if present:
        first = present[0]
        if first == "object":
            errors += _object(metric[first], f"{at}.object", any_version)
        else:
            errors += SOURCES[first](metric[first], f"{at}.{first}")
    own = KINDS.get(kind)
    if own is None:
        errors.append(not_supported(f"{at}.type", kind, KINDS))
    elif own not in present:
        errors.append(required(f"{at}.{own}", "must populate information for the given metric source"))
    if len(present) > 1:
        why = "must populate the given metric source only"
        errors += [forbidden(f"{at}.{key}", why) for key in present if key != own]
    return errors


def check_reference(reference: Obj, at: str, *, any_version: bool) -> Errors:
    """A CrossVersionObjectReference, of the core group or another."""
    errors: Errors = []
    for key in ("kind", "name"):
        value, here = reference.get(key) or "", f"{at}.{key}"
        errors += [invalid(here, value, problem) for problem in is_path_segment(value)] if value else [required(here)]
    version = reference.get("apiVersion") or ""
    if not any_version and version.count("/") > 1:
        errors.append(invalid(f"{at}.apiVersion", version, f"unexpected GroupVersion string: {version}"))
    return errors


def _identifier(source: Obj, at: str) -> Errors:
    name = (source.get("metric") or {}).get("name") or ""
    if not name:
        return [required(f"{at}.metric.name", "must specify a metric name")]
    return [invalid(f"{at}.metric.name", name, problem) for problem in is_path_segment(name)]


def _target(target: Obj, at: str) -> Errors:
    kind, percent = target.get("type") or "", target.get("averageUtilization")
    errors: Errors = [] if kind else [required(f"{at}.type", "must specify a metric target type")]
    if kind not in TARGETS:
        errors.append(invalid(f"{at}.type", named(kind), "must be either Utilization, Value, or AverageValue"))
    for key in ("value", "averageValue"):
        amount = target.get(key)
        if amount is not None and number(amount) <= 0:
            errors.append(invalid(f"{at}.{key}", canonical(str(amount)), "must be positive"))
    if percent is not None and percent < 1:
        errors.append(invalid(f"{at}.averageUtilization", percent, "must be greater than 0"))
    return errors


def _object(source: Obj, at: str, any_version: bool) -> Errors:
    target, here = source.get("target") or {}, f"{at}.target"
    described = source.get("describedObject") or {}
    errors = check_reference(described, f"{at}.describedObject", any_version=any_version)
    errors += _identifier(source, at) + _target(target, here)
    if target.get("value") is None and target.get("averageValue") is None:
        errors.append(required(f"{here}.averageValue", "must set either a target value or averageValue"))
    return errors


def _external(source: Obj, at: str) -> Errors:
    target, here = source.get("target") or {}, f"{at}.target"
    errors = _identifier(source, at) + _target(target, here)
    value, average = target.get("value"), target.get("averageValue")
    if value is None and average is None:
        why = "must set either a target value for metric or a per-pod target"
        errors.append(required(f"{here}.averageValue", why))
    if value is not None and average is not None:
        why = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(f"{here}.value", why))
    return errors


def _pods(source: Obj, at: str) -> Errors:
    target, here = source.get("target") or {}, f"{at}.target"
    errors = _identifier(source, at) + _target(target, here)
    if target.get("averageValue") is None:
        errors.append(required(f"{here}.averageValue", "must specify a positive target averageValue"))
    return errors


def _resource(source: Obj, at: str) -> Errors:
    errors: Errors = [] if source.get("name") else [required(f"{at}.name", "must specify a resource name")]
    return errors + _usage(source.get("target") or {}, f"{at}.target")


def _container_resource(source: Obj, at: str) -> Errors:
    name, container = source.get("name") or "", source.get("container") or ""
    errors: Errors = []
    if name:
        errors += check_container_resource_name(name, f"{at}.name")
    else:
        errors.append(required(f"{at}.name", "must specify a resource name"))
    if container:
        errors += [invalid(f"{at}.container", container, problem) for problem in is_dns1123_label(container)]
    else:
        errors.append(required(f"{at}.container", "must specify a container"))
    return errors + _usage(source.get("target") or {}, f"{at}.target")


def _usage(target: Obj, at: str) -> Errors:
    errors = _target(target, at)
    percent, value = target.get("averageUtilization"), target.get("averageValue")
    if percent is None and value is None:
        why = "must set either a target raw value or a target utilization"
        errors.append(required(f"{at}.averageUtilization", why))
    if percent is not None and value is not None:
        why = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(f"{at}.averageValue", why))
    return errors


SOURCES: dict[str, Callable[[Obj, str], Errors]] = {
    "external": _external, "pods": _pods, "resource": _resource, "containerResource": _container_resource,
}  # fmt: skip
