"""What is wrong with a Node (core validation: ValidateNode, ValidateNodeUpdate)."""

import json
import re
from collections.abc import Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_config_key, is_dns1123_label, is_dns1123_subdomain, is_label_value
from sampan.api.quote import go_quoted
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_among,
    required,
    spec_of,
)
from sampan.resources.validation.cidr import check_cidr, parse_cidr, warn_cidr
from sampan.resources.validation.go_struct import Pointer, Table, shown_struct
from sampan.resources.validation.labels import check_label_name
from sampan.resources.validation.quantities import check_amount

TAINTS, AVOID = "scheduler.alpha.kubernetes.io/taints", "scheduler.alpha.kubernetes.io/preferAvoidPods"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*")
TAINT: Table = (("Key", "key", ""), ("Value", "value", ""), ("Effect", "effect", ""), ("TimeAdded", "timeAdded", None))
ADDRESS: Table = (("Type", "type", ""), ("Address", "address", ""))
CONFIG_MAP: Table = (
    ("Namespace", "namespace", ""), ("Name", "name", ""), ("UID", "uid", ""),
    ("ResourceVersion", "resourceVersion", ""), ("KubeletConfigKey", "kubeletConfigKey", ""),
)  # fmt: skip
SOURCE: Table = (("ConfigMap", "configMap", Pointer(CONFIG_MAP)),)
ONE_REFERENCE = "exactly one reference subfield must be non-nil"
ONCE = 'node updates may not change {} except from "" to valid'


def _status(obj: Obj) -> Obj:
    return obj.get("status") or {}


def check_node(obj: Obj) -> Errors:
    """A new node."""
    spec, status = spec_of(obj), _status(obj)
    errors = _annotations(obj) + _taints(spec.get("taints") or (), "metadata.taints") + _resources(status)
    swap = ((status.get("nodeInfo") or {}).get("swap") or {}).get("capacity")
    if swap is not None and swap <= 0:
        errors.append(invalid("metadata.nodeSwapStatus.capacity", swap, "must be greater than zero"))
    return errors + _features(status.get("declaredFeatures") or ()) + _cidrs(spec.get("podCIDRs") or [])


def check_node_update(new: Obj, old: Obj) -> Errors:
    """A changed node, or one whose status changed."""
    spec, status, before = spec_of(new), _status(new), spec_of(old)
    errors = _annotations(new) + _resources(status) + _features(status.get("declaredFeatures") or ())
    seen: list[Obj] = []
    for index, address in enumerate(status.get("addresses") or ()):
        if address in seen:
            errors.append(duplicate(f"status.addresses[{index}]", shown_struct(address, ADDRESS)))
        seen.append(address)
    errors += _kept(spec, before)
    if spec.get("configSource") is not None:
        errors += _source(spec["configSource"], "spec.configSource", in_spec=True)
    config = status.get("config") or {}
    for key in ("assigned", "active", "lastKnownGood"):
        if config.get(key) is not None:
            errors += _source(config[key], f"status.config.{key}", in_spec=False)
    errors += _taints(spec.get("taints") or (), "metadata.taints")
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors


def _kept(spec: Obj, before: Obj) -> Errors:
    """What is given to a node once."""
    errors: Errors = []
    had, has = before.get("podCIDRs") or [], spec.get("podCIDRs") or []
    changes = (len(had) != len(has) or sum(a != b for a, b in zip(had, has, strict=True))) if had else 0
    errors += [forbidden("spec.podCIDRs", ONCE.format("podCIDR"))] * int(changes)
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        errors.append(forbidden("spec.providerID", ONCE.format("providerID")))
    return errors


def _cidrs(cidrs: list[str]) -> Errors:
    at = "spec.podCIDRs"
    errors: Errors = []
    for index, cidr in enumerate(cidrs):
        errors += check_cidr(cidr, f"{at}[{index}]")
    if len(cidrs) < 2:
        return errors
    parsed = [parse_cidr(cidr) for cidr in cidrs]
    bad = parsed.index(None) if None in parsed else None
    if bad is not None:
        why = f"invalid CIDR[{bad}]: <nil> (invalid CIDR address: {cidrs[bad]})"
        why = f"invalid PodCIDRs. failed to check with dual stack with error:{why}"
        errors.append(required(at)._replace(reason="InternalError", message=f"Internal error: {why}"))
    versions = {found[1].version for found in parsed if found is not None}
    if bad is not None or len(versions) < 2 or len(cidrs) > 2:
        errors.append(invalid(at, cidrs, "may specify no more than one CIDR for each IP family"))
    return errors


def _resources(status: Obj) -> Errors:
    errors: Errors = []
    for key in ("capacity", "allocatable"):
        for name, amount in (status.get(key) or {}).items():
            errors += check_amount(name, amount, f"status.{key}.{name}")
    return errors


