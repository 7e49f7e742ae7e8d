"""What is wrong with StorageClasses and VolumeAttributesClasses (storage validation)."""

from collections.abc import Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    duplicate,
    forbidden,
    invalid,
    marshalled,
    not_supported,
    required,
)
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.labels import check_label_name
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.node_labels import DEPRECATED
from sampan.resources.validation.storage.parameters import check_parameters, check_provisioner

RECLAIM, MODES = ("Delete", "Retain"), ("Immediate", "WaitForFirstConsumer")


def check_class(obj: Obj) -> Errors:
    """A StorageClass."""
    errors = check_provisioner(obj.get("provisioner") or "", "provisioner")
    errors += check_parameters(obj.get("parameters"), "parameters", needed=False)
    reclaim, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if reclaim and reclaim not in RECLAIM:
        errors.append(not_supported("reclaimPolicy", reclaim, RECLAIM))
    if mode is None:
        errors.append(required("volumeBindingMode"))
    elif mode not in MODES:
        errors.append(not_supported("volumeBindingMode", mode, MODES))
    return errors + _topologies(obj.get("allowedTopologies") or ())


def check_class_update(new: Obj, old: Obj) -> Errors:
    """A changed StorageClass: what volumes were made by stays."""
    errors = check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_class(new) + metadata_again(new, old)
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        shown = Shown(marshalled(_sorted(new.get("parameters"))))
        errors.append(invalid("parameters", shown, IMMUTABLE))
    if (new.get("provisioner") or "") != (old.get("provisioner") or ""):
        errors.append(invalid("provisioner", new.get("provisioner") or "", IMMUTABLE))
    for key in ("reclaimPolicy", "volumeBindingMode"):
        if new.get(key) != old.get(key):
            errors.append(invalid(key, Shown(marshalled(new.get(key))), IMMUTABLE))
    return errors


def _sorted(parameters: Any) -> Any:
    return None if parameters is None else dict(sorted(parameters.items()))


def _topologies(terms: Sequence[Obj]) -> Errors:
    errors: Errors = []
    seen: list[dict[str, frozenset[str]]] = [{} for _ in terms]
    for index, term in enumerate(terms):
        at = f"allowedTopologies[{index}].matchLabelExpressions"
        values: dict[str, frozenset[str]] = {}
        for place, expression in enumerate(term.get("matchLabelExpressions") or ()):
            here, key = f"{at}[{place}]", expression.get("key") or ""
            errors += _expression(expression, key, here)
            if key in values:
                errors.append(duplicate(f"{here}.key", key))
            values[key] = frozenset(expression.get("values") or ())
        errors += [duplicate(at, "") for other in seen if other == values]
        seen.append(values)
    return errors


def _expression(expression: Obj, key: str, at: str) -> Errors:
    values: Sequence[str] = expression.get("values") or ()
    errors: Errors = [] if values else [required(f"{at}.values")]
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            errors.append(duplicate(f"{at}.values[{index}]", value))
        seen.add(value)
    return errors + check_label_name(key, f"{at}.key")


def warn_class(obj: Obj) -> list[str]:
    """Of labels that nodes have no more."""
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{place}].key: {DEPRECATED[expression['key']]}"
        for index, term in enumerate(obj.get("allowedTopologies") or ())
        for place, expression in enumerate(term.get("matchLabelExpressions") or ())
        if expression.get("key") in DEPRECATED
    ]


def check_attributes_class(obj: Obj) -> Errors:
    """A VolumeAttributesClass."""
    errors = check_provisioner(obj.get("driverName") or "", "driverName")
    return errors + check_parameters(obj.get("parameters"), "parameters", needed=True)


def check_attributes_class_update(new: Obj, old: Obj) -> Errors:
    """A changed VolumeAttributesClass: only its metadata may differ."""
    errors = metadata_again(new, old)
    if (new.get("driverName") or "") != (old.get("driverName") or ""):
        errors.append(forbidden("driverName", "updates to driverName are forbidden."))
    if new.get("parameters") != old.get("parameters"):
        errors.append(forbidden("parameters", "updates to parameters are forbidden."))
    return errors + check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_attributes_class(new)
