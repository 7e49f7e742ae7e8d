"""What is wrong with storage classes, and what of them may change."""

from sampan.api.json import Obj
from sampan.api.meta import is_qualified_name
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    immutable,
    invalid,
    not_supported,
    one_of,
    required,
)


def check_class(obj: Obj) -> Errors:
    """Provisioner and policies."""
    provisioner = obj.get("provisioner") or ""
    errors: Errors = []
    if not provisioner:
        errors.append(required("provisioner"))
    else:
        errors += [invalid("provisioner", provisioner, problem) for problem in is_qualified_name(provisioner.lower())]
    for key in obj.get("parameters") or {}:
        if not key:
            errors.append(invalid("parameters", key, "field can not be empty."))
    if obj.get("reclaimPolicy") not in ("Delete", "Retain"):
        errors.append(not_supported("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain")))
    return errors + one_of("volumeBindingMode", obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"))


def check_class_update(new: Obj, old: Obj) -> Errors:
    """Nothing of a class changes but its metadata, mount options, expansion and topologies."""
    errors: Errors = []
    if (new.get("parameters") or {}) != (old.get("parameters") or {}):
        errors.append(forbidden("parameters", "updates to parameters are forbidden."))
    if new.get("provisioner") != old.get("provisioner"):
        errors.append(forbidden("provisioner", "updates to provisioner are forbidden."))
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        errors.append(forbidden("reclaimPolicy", "updates to reclaimPolicy are forbidden."))
    return errors + immutable("volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))
