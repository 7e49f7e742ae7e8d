"""The ReplicaSets of a Deployment: how they are named, made, renewed, sized and forgotten."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import GVK, ObjectRef
from sampan.controllers.names import short_hash, spec, status
from sampan.controllers.rollout import Bounds
from sampan.reconcile.owners import reference_to
from sampan.reconcile.plan import Action, Announce, Create, Delete, Emit, Patch
from sampan.resources.kinds import DEPLOYMENTS, REPLICASETS

GVK_ = GVK("apps", "v1", "Deployment")
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED, MAX = "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas"
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
}


def template_hash(owner: Obj) -> str:
    """The hash of the template, another one after each collision."""
    template = spec(owner).get("template") or {}
    collisions = status(owner).get("collisionCount") or 0
    return short_hash([template, collisions] if collisions else template)


def new_name(owner: Obj) -> str:
    """The name of a ReplicaSet for the newest template."""
    return f"{name_of(owner)}-{template_hash(owner)}"


def same_template(replica_set: Obj, template: Obj) -> bool:
    """Whether a ReplicaSet was made from this template: equal but for the hash label."""
    theirs = spec(replica_set).get("template") or {}
    meta = theirs.get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    plain = {k: v for k, v in meta.items() if k not in ("labels", "creationTimestamp") and v is not None}
    ours = template.get("metadata") or {}
    own = {k: v for k, v in ours.items() if k not in ("labels", "creationTimestamp") and v is not None}
    return (labels, plain, theirs.get("spec")) == (ours.get("labels") or {}, own, template.get("spec"))


def revision(obj: Obj) -> int:
    """The revision annotation as a number."""
    try:
        return int(annotations_of(obj).get(REVISION, "0"))
    except ValueError:
        return 0


def bounds_of(owner: Obj) -> Bounds:
    return Bounds.of(spec(owner).get("replicas", 1), spec(owner).get("strategy") or {})


def _annotations(owner: Obj, number: int) -> dict[str, str]:
    copied = {k: v for k, v in annotations_of(owner).items() if k not in NOT_COPIED}
    bounds = bounds_of(owner)
    return {**copied, REVISION: str(number), DESIRED: str(bounds.wanted), MAX: str(bounds.most)}


def create(owner: Obj, old: Sequence[Obj], recreate: bool) -> list[Action]:
    """A ReplicaSet for a template that has none."""
    template = spec(owner).get("template") or {}
    code = template_hash(owner)
    meta = template.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), HASH: code}
    selector = spec(owner).get("selector") or {}
    number = max((revision(rs) for rs in old), default=0) + 1
    bounds = bounds_of(owner)
    there = sum(spec(rs).get("replicas", 0) for rs in old)
    size = bounds.wanted if recreate else max(0, min(bounds.wanted, bounds.most - there))
    name = f"{name_of(owner)}-{code}"
    replica_set = {
        "metadata": {
            "name": name,
            "namespace": namespace_of(owner),
            "labels": labels,
            "annotations": _annotations(owner, number),
            "ownerReferences": [reference_to(owner, GVK_)],
        },
        "spec": {
            **({"minReadySeconds": spec(owner)["minReadySeconds"]} if spec(owner).get("minReadySeconds") else {}),
            "replicas": size,
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: code}},
            "template": {**template, "metadata": {**meta, "labels": labels}},
        },
    }
    done = ("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to {size}") if size else ("", "")
    announce = Announce(owner, done, ("ReplicaSetCreateError", f'Failed to create new replica set "{name}": {{error}}'))
    return [Create(REPLICASETS, replica_set, exists_ok=True, announce=announce), *_note_revision(owner, number)]


def _note_revision(owner: Obj, number: int) -> list[Action]:
    if revision(owner) == number:
        return []
    patch = {"metadata": {"annotations": {REVISION: str(number)}}}
    return [Patch(ObjectRef(DEPLOYMENTS, namespace_of(owner), name_of(owner)), patch, missing_ok=True)]


def renew(owner: Obj, new: Obj, old: Sequence[Obj]) -> list[Action]:
    """The newest ReplicaSet has the highest revision and the Deployment's annotations."""
    number = max(revision(new), max((revision(rs) for rs in old), default=0) + 1)
    wanted = _annotations(owner, number)
    have = annotations_of(new)
    if revision(new) and revision(new) != number:
        history = [h for h in have.get("deployment.kubernetes.io/revision-history", "").split(",") if h]
        wanted["deployment.kubernetes.io/revision-history"] = ",".join([*history, str(revision(new))])
    patch: Obj = {}
    if any(have.get(k) != v for k, v in wanted.items()):
        patch["metadata"] = {"annotations": wanted}
    wait = spec(owner).get("minReadySeconds") or 0
    if (spec(new).get("minReadySeconds") or 0) != wait:
        patch["spec"] = {"minReadySeconds": wait}
    ref = ObjectRef(REPLICASETS, namespace_of(new), name_of(new))
    return [*([Patch(ref, patch)] if patch else []), *_note_revision(owner, number)]


def scale(owner: Obj, replica_set: Obj, size: int) -> list[Action]:
    """Set a ReplicaSet's size and say so; note for which size of the Deployment that was."""
    before = spec(replica_set).get("replicas", 0)
    bounds = bounds_of(owner)
    notes = {DESIRED: str(bounds.wanted), MAX: str(bounds.most)}
    patch: Obj = {}
    if any(annotations_of(replica_set).get(key) != value for key, value in notes.items()):
        patch["metadata"] = {"annotations": notes}
    if before != size:
        patch["spec"] = {"replicas": size}
    if not patch:
        return []
    action = Patch(ObjectRef(REPLICASETS, namespace_of(replica_set), name_of(replica_set)), patch, missing_ok=True)
    if before == size:
        return [action]
    direction = "up" if size > before else "down"
    message = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {size}"
    return [action, Emit(owner, "Normal", "ScalingReplicaSet", message)]


def noted(replica_set: Obj, annotation: str) -> int | None:
    """A number that was noted when the ReplicaSet was last sized."""
    text = annotations_of(replica_set).get(annotation)
    return int(text) if text and text.isdigit() else None


def clean_up(owner: Obj, old: Sequence[Obj]) -> list[Action]:
    """Forget the oldest empty ReplicaSets beyond the history limit."""
    there = sorted((rs for rs in old if not is_deleting(rs)), key=revision)
    surplus = there[: max(0, len(there) - spec(owner).get("revisionHistoryLimit", 10))]
    empty = [
        rs for rs in surplus
        if not spec(rs).get("replicas") and not status(rs).get("replicas")
        and (status(rs).get("observedGeneration") or 0) >= (rs["metadata"].get("generation") or 0)
    ]  # fmt: skip
    return [Delete(ObjectRef(REPLICASETS, namespace_of(rs), name_of(rs)), uid_of(rs)) for rs in empty]
