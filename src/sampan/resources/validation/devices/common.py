"""Checks that classes, claims and slices of devices share (pkg/apis/resource/validation)."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, is_label_value
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
)
from sampan.resources.validation.labels import check_label_name
from sampan.resources.validation.pods.volume_sources import check_driver_name

MOST_ID, MOST_POOL, MOST_CONDITIONS = 32, 253, 4
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NO_IDENTIFIER = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"  # noqa: E501
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NO_UUID = "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters"  # noqa: E501
EFFECTS, OPERATORS = ("NoExecute", "NoSchedule", "None"), ("Equal", "Exists")
Check = Callable[[Any, str], Errors]


def each(items: Sequence[Any], at: str, check: Check, most: int = -1) -> Errors:
    """Every item of a list, unless there are too many."""
    if 0 <= most < len(items):
        return [too_many(at, len(items), most)]
    return [error for index, item in enumerate(items) for error in check(item, f"{at}[{index}]")]


def once(items: Sequence[Any], at: str, check: Check, key: Callable[[Any], Hashable], most: int = -1) -> Errors:
    """Every item of a set."""
    errors = each(items, at, check, most)
    if 0 <= most < len(items):
        return errors
    seen: set[Hashable] = set()
    for index, item in enumerate(items):
        name = key(item)
        if name in seen:
            errors.append(duplicate(f"{at}[{index}]", name))
        seen.add(name)
    return errors


def entries(items: Mapping[str, Any], at: str, check_key: Check, check: Check, longest: int, most: int = -1) -> Errors:
    """Every entry of a map; keys that are longer than `longest` are shortened in paths."""
    if 0 <= most < len(items):
        return [too_many(at, len(items), most)]
    errors: Errors = []
    for key, item in items.items():
        errors += check_key(key, at) + check(item, f"{at}[{shortened(key, longest)}]")
    return errors


def shortened(text: str, longest: int) -> str:
    """A text without its middle, if it is too long."""
    longest = max(16, longest)
    if len(text) <= longest:
        return text
    rest = longest - 3
    return f"{text[: (rest + 1) // 2]}...{text[len(text) - rest // 2 :]}"


def check_label(name: str, at: str) -> Errors:
    """A DNS label: names of devices, requests and counters."""
    return [invalid(at, name, problem) for problem in is_dns1123_label(name)]


def check_pool_name(name: str, at: str) -> Errors:
    """A pool's name: subdomains between slashes."""
    if not name:
        return [required(at)]
    errors: Errors = [too_long(at, MOST_POOL)] if len(name.encode()) > MOST_POOL else []
    return errors + [invalid(at, part, problem) for part in name.split("/") for problem in is_dns1123_subdomain(part)]


def check_uuid(uid: str, at: str) -> Errors:
    """A share's UUID."""
    if UUID.fullmatch(uid):
        return []
    if re.fullmatch(r"\{?(urn:uuid:)?[0-9a-fA-F-]{32,36}\}?", uid):
        return [invalid(at, uid, NO_UUID)]
    return [invalid(at, uid, f"error validating uid: invalid UUID length: {len(uid)}")]


def check_identifier(name: str, at: str) -> Errors:
    """A C identifier of a bounded length."""
    errors: Errors = [too_long(at, MOST_ID)] if len(name.encode()) > MOST_ID else []
    return errors if IDENTIFIER.fullmatch(name) else [*errors, invalid(at, name, NO_IDENTIFIER)]


def check_qualified_name(name: str, at: str) -> Errors:
    """The name of an attribute or a capacity, with a driver's domain or without."""
    parts = name.split("/")
    if len(parts) == 1:
        return check_identifier(name, at)
    if len(parts) > 2:
        return []
    domain, own = parts
    errors = check_driver_name(domain, at) if domain else [invalid(at, "", "the domain must not be empty")]
    return errors + (check_identifier(own, at) if own else [invalid(at, "", "the name must not be empty")])


def check_full_name(name: str, at: str) -> Errors:
    """A qualified name with its domain."""
    errors = check_qualified_name(name, at)
    if "/" not in name:
        errors.append(invalid(at, name, "a fully qualified name must be a domain and a name separated by a slash"))
    return errors


def check_toleration(toleration: Obj, at: str) -> Errors:
    """A DeviceToleration."""
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    errors = check_label_name(key, f"{at}.key") if key else []
    if operator == "Exists":
        if value:
            errors.append(invalid(f"{at}.value", value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        errors += [invalid(f"{at}.value", value, problem) for problem in is_label_value(value)]
    elif not operator:
        errors.append(required(f"{at}.operator"))
    else:
        errors.append(not_supported(f"{at}.operator", operator, OPERATORS))
    if effect and effect not in EFFECTS:
        errors.append(not_supported(f"{at}.effect", effect, EFFECTS))
    return errors


def check_taint(taint: Obj, at: str) -> Errors:
    """A DeviceTaint."""
    value, effect = taint.get("value") or "", taint.get("effect") or ""
    errors = check_label_name(taint.get("key") or "", f"{at}.key")
    errors += [invalid(f"{at}.value", value, problem) for problem in is_label_value(value)]
    if not effect:
        errors.append(required(f"{at}.effect"))
    elif effect not in EFFECTS:
        errors.append(not_supported(f"{at}.effect", effect, EFFECTS))
    return errors


def check_binding(holder: Obj, at: str) -> Errors:
    """bindingConditions and bindingFailureConditions."""
    good, bad = holder.get("bindingConditions") or [], holder.get("bindingFailureConditions") or []
    errors = each(good, f"{at}.bindingConditions", check_label_name, MOST_CONDITIONS)
    errors += each(bad, f"{at}.bindingFailureConditions", check_label_name, MOST_CONDITIONS)
    errors += _repeated(good, f"{at}.bindingConditions")
    seen: set[str] = set()
    for index, condition in enumerate(bad):
        here = f"{at}.bindingFailureConditions[{index}]"
        if condition in seen:
            errors.append(duplicate(here, condition))
        seen.add(condition)
        if condition in good:
            text = "bindingFailureConditions must not overlap with bindingConditions"
            errors.append(invalid(here, condition, text))
    if bad and not good:
        text = "bindingConditions are required to use bindingFailureConditions"
        errors.append(invalid(f"{at}.bindingConditions", holder.get("bindingConditions"), text))
    if good and not bad:
        text = "bindingFailureConditions are required to use bindingConditions"
        errors.append(invalid(f"{at}.bindingFailureConditions", holder.get("bindingFailureConditions"), text))
    return errors


def _repeated(names: Iterable[str], at: str) -> Errors:
    seen: set[str] = set()
    errors: Errors = []
    for index, name in enumerate(names):
        if name in seen:
            errors.append(duplicate(f"{at}[{index}]", name))
        seen.add(name)
    return errors


def check_json_object(value: Any, at: str, size: int, most: int) -> Errors:
    """Data of any fields (RawExtension); `size` is its length as JSON."""
    if size > most:
        return [too_long(at, most)]
    if value is None:
        return [required(at)]
    return [] if isinstance(value, dict) else [invalid(at, "<value omitted>", "must be a valid JSON object")]
