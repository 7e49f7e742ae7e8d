"""What is wrong with the devices that a driver offers (resource validation: ValidateResourceSlice)."""

import re
from collections.abc import Sequence
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.api.quantity import add, canonical, compare, value
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    required,
    spec_of,
    too_long,
)
from sampan.resources.validation.devices.common import (
    check_binding,
    check_label,
    check_pool_name,
    check_qualified_name,
    check_taint,
    each,
    entries,
    once,
)
from sampan.resources.validation.node_selector import check_node_selector
from sampan.resources.validation.pods.volume_sources import check_driver_name

MOST_DEVICES, MOST_ADVANCED, MOST_SETS, MOST_COUNTERS, MOST_CONSUMED = 128, 64, 8, 32, 2
MOST_ATTRIBUTES, MOST_VALUES, MOST_VALUE, MOST_TAINTS, MOST_OPTIONS = 32, 48, 64, 16, 10
LONGEST_KEY, LONGEST_LABEL = 96, 63
NODES = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
OF_DEVICE = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec"  # noqa: E501
NOT_OF_DEVICE = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec"  # noqa: E501
TRUE_OR_NOT = "must be either unset or set to true"
PART = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
SEMVER = re.compile(
    rf"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-{PART}(\.{PART})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?", re.ASCII
)
NO_SEMVER = "must be a string compatible with semver.org spec 2.0.0"
ONE_VALUE = "exactly one value must be specified"
TWO_POLICIES = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'


def check_slice(obj: Obj) -> Errors:
    """A new slice."""
    return _slice(spec_of(obj), None)


def check_slice_update(new: Obj, old: Obj) -> Errors:
    """A new state of a slice."""
    return _slice(spec_of(new), spec_of(old))


def warn_slice(obj: Obj) -> list[str]:
    """Upper case in the driver's name."""
    driver = spec_of(obj).get("driver") or ""
    if driver == driver.lower():
        return []
    return [f'spec.driver: driver names should be lowercase; "{driver}" contains uppercase characters']


