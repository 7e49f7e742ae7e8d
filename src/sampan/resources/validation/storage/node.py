"""What is wrong with CSINodes and CSIStorageCapacities (storage validation)."""

from typing import Final

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain, is_qualified_name
from sampan.api.quantity import canonical, number
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    duplicate,
    invalid,
    not_negative,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.go_struct import Pointer, Table, shown_struct
from sampan.resources.validation.labels import check_label_selector, shown_selector
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.node_labels import DEPRECATED
from sampan.resources.validation.pods.volume_sources import check_driver_name

MOST_ID, DRIVERS, TOPOLOGY = 256, "spec.drivers", "nodeTopology"
DRIVER: Final[Table] = (
    ("Name", "name", ""), ("NodeID", "nodeID", ""), ("TopologyKeys", "topologyKeys", None),
    ("Allocatable", "allocatable", Pointer((("Count", "count", None),))),
)  # fmt: skip


def check_csi_node(obj: Obj) -> Errors:
    """The drivers of a node."""
    errors: Errors = []
    seen: set[str] = set()
    for index, driver in enumerate(spec_of(obj).get("drivers") or ()):
        at, name = f"{DRIVERS}[{index}]", driver.get("name") or ""
        errors += _driver(driver, name, at)
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        errors += _keys(driver.get("topologyKeys") or (), at)
    return errors


def _driver(driver: Obj, name: str, at: str) -> Errors:
    errors, node = check_driver_name(name, f"{at}.name"), driver.get("nodeID") or ""
    if not node:
        errors.append(required(f"{at}.nodeID"))
    if len(node.encode()) > MOST_ID:
        errors.append(invalid(f"{at}.nodeID", node, f"must be {MOST_ID} characters or less"))
    return errors + not_negative(f"{at}.allocatable.count", (driver.get("allocatable") or {}).get("count"))


def _keys(keys: list[str] | tuple[()], at: str) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for key in keys:
        if not key:
            errors.append(required(at))
        if key in seen:
            errors.append(duplicate(at, key))
        seen.add(key)
        errors += [invalid(at, key, problem) for problem in is_qualified_name(key)]
    return errors


def check_csi_node_update(new: Obj, old: Obj) -> Errors:
    """A changed CSINode: of a driver only how much it can attach may change."""
    errors = check_own_meta(new["metadata"], False, is_dns1123_subdomain) + check_csi_node(new)
    for before in spec_of(old).get("drivers") or ():
        for after in spec_of(new).get("drivers") or ():
            if before.get("name") != after.get("name"):
                continue
            made, had = ({**one, "allocatable": None} for one in (after, before))
            if shown_struct(made, DRIVER) != shown_struct(had, DRIVER):
                errors.append(invalid(DRIVERS, shown_struct(made, DRIVER), IMMUTABLE))
    return errors


def check_capacity(obj: Obj, *, any_value: bool = False) -> Errors:
    """A CSIStorageCapacity; `any_value`: its selector may hold what no label can be."""
    name, amount = obj.get("storageClassName") or "", obj.get("capacity")
    errors = check_label_selector(obj.get(TOPOLOGY), TOPOLOGY, any_value=any_value)
    errors += [invalid("storageClassName", name, problem) for problem in is_dns1123_subdomain(name)]
    if amount is not None and number(amount) < 0:
        errors.append(invalid("capacity", canonical(str(amount)), "must be greater than or equal to 0"))
    return errors


def check_capacity_update(new: Obj, old: Obj) -> Errors:
    """A changed CSIStorageCapacity: which nodes and class it is about stays."""
    any_value = bool(check_label_selector(old.get(TOPOLOGY), ""))
    errors = check_own_meta(new["metadata"], True, is_dns1123_subdomain) + check_capacity(new, any_value=any_value)
    errors += metadata_again(new, old)
    if new.get(TOPOLOGY) != old.get(TOPOLOGY):
        errors.append(invalid(TOPOLOGY, shown_selector(new.get(TOPOLOGY)), IMMUTABLE))
    name = new.get("storageClassName") or ""
    if name != (old.get("storageClassName") or ""):
        errors.append(invalid("storageClassName", name, IMMUTABLE))
    return errors


def warn_capacity(obj: Obj) -> list[str]:
    """Of labels that nodes have no more."""
    selector = obj.get(TOPOLOGY) or {}
    found = [
        f"{TOPOLOGY}.matchExpressions[{index}].key: {expression['key']} is {DEPRECATED[expression['key']]}"
        for index, expression in enumerate(selector.get("matchExpressions") or ())
        if expression.get("key") in DEPRECATED
    ]
    return found + [
        f"{TOPOLOGY}.matchLabels.{key}: {DEPRECATED[key]}"
        for key in selector.get("matchLabels") or ()
        if key in DEPRECATED
    ]
