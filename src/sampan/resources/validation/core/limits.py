"""What is wrong with a LimitRange (core validation: ValidateLimitRange)."""

from collections.abc import Mapping
from decimal import Decimal

from sampan.api.json import Obj
from sampan.api.meta import is_qualified_name
from sampan.api.quantity import canonical, milli_value, number, value
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    duplicate,
    forbidden,
    invalid,
    marshalled,
    required,
    spec_of,
)
from sampan.resources.validation.quantities import (
    HUGE,
    check_container_resource_name,
    check_resource_name,
    is_native,
)

TYPES = ("Container", "PersistentVolumeClaim", "Pod")
FIELDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
MOST_MILLI = (1 << 63) // 1000
"""What is larger cannot be counted in thousandths (MaxMilliValue)."""


def check_limit_range(obj: Obj) -> Errors:
    """Each limit, and each type once."""
    errors: Errors = []
    seen: set[str] = set()
    for index, limit in enumerate(spec_of(obj).get("limits") or ()):
        at, kind = f"spec.limits[{index}]", limit.get("type") or ""
        errors += _type(kind, f"{at}.type")
        if kind in seen:
            errors.append(duplicate(f"{at}.type", Shown(marshalled(kind))))
        seen.add(kind)
        errors += _limit(limit, kind, at)
    return errors


def _type(kind: str, at: str) -> Errors:
    shown = Shown(marshalled(kind))
    errors = [invalid(at, shown, text) for text in is_qualified_name(kind)]
    if not errors and "/" not in kind and kind not in TYPES:
        errors.append(invalid(at, shown, "must be a standard limit type or fully qualified"))
    return errors


def _limit(limit: Obj, kind: str, at: str) -> Errors:
    check = check_container_resource_name if kind in ("Pod", "Container") else check_resource_name
    amounts: dict[str, Mapping[str, str]] = {key: limit.get(key) or {} for key in FIELDS}
    errors: Errors = []
    for key in FIELDS:
        if key == "maxLimitRequestRatio":
            errors += _storage(kind, amounts, at)
        if kind == "Pod" and key in ("default", "defaultRequest"):
            if amounts[key]:
                errors.append(forbidden(f"{at}.{key}", "may not be specified when `type` is 'Pod'"))
            amounts[key] = {}
        for name in amounts[key]:
            errors += check(name, f"{at}.{key}[{name}]")
    names = dict.fromkeys(name for key in FIELDS for name in amounts[key])
    for name in names:
        errors += _related(name, {key: amounts[key][name] for key in FIELDS if name in amounts[key]}, at)
    return errors


def _storage(kind: str, amounts: Mapping[str, Mapping[str, str]], at: str) -> Errors:
    if kind != "PersistentVolumeClaim" or "storage" in amounts["min"] or "storage" in amounts["max"]:
        return []
    why = "either minimum or maximum storage value is required, but neither was provided"
    return [required(f"{at}.limits", why)]


ORDER = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""What may not be greater than what, the field that is blamed, the value that is shown, and why."""


def _related(name: str, amounts: Mapping[str, str], at: str) -> Errors:
    errors: Errors = []
    for low, high, blamed, seen, why in ORDER:
        if low in amounts and high in amounts and number(amounts[low]) > number(amounts[high]):
            text = why.format(canonical(amounts[low]), canonical(amounts[high]))
            errors.append(invalid(f"{at}.{blamed}[{name}]", canonical(amounts[seen]), text))
    errors += _ratio(name, amounts, at)
    both = "default" in amounts and "defaultRequest" in amounts
    if both and (not is_native(name) or name.startswith(HUGE)):
        default, request = amounts["default"], amounts["defaultRequest"]
        if number(default) != number(request):
            why = (
                f"default value {canonical(default)} must equal to defaultRequest value {canonical(request)} in {name}"
            )
            errors.append(invalid(f"{at}.defaultRequest[{name}]", canonical(request), why))
    return errors


def _ratio(name: str, amounts: Mapping[str, str], at: str) -> Errors:
    if "maxLimitRequestRatio" not in amounts:
        return []
    ratio, here = amounts["maxLimitRequestRatio"], f"{at}.maxLimitRequestRatio[{name}]"
    errors: Errors = []
    if number(ratio) < 1:
        errors.append(invalid(here, canonical(ratio), f"ratio {canonical(ratio)} is less than 1"))
    if "min" in amounts and "max" in amounts:
        trio = (ratio, amounts["min"], amounts["max"])
        if all(value(amount) < MOST_MILLI for amount in trio):
            wanted = Decimal(milli_value(ratio)) / 1000
            low, high = milli_value(trio[1]), milli_value(trio[2])
        else:
            wanted, low, high = Decimal(value(ratio)), value(trio[1]), value(trio[2])
        most = high / low if low else float("inf") if high else float("nan")
        if float(wanted) > most:
            shown = "+Inf" if most == float("inf") else f"{most:f}"
            errors.append(
                invalid(here, canonical(ratio), f"ratio {canonical(ratio)} is greater than max/min = {shown}")
            )
    return errors