def _slice(spec: Obj, old: Obj | None) -> Errors:
    driver, pool = spec.get("driver") or "", spec.get("pool") or {}
    errors = check_driver_name(driver, "spec.driver") + _pool(pool, "spec.pool")
    if old is not None:
        pairs = (
            ("pool.name", pool.get("name") or "", (old.get("pool") or {}).get("name") or ""),
            ("driver", driver, old.get("driver") or ""),
            ("nodeName", spec.get("nodeName"), old.get("nodeName")),
        )
        errors += [invalid(f"spec.{key}", new, IMMUTABLE) for key, new, before in pairs if new != before]
    errors += _nodes(spec, "spec")
    devices, counters = spec.get("devices"), spec.get("sharedCounters")
    if devices is not None and counters is not None:
        errors.append(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    advanced = any(device.get("taints") or device.get("consumesCounters") for device in devices or ())
    most = MOST_ADVANCED if advanced else MOST_DEVICES
    before = {device.get("name") or "": device for device in (old or {}).get("devices") or ()}
    each_device = partial(_device, before, bool(spec.get("perDeviceNodeSelection")))
    errors += once(devices or [], "spec.devices", each_device, lambda device: device.get("name") or "", most)
    return errors + once(counters or [], "spec.sharedCounters", _set, lambda one: one.get("name") or "", MOST_SETS)


def _pool(pool: Obj, at: str) -> Errors:
    errors = check_pool_name(pool.get("name") or "", f"{at}.name")
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        errors.append(invalid(f"{at}.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        errors.append(invalid(f"{at}.generation", generation, "must be greater than or equal to zero"))
    return errors


def _nodes(spec: Obj, at: str) -> Errors:
    chosen: list[str] = []
    errors = _node_name(spec, at, chosen, "must be either unset or set to a non-empty string")
    selector = spec.get("nodeSelector")
    if selector is not None:
        chosen.append("`nodeSelector`")
        errors += check_node_selector(selector, f"{at}.nodeSelector")
        terms = selector.get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            text = "must have exactly one node selector term"
            errors.append(invalid(f"{at}.nodeSelector.nodeSelectorTerms", _shown_terms(terms), text))
    errors += _flag(spec, "allNodes", at, chosen) + _flag(spec, "perDeviceNodeSelection", at, chosen)
    if not chosen:
        errors.append(required(at, NODES))
    elif len(chosen) > 1:
        errors.append(invalid(at, f"{{{', '.join(chosen)}}}", f"{NODES}, but multiple fields are set"))
    return errors


def _shown_terms(terms: Sequence[Obj] | None) -> Shown:
    if terms is None:
        return Shown("null")

    def requirements(given: Sequence[Obj] | None) -> list[Obj] | None:
        if given is None:
            return None
        return [{"Key": r.get("key", ""), "Operator": r.get("operator", ""), "Values": r.get("values")} for r in given]

    parts = (("MatchExpressions", "matchExpressions"), ("MatchFields", "matchFields"))
    return Shown(marshalled([{name: requirements(term.get(key)) for name, key in parts} for term in terms]))


def _node_name(holder: Obj, at: str, chosen: list[str], empty: str) -> Errors:
    name = holder.get("nodeName")
    if name is None:
        return []
    if not name:
        return [invalid(f"{at}.nodeName", name, empty)]
    chosen.append("`nodeName`")
    return [invalid(f"{at}.nodeName", name, problem) for problem in is_dns1123_subdomain(name)]


def _flag(holder: Obj, key: str, at: str, chosen: list[str]) -> Errors:
    flag = holder.get(key)
    if flag is None:
        return []
    if not flag:
        return [invalid(f"{at}.{key}", flag, TRUE_OR_NOT)]
    chosen.append(f"`{key}`")
    return []


def _set(counters: Obj, at: str) -> Errors:
    name = counters.get("name") or ""
    errors = check_label(name, f"{at}.name") if name else [required(f"{at}.name")]
    return errors + _counters(counters.get("counters") or {}, f"{at}.counters")


def _counters(counters: Obj, at: str) -> Errors:
    if not counters:
        return [required(at)]
    return entries(counters, at, check_label, lambda counter, here: [], LONGEST_LABEL, MOST_COUNTERS)


def _consumption(consumption: Obj, at: str) -> Errors:
    name = consumption.get("counterSet") or ""
    errors = check_label(name, f"{at}.counterSet") if name else [required(f"{at}.counterSet")]
    return errors + _counters(consumption.get("counters") or {}, f"{at}.counters")


def _device(before: dict[str, Obj], of_device: bool, device: Obj, at: str) -> Errors:
    name = device.get("name") or ""
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    errors = check_label(name, f"{at}.name")
    if len(attributes) + len(capacity) > MOST_ATTRIBUTES:
        text = f"the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}"
        errors.append(invalid(at, len(attributes) + len(capacity), text))
    if len(attributes) > MOST_VALUES:
        text = f"the total number of attribute values must not exceed {MOST_VALUES}"
        errors.append(invalid(at, len(attributes), text))
    errors += entries(attributes, f"{at}.attributes", check_qualified_name, _attribute, LONGEST_KEY)
    shared = bool(device.get("allowMultipleAllocations"))
    errors += entries(capacity, f"{at}.capacity", check_qualified_name, partial(_capacity, shared), LONGEST_KEY)
    taints = device.get("taints") or []
    if name not in before or (before[name].get("taints") or []) != taints:
        errors += each(taints, f"{at}.taints", check_taint, MOST_TAINTS)
    consumed = device.get("consumesCounters") or []
    errors += once(
        consumed, f"{at}.consumesCounters", _consumption, lambda one: one.get("counterSet") or "", MOST_CONSUMED
    )
    return errors + _nodes_of(device, of_device, at) + check_binding(device, at)


def _nodes_of(device: Obj, of_device: bool, at: str) -> Errors:
    if not of_device:
        given = any(device.get(key) is not None for key in ("nodeName", "nodeSelector", "allNodes"))
        return [invalid(at, None, NOT_OF_DEVICE)] if given else []
    chosen: list[str] = []
    errors = _node_name(device, at, chosen, "must not be empty")
    if device.get("nodeSelector") is not None:
        chosen.append("`nodeSelector`")
        errors += check_node_selector(device["nodeSelector"], f"{at}.nodeSelector")
    errors += _flag(device, "allNodes", at, chosen)
    if not chosen:
        errors.append(required(at, OF_DEVICE))
    elif len(chosen) > 1:
        errors.append(invalid(at, f"{{{', '.join(chosen)}}}", OF_DEVICE))
    return errors


def _attribute(attribute: Obj, at: str) -> Errors:
    errors: Errors = []
    text, version = attribute.get("string"), attribute.get("version")
    if text is not None and len(text.encode()) > MOST_VALUE:
        errors.append(too_long(f"{at}.string", MOST_VALUE))
    if version is not None:
        if not SEMVER.fullmatch(version):
            errors.append(invalid(f"{at}.version", version, NO_SEMVER))
        if len(version.encode()) > MOST_VALUE:
            errors.append(too_long(f"{at}.version", MOST_VALUE))
    given = sum(attribute.get(key) is not None for key in ("bool", "int", "string", "version"))
    if not given:
        errors.append(invalid(at, "", ONE_VALUE))
    elif given > 1:
        keys = (("IntValue", "int"), ("BoolValue", "bool"), ("StringValue", "string"), ("VersionValue", "version"))
        lists = dict.fromkeys(("IntValues", "BoolValues", "StringValues", "VersionValues"))
        shown = Shown(marshalled({**{name: attribute.get(key) for name, key in keys}, **lists}))
        errors.append(invalid(at, shown, ONE_VALUE))
    return errors


def _capacity(shared: bool, capacity: Obj, at: str) -> Errors:
    policy, here = capacity.get("requestPolicy"), f"{at}.requestPolicy"
    if policy is None:
        return []
    if not shared:
        return [forbidden(here, "allowMultipleAllocations must be true")]
    values, bounds, default = policy.get("validValues") or [], policy.get("validRange"), policy.get("default")
    if values and bounds is not None:
        return [forbidden(here, TWO_POLICIES)]
    most = str(capacity.get("value") or "0")
    if values:
        if default is None:
            return [required(f"{here}.default", "required when validValues is defined")]
        return _options(str(default), most, [str(one) for one in values], f"{here}.validValues")
    if bounds is not None:
        if default is None:
            return [required(f"{here}.default", "required when validRange is defined")]
        return _range(str(default), most, bounds, f"{here}.validRange")
    return []


def _options(default: str, most: str, options: list[str], at: str) -> Errors:
    errors: Errors = []
    for index in range(1, len(options)):
        if compare(options[index - 1], options[index]) > 0:
            text = "values must be sorted in ascending order"
            errors.append(invalid(f"{at}[{index}]", canonical(options[index]), text))

    def option(one: str, here: str) -> Errors:
        text = f"option is larger than capacity value: {canonical(most)}"
        return [invalid(here, canonical(one), text)] if compare(one, most) > 0 else []

    errors += once(options, at, option, lambda one: str(value(one)), MOST_OPTIONS)
    if len(options) > MOST_OPTIONS or not any(compare(one, default) == 0 for one in options):
        text = "default value is not valid according to the requestPolicy"
        errors.append(invalid(at, canonical(default), text))
    return errors


def _range(default: str, capacity: str, bounds: Obj, at: str) -> Errors:
    low, high, step = bounds.get("min"), bounds.get("max"), bounds.get("step")
    if low is None:
        return [required(f"{at}.min", "required when validRange is defined")]
    errors: Errors = []

    def wrong(key: str, shown: str, text: str, limit: str) -> None:
        errors.append(invalid(f"{at}.{key}", canonical(shown), f"{text}: {canonical(limit)}"))

    if compare(low, capacity) > 0:
        wrong("min", low, "min is larger than capacity value", capacity)
    if compare(default, low) < 0:
        wrong("min", default, "default is less than min", low)
    if high is not None:
        if compare(low, high) > 0:
            wrong("max", low, "min is larger than max", high)
        if compare(high, capacity) > 0:
            wrong("max", high, "max is larger than capacity value", capacity)
        if compare(default, high) > 0:
            wrong("max", default, "default is more than max", high)
    if step is not None:
        errors += _steps(default, capacity, (low, high, step), f"{at}.step")
    return errors


def _steps(default: str, capacity: str, bounds: tuple[str, str | None, str], at: str) -> Errors:
    low, high, step = bounds
    errors: Errors = []
    first = add(low, step)
    if compare(first, capacity) > 0:
        text = f"one step {canonical(first)} is larger than capacity value: {canonical(capacity)}"
        errors.append(invalid(at, canonical(step), text))
    for one in (default, high):
        if one is not None and value(step) and (value(one) - value(low)) % value(step):
            text = f"value is not a multiple of a given step ({canonical(step)}) from ({canonical(low)})"
            errors.append(invalid(at, canonical(one), text))
    return errors
