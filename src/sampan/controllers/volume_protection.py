"""Let go of claims, volumes and attributes classes that are being deleted, once nobody uses them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import controller_of, finalizers_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Ask, Patch, Plan
from sampan.resources.kinds import PODS, PVCS, PVS, VOLUMEATTRIBUTESCLASSES
from sampan.resources.quota.claims import attribute_classes

CLAIM, VOLUME, ATTRIBUTES = (
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "kubernetes.io/vac-protection",
)
INDEX, BY_CLASS = "claims", "attributes class"


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim or volume, whether it is in use, and what to read first where a cache may not decide."""

    mapping: RestMapping
    obj: Obj
    finalizer: str
    used: bool
    ask: ObjectRef | None = None


def claim_names(pod: Obj) -> Iterable[str]:
    """Namespace and name of each claim that a pod mounts: one value of the index each."""
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if volume.get("ephemeral"):
            name = f"{name_of(pod)}-{volume.get('name', '')}"
        if name:
            yield f"{namespace_of(pod)}/{name}"


def claims_of(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The keys of a pod's claims."""
    for value in claim_names(pod):
        namespace, _, name = value.partition("/")
        yield Key(namespace, name)


def uses(pod: Obj, claim: Obj) -> bool:
    """Whether a pod on a node mounts the claim; one that waits for a node will not get there any more."""
    if not (pod.get("spec") or {}).get("nodeName"):
        return False
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name_of(claim):
            return True
        if volume.get("ephemeral") and f"{name_of(pod)}-{volume.get('name', '')}" == name_of(claim):
            owner = controller_of(claim)
            return owner is not None and owner.get("uid") == uid_of(pod)
    return False


def observe_claim(look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The claim; before it is let go, the pods of its namespace are read live."""
    claim = look.get(PVCS, key.namespace, key.name)
    if claim is None:
        return None
    if not is_deleting(claim):
        return Seen(PVCS, claim, CLAIM, used=True)
    pods: Sequence[Obj] = look.indexed(PODS, INDEX, f"{key.namespace}/{key.name}")
    if any(uses(pod, claim) for pod in pods):
        return Seen(PVCS, claim, CLAIM, used=True)
    ref = ObjectRef(PODS, key.namespace, "")
    if not look.asked(ref):
        return Seen(PVCS, claim, CLAIM, used=True, ask=ref)
    live = (look.live(ref) or {}).get("items") or ()
    return Seen(PVCS, claim, CLAIM, used=any(uses(pod, claim) for pod in live))


def observe_volume(look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The volume; it is in use while it is bound."""
    volume = look.get(PVS, "", key.name)
    if volume is None:
        return None
    return Seen(PVS, volume, VOLUME, used=(volume.get("status") or {}).get("phase") == "Bound")


def left_classes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """The classes that a claim or a volume names no more."""
    before, after = (attribute_classes(one) if one is not None else set() for one in (old, new))
    return [Key("", name) for name in sorted(before - after)]


def observe_class(look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The VolumeAttributesClass; it is in use while a claim or a volume names it."""
    found = look.get(VOLUMEATTRIBUTESCLASSES, "", key.name)
    if found is None:
        return None
    used = bool(look.indexed(PVS, BY_CLASS, key.name) or look.indexed(PVCS, BY_CLASS, key.name))
    return Seen(VOLUMEATTRIBUTESCLASSES, found, ATTRIBUTES, used)


def decide(seen: Seen) -> Plan:
    """Take the finalizer off what is being deleted and unused; put it on what lacks it."""
    has = seen.finalizer in finalizers_of(seen.obj)
    if not is_deleting(seen.obj):
        return NOTHING if has else (_finalizers(seen, [*finalizers_of(seen.obj), seen.finalizer]),)
    if not has:
        return NOTHING
    if seen.ask is not None:
        return (Ask(seen.ask),)
    if seen.used:
        return NOTHING
    return (_finalizers(seen, [one for one in finalizers_of(seen.obj) if one != seen.finalizer]),)


def _finalizers(seen: Seen, wanted: list[str]) -> Patch:
    meta = seen.obj["metadata"]
    change = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"], "finalizers": wanted}
    ref = ObjectRef(seen.mapping, namespace_of(seen.obj), name_of(seen.obj))
    return Patch(ref, {"metadata": change}, missing_ok=True)


CLAIMS = Controller(
    "persistentvolumeclaim-protection-controller",
    watches=(Watches(PVCS, self_key), Watches(PODS, claims_of, {INDEX: claim_names})),
    observe=observe_claim,
    decide=decide,
)
VOLUMES = Controller(
    "persistentvolume-protection-controller",
    watches=(Watches(PVS, self_key),),
    observe=observe_volume,
    decide=decide,
)
CLASSES = Controller(
    "volumeattributesclass-protection-controller",
    watches=(
        Watches(VOLUMEATTRIBUTESCLASSES, self_key),
        Watches(PVS, self_key, {BY_CLASS: attribute_classes}, changes=left_classes),
        Watches(PVCS, self_key, {BY_CLASS: attribute_classes}, changes=left_classes),
    ),
    observe=observe_class,
    decide=decide,
)
