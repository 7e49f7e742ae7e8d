"""The claims of a StatefulSet's pods: one of each template for each ordinal, and who owns them (KEP-1847)."""

from collections.abc import Iterable, Mapping, Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_deleting, labels_of, name_of, namespace_of, uid_of
from sampan.api.names import GVK, ObjectRef
from sampan.controllers.names import spec
from sampan.reconcile.owners import reference_to
from sampan.reconcile.plan import Action, Announce, Create, Emit, Patch
from sampan.resources.kinds import PVCS

SET, POD = GVK("apps", "v1", "StatefulSet"), GVK("", "v1", "Pod")


def ordinal_of(pod: Obj) -> int:
    """The number at the end of the pod's name; -1 if there is none."""
    _, dash, number = name_of(pod).rpartition("-")
    return int(number) if dash and number.isdecimal() and len(number) < 10 else -1


def start_of(owner: Obj) -> int:
    """The first ordinal."""
    return int((spec(owner).get("ordinals") or {}).get("start") or 0)


def in_range(owner: Obj, pod: Obj) -> bool:
    """Whether the set wants a pod of this ordinal."""
    return start_of(owner) <= ordinal_of(pod) < start_of(owner) + int(spec(owner).get("replicas", 1))


def claim_names(owner: Obj, ordinal: int) -> dict[str, str]:
    """Name of the volume to name of the claim."""
    templates: Sequence[Obj] = spec(owner).get("volumeClaimTemplates") or ()
    return {name_of(one): f"{name_of(one)}-{name_of(owner)}-{ordinal}" for one in templates}


def _claim(owner: Obj, template: Obj, ordinal: int) -> Obj:
    labels = {**labels_of(template), **((spec(owner).get("selector") or {}).get("matchLabels") or {})}
    kept = {k: v for k, v in template["metadata"].items() if k in ("annotations", "finalizers")}
    meta = {
        **kept, "name": f"{name_of(template)}-{name_of(owner)}-{ordinal}", "namespace": namespace_of(owner),
        **({"labels": labels} if labels else {}),
    }  # fmt: skip
    return {"metadata": meta, "spec": template.get("spec") or {}}


def missing(owner: Obj, pod: Obj, claims: Mapping[str, Obj]) -> list[Action]:
    """Make the pod's claims that are not there."""
    actions: list[Action] = []
    for template in spec(owner).get("volumeClaimTemplates") or ():
        claim = _claim(owner, template, ordinal_of(pod))
        if name_of(claim) in claims:
            continue
        about = f"Claim {name_of(claim)}"
        place = f"Pod {name_of(pod)} in StatefulSet {name_of(owner)}"
        refused = ("FailedCreate", f"Create {about} for {place} failed error: {{error}}")
        actions.append(Create(PVCS, claim, exists_ok=True, announce=Announce(owner, ("", ""), refused)))
        actions.append(Emit(owner, "Normal", "SuccessfulCreate", f"Create {about} {place} success"))
    return actions


def going(owner: Obj, pod: Obj, claims: Mapping[str, Obj]) -> list[str]:
    """Names of the pod's claims that are being deleted: a new pod has to wait for their end."""
    mine = claim_names(owner, ordinal_of(pod)).values()
    return [name for name in mine if name in claims and is_deleting(claims[name])]


def is_stale(owner: Obj, pod: Obj, claims: Mapping[str, Obj]) -> bool:
    """Whether a claim still belongs to an older pod of that name, with which it will go."""
    if _policy(owner)[0] == "Retain":
        return False
    mine = claim_names(owner, ordinal_of(pod)).values()
    return any(name in claims and _stale(claims[name], pod, POD) for name in mine)


def _policy(owner: Obj) -> tuple[str, str]:
    """What becomes of claims when the set shrinks and when it is deleted."""
    policy = spec(owner).get("persistentVolumeClaimRetentionPolicy") or {}
    return policy.get("whenScaled", "Retain"), policy.get("whenDeleted", "Retain")


