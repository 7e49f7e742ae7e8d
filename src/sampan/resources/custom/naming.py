"""Which names of a CustomResourceDefinition are accepted, and the conditions that follow (apiextensions: naming)."""

from collections.abc import Iterable, Mapping
from typing import Any

from sampan.api.json import Obj

ACCEPTED, ESTABLISHED, TERMINATING = "NamesAccepted", "Established", "Terminating"


def status_of(crd: Obj, others: Iterable[Obj], now: str) -> Obj:
    """The definition's status: names that others of its group have are refused; the first full set establishes it."""
    wanted: Mapping[str, Any] = crd["spec"]["names"]
    status = crd.get("status") or {}
    have: Mapping[str, Any] = status.get("acceptedNames") or {}
    resources, kinds = taken(crd, others)
    names, refusal = dict(have), None
    for field, reason, used in (
        ("plural", "PluralConflict", resources),
        ("singular", "SingularConflict", resources),
        ("shortNames", "ShortNamesConflict", resources),
        ("kind", "KindConflict", kinds),
        ("listKind", "ListKindConflict", kinds),
    ):  # the last conflict is the one that is told, as upstream tells it
        clash = _clash(wanted.get(field), have.get(field), used)
        if clash:
            refusal = (reason, clash)
        else:
            names[field] = wanted.get(field)
    names["categories"] = list(wanted.get("categories") or ())
    if refusal is None:
        accepted = _condition(ACCEPTED, True, "NoConflicts", "no conflicts found")
    else:
        accepted = _condition(ACCEPTED, False, *refusal)
    established = _established(crd, refusal is None)
    conditions = _merged(status.get("conditions") or (), (accepted, established), now)
    kept = {k: v for k, v in names.items() if v}
    return {**status, "acceptedNames": kept, "conditions": conditions}


def _clash(wanted: Any, have: Any, used: set[str]) -> str:
    """Why a name, or a list of names, cannot be granted; what is ours already can."""
    names, ours = (wanted or [], have or []) if isinstance(wanted, list) else ([wanted or ""], [have])
    found = [f'"{name}" is already in use' for name in names if name not in ours and name in used]
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""


def taken(crd: Obj, others: Iterable[Obj]) -> tuple[set[str], set[str]]:
    """The resource names and kinds that other definitions of the group were granted."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        if other["metadata"]["name"] == crd["metadata"]["name"] or other["spec"]["group"] != crd["spec"]["group"]:
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())} - {""}
        kinds |= {names.get("kind", ""), names.get("listKind", "")} - {""}
    return resources, kinds


def is_established(crd: Obj) -> bool:
    """Whether its kind is to be served."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(c["type"] == ESTABLISHED and c["status"] == "True" for c in conditions)


def _established(crd: Obj, accepted: bool) -> Obj:
    if is_established(crd) or accepted:
        return _condition(ESTABLISHED, True, "InitialNamesAccepted", "the initial names have been accepted")
    return _condition(ESTABLISHED, False, "NotAccepted", "not all names are accepted")


def _condition(type_: str, holds: bool, reason: str, message: str) -> Obj:
    return {"type": type_, "status": "True" if holds else "False", "reason": reason, "message": message}


def _merged(old: Iterable[Obj], new: Iterable[Obj], now: str) -> list[Obj]:
    before = {c["type"]: c for c in old}
    made = []
    for fresh in new:
        was = before.pop(fresh["type"], None)
        same = was is not None and was.get("status") == fresh["status"]
        made.append({"lastTransitionTime": was["lastTransitionTime"] if same and was is not None else now, **fresh})
    return [*made, *before.values()]


def terminating(crd: Obj, now: str, *, done: bool = False, why: str = "") -> Obj:
    """The status of a definition whose objects are being deleted."""
    status = crd.get("status") or {}
    if done:
        fresh = _condition(TERMINATING, False, "InstanceDeletionCompleted", "removed all instances")
    else:
        text = why or "CustomResource deletion is in progress"
        fresh = _condition(TERMINATING, True, "InstanceDeletionInProgress", text)
    others = [c for c in status.get("conditions") or () if c["type"] != TERMINATING]
    mine = [c for c in status.get("conditions") or () if c["type"] == TERMINATING]
    return {**status, "conditions": [*others, *_merged(mine, (fresh,), now)]}
