"""Which volume a claim may have: upstream's static binding rules (persistentvolume: FindMatchingVolume), pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.quantity import compare, number
from sampan.api.selectors import SelectorError, label_selector
from sampan.api.times import parse_time
from sampan.controllers.names import spec, status

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class"


def class_of(obj: Obj) -> str:
    """The class name of a claim or volume; nil and "" are both no class."""
    beta = annotations_of(obj).get(BETA_CLASS)
    return beta if beta is not None else spec(obj).get("storageClassName") or ""


def has_class(claim: Obj) -> bool:
    """Whether the claim says something about its class, if only "" (then it wants none)."""
    return BETA_CLASS in annotations_of(claim) or spec(claim).get("storageClassName") is not None


def default_class(classes: Iterable[Obj]) -> Obj | None:
    """The default class: annotated exactly "true"; the newest of several, then the lowest name (KEP-3333)."""
    found = [
        c for c in classes
        if annotations_of(c).get(DEFAULT_CLASS) == "true" or annotations_of(c).get(BETA_DEFAULT_CLASS) == "true"
    ]  # fmt: skip
    if not found:
        return None

    def rank(storage_class: Obj) -> tuple[float, str]:
        created = storage_class["metadata"].get("creationTimestamp")
        return (-parse_time(created).timestamp() if created else 0.0, name_of(storage_class))

    return min(found, key=rank)


def claimed_by(volume: Obj, claim: Obj) -> bool:
    """Whether the volume's claimRef means this claim (by uid, if it has one)."""
    ref = spec(volume).get("claimRef") or {}
    return (
        ref.get("namespace") == namespace_of(claim)
        and ref.get("name") == name_of(claim)
        and ref.get("uid", "") in ("", uid_of(claim))
    )


def storage(obj: Mapping[str, Any], *path: str) -> str:
    """The storage quantity below a path."""
    holder: Any = obj
    for key in path:
        holder = (holder or {}).get(key)
    return str((holder or {}).get("storage", "0"))


def requested(claim: Obj) -> str:
    return storage(spec(claim), "resources", "requests")


def capacity(volume: Obj) -> str:
    return storage(spec(volume), "capacity")


def mode(obj: Obj) -> str:
    return spec(obj).get("volumeMode") or "Filesystem"


def unfit(volume: Obj, claim: Obj) -> str:
    """Why a volume that the claim names does not fit it; empty if it does (checkVolumeSatisfyClaim)."""
    if compare(capacity(volume), requested(claim)) < 0:
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if (spec(volume).get("volumeAttributesClassName") or "") != (spec(claim).get("volumeAttributesClassName") or ""):
        return "volumeAttributesClassName does not match"
    if mode(volume) != mode(claim):
        return "incompatible volumeMode"
    if not set(spec(claim).get("accessModes") or ()) <= set(spec(volume).get("accessModes") or ()):
        return "incompatible accessMode"
    return ""


def find_match(claim: Obj, volumes: Sequence[Obj], *, delayed: bool) -> Obj | None:
    """The volume to bind: a pre-bound one at once, else the smallest of the fewest access modes that will do.

    A claim of a late-binding class gets pre-bound volumes only; the scheduler finds the others.
    """
    wanted = set(spec(claim).get("accessModes") or ())
    fitting = [v for v in volumes if wanted <= set(spec(v).get("accessModes") or ())]
    for volume in fitting:
        if spec(volume).get("claimRef") and claimed_by(volume, claim):
            big_enough = compare(capacity(volume), requested(claim)) >= 0
            if mode(volume) == mode(claim) and not is_deleting(volume) and big_enough:
                return volume
    if delayed:
        return None
    free = [v for v in fitting if _is_free(v, claim)]
    return min(free, key=lambda v: (len(spec(v).get("accessModes") or ()), number(capacity(v))), default=None)


def _is_free(volume: Obj, claim: Obj) -> bool:
    if spec(volume).get("claimRef") or is_deleting(volume) or status(volume).get("phase") != "Available":
        return False
    selector = spec(claim).get("selector")
    try:
        selected = selector is None or label_selector(selector).matches(labels_of(volume))
    except SelectorError:
        return False
    return selected and not unfit(volume, claim)
