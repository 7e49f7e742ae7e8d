"""What is wrong with a Namespace (core validation: ValidateNamespace)."""

from sampan.api.json import Obj
from sampan.api.meta import is_deleting, is_qualified_name
from sampan.resources.strategies.checks import Errors, Shown, invalid, marshalled, spec_of

STANDARD = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
NOT_KNOWN = "name is neither a standard finalizer name nor is it fully qualified"


def check_namespace(obj: Obj) -> Errors:
    """Its finalizers."""
    return [error for name in spec_of(obj).get("finalizers") or () for error in _finalizer(name, "spec.finalizers")]


def check_finalize(new: Obj, old: Obj) -> Errors:
    """Finalizers that /finalize leaves."""
    errors: Errors = []
    for index, name in enumerate(spec_of(new).get("finalizers") or ()):
        errors += _finalizer(name, f"spec.finalizers[{index}]")
    return errors


def _finalizer(name: str, at: str) -> Errors:
    errors = [invalid(at, name, text) for text in is_qualified_name(name)]
    return errors if "/" in name or name in STANDARD else [*errors, invalid(at, name, NOT_KNOWN)]


def check_namespace_status(new: Obj, old: Obj) -> Errors:
    """The phase says whether it is being deleted."""
    phase = (new.get("status") or {}).get("phase") or ""
    wanted, state = ("Terminating", "not empty") if is_deleting(new) else ("Active", "empty")
    if phase == wanted:
        return []
    why = f"may only be '{wanted}' if `deletionTimestamp` is {state}"
    return [invalid("status.Phase", Shown(marshalled(phase)), why)]