def _features(features: Sequence[str]) -> Errors:
    errors: Errors = []
    at = "status.declaredFeatures"
    for index, feature in enumerate(features):
        if problem := _feature(feature):
            errors.append(invalid(f"{at}[{index}]", feature, f"invalid feature name {go_quoted(feature)}: {problem}"))
        if index + 1 < len(features):
            following, here = features[index + 1], f"{at}[{index + 1}]"
            if feature == following:
                errors.append(duplicate(here, following))
            elif feature > following:
                errors.append(invalid(here, following, "list must be sorted alphabetically"))
    return errors


def _feature(name: str) -> str:
    if len(name.encode()) > 253:
        return "must be no more than 253 characters"
    if FEATURE.fullmatch(name):
        return ""
    return (
        "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or "
        "MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
    )


def _taints(taints: Sequence[Obj], at: str) -> Errors:
    errors: Errors = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        here, key, effect = f"{at}[{index}]", taint.get("key") or "", taint.get("effect") or ""
        errors += check_label_name(key, f"{here}.key")
        value = taint.get("value") or ""
        if problems := is_label_value(value):
            errors.append(invalid(f"{here}.value", value, ";".join(problems)))
        if not effect:
            errors.append(required(f"{here}.effect"))
        elif effect not in EFFECTS:
            errors.append(not_among(f"{here}.effect", effect, EFFECTS))
        if (key, effect) in seen:
            error = duplicate(here, shown_struct(taint, TAINT))
            why = "taints must be unique by key and effect pair"
            errors.append(error._replace(message=f"{error.message}: {why}"))
        seen.add((key, effect))
    return errors


def _annotations(obj: Obj) -> Errors:
    """Two old annotations that hold JSON."""
    annotations, at = annotations_of(obj), "metadata.annotations"
    errors: Errors = []
    if annotations.get(TAINTS):
        taints, problem = _parsed(annotations[TAINTS], list)
        errors += [invalid(at, TAINTS, problem)] if problem else _taints(taints, f"{at}.{TAINTS}")
    if annotations.get(AVOID):
        avoid, problem = _parsed(annotations[AVOID], dict)
        if problem:
            return [*errors, invalid(f"{at}.AvoidPods", AVOID, problem)]
        for index, entry in enumerate(avoid.get("preferAvoidPods") or ()):
            errors += _avoided(entry, f"{at}.{AVOID}[{index}].PodSignature")
    return errors


def _avoided(entry: Obj, at: str) -> Errors:
    controller = (entry.get("podSignature") or {}).get("podController")
    if controller is None:
        return [required(at)]
    if controller.get("controller"):
        return []
    return [invalid(f"{at}.PodController.Controller", False, "must point to a controller")]


def _parsed(text: str, kind: type) -> tuple[Any, str]:
    from sampan.api.json_syntax import syntax_error

    if problem := syntax_error(text.encode()):
        return None, problem
    value = json.loads(text)
    if value is None:
        return kind(), ""
    if isinstance(value, kind):
        return value, ""
    names = {str: "string", list: "array", dict: "object", bool: "bool"}
    wanted = "[]core.Taint" if kind is list else "v1.AvoidPods"
    return None, f"json: cannot unmarshal {names.get(type(value), 'number')} into Go value of type {wanted}"


def _source(source: Obj, at: str, *, in_spec: bool) -> Errors:
    """Where a kubelet has its configuration from; nothing reads it any more."""
    config = source.get("configMap")
    if config is None:
        return [invalid(at, shown_struct(source, SOURCE), ONE_REFERENCE)]
    at = f"{at}.configMap"
    errors: Errors = []
    for key in ("uid", "resourceVersion"):
        if in_spec and config.get(key):
            errors.append(forbidden(f"{at}.{key}", f"{key} must not be set in spec"))
        if not in_spec and not config.get(key):
            errors.append(required(f"{at}.{key}"))
    rules = (("namespace", is_dns1123_label), ("name", is_dns1123_subdomain), ("kubeletConfigKey", is_config_key))
    for key, rule in rules:
        value = config.get(key) or ""
        problems = rule(value) if value else ()
        errors += [invalid(f"{at}.{key}", value, text) for text in problems] if value else [required(f"{at}.{key}")]
    return errors


def warn_node(obj: Obj) -> list[str]:
    """Fields that go out of use; CIDRs that are written in an unusual way."""
    spec, found = spec_of(obj), []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    cidrs = spec.get("podCIDRs") or ()
    return found + [text for index, cidr in enumerate(cidrs) for text in warn_cidr(cidr, f"spec.podCIDRs[{index}]")]


def drop_removed(new: Obj, old: Obj | None) -> Obj:
    """Without a source of configuration, unless the node has one already."""
    spec = spec_of(new)
    if "configSource" not in spec or (old is not None and spec_of(old).get("configSource") is not None):
        return new
    return {**new, "spec": {key: value for key, value in spec.items() if key != "configSource"}}


def drop_removed_status(new: Obj, old: Obj | None) -> Obj:
    """The same for the status."""
    status = _status(new)
    if "config" not in status or (old is not None and _status(old).get("config") is not None):
        return new
    return {**new, "status": {key: value for key, value in status.items() if key != "config"}}