def _references(claim: Obj) -> Sequence[Obj]:
    found: Sequence[Obj] = claim["metadata"].get("ownerReferences") or ()
    return found


def _names(reference: Obj, obj: Obj, gvk: GVK) -> bool:
    key = (reference.get("apiVersion"), reference.get("kind"), reference.get("name"))
    return key == (gvk.api_version, gvk.kind, name_of(obj))


def _stale(claim: Obj, obj: Obj, gvk: GVK) -> bool:
    """Whether the claim names a namesake of the object as its owner."""
    return any(_names(ref, obj, gvk) and ref.get("uid") != uid_of(obj) for ref in _references(claim))


def _foreign(claim: Obj, owner: Obj, pod: Obj) -> bool:
    """Whether somebody else controls the claim, when it matters."""
    if _policy(owner) == ("Retain", "Retain"):
        return False
    ours = {(SET.kind, name_of(owner)): uid_of(owner), (POD.kind, name_of(pod)): uid_of(pod)}
    for ref in _references(claim):
        expected = ours.get((ref.get("kind", ""), ref.get("name", "")))
        if expected is not None and expected != ref.get("uid"):
            return True
        if expected is None and ref.get("controller"):
            return True
    return False


def _owners(owner: Obj, pod: Obj) -> list[Obj]:
    """Who owns the pod's claims by the policy: the set when they are to go with it, the pod when it is one too many."""
    scaled, deleted = _policy(owner)
    condemned = not in_range(owner, pod)
    owners: list[Obj] = []
    if scaled == "Delete" and condemned:
        owners.append(reference_to(pod, POD))
    if deleted == "Delete" and not (scaled == "Delete" and condemned):
        owners.append(reference_to(owner, SET))
    return owners


def entrust(owner: Obj, pod: Obj, claims: Mapping[str, Obj]) -> list[Action]:
    """Write the owners of the pod's claims as the policy wants them."""
    actions: list[Action] = []
    for name in claim_names(owner, ordinal_of(pod)).values():
        claim = claims.get(name)
        if claim is None or _stale(claim, owner, SET) or _stale(claim, pod, POD):
            continue
        wanted: Iterable[Obj] = _owners(owner, pod)
        if _foreign(claim, owner, pod):
            text = (
                f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a managing controller, "
                "the retention policy is ignored for this claim"
            )
            actions.append(Emit(owner, "Warning", "ConflictingController", text))
            wanted = ()
        others = [r for r in _references(claim) if not _names(r, owner, SET) and not _names(r, pod, POD)]
        fresh = [*others, *wanted]
        if {_mark(ref) for ref in fresh} != {_mark(ref) for ref in _references(claim)}:
            ref = ObjectRef(PVCS, namespace_of(claim), name)
            patch = {"metadata": {"uid": uid_of(claim), "ownerReferences": fresh}}
            actions.append(Patch(ref, patch, missing_ok=True))
    return actions


def _mark(reference: Obj) -> tuple[str, bool]:
    return reference.get("uid", ""), bool(reference.get("controller"))


def volumes(owner: Obj, pod: Obj, given: Sequence[Obj]) -> list[Obj]:
    """The pod's volumes: its claims, then those of the template that are no claims."""
    names = claim_names(owner, ordinal_of(pod))
    mine = [{"name": volume, "persistentVolumeClaim": {"claimName": claim}} for volume, claim in names.items()]
    return [*mine, *(one for one in given if one.get("name") not in names)]


def storage_matches(owner: Obj, pod: Obj) -> bool:
    """Whether the pod mounts its claims."""
    mounted = {one["name"]: one for one in spec(pod).get("volumes") or ()}
    return all(
        ((mounted.get(volume) or {}).get("persistentVolumeClaim") or {}).get("claimName") == claim
        for volume, claim in claim_names(owner, ordinal_of(pod)).items()
    )
