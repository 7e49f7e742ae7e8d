"""Claims on devices: made from templates for their pods, reserved, and freed when their pods are done (KEP-4381).

Two kinds of keys: `NAME` is a pod, `claim:NAME` is a claim.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import controller_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key, ObjectRef
from sampan.controllers.names import spec
from sampan.controllers.pod_claims import claim_names, entries_of, is_own, used
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import reference_to
from sampan.reconcile.plan import NOTHING, Action, Ask, Create, Delete, Emit, Patch, Plan, Requeue, Update
from sampan.resources.kinds import PODS, RESOURCECLAIMS, RESOURCECLAIMTEMPLATES

CLAIM = "claim:"
USED, TEMPLATES = "resource claims", "resource claim templates"
FOR_CLAIM = "resource.kubernetes.io/pod-claim-name"
FINALIZER = "resource.kubernetes.io/delete-protection"
MOST_USERS = 256
LONGEST = 57
"""Of a generated name, without the hyphen and the five characters that make it unique."""
FAILED = "FailedResourceClaimCreation"
POD = GVK("", "v1", "Pod")
AGAIN = 5.0
"""Seconds after which a pod whose claim cannot be made is looked at again."""


@dataclass(frozen=True, slots=True)
class SeenPod:
    """A living pod; the claims that it names or owns, by name; the templates that it names, by name."""

    pod: Obj
    claims: dict[str, Obj]
    templates: dict[str, Obj | None]


@dataclass(frozen=True, slots=True)
class SeenClaim:
    """A claim, the entries of `reservedFor` that are still good, pods to ask for, and whether its own pod is done."""

    claim: Obj
    remaining: tuple[Obj, ...]
    unsure: tuple[ObjectRef, ...]
    orphaned: bool


Seen = SeenPod | SeenClaim


def is_done(pod: Obj) -> bool:
    """Whether a pod needs no devices any more."""
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return ended or (is_deleting(pod) and not spec(pod).get("nodeName"))


# ---- which keys a change concerns


def keys_of_pod(look: Lookup, pod: Obj) -> Iterable[Key]:
    """The pod, and the claims that it uses."""
    if entries_of(pod):
        yield Key(namespace_of(pod), name_of(pod))
        for _, name, _ in claim_names(pod):
            if name is not None:
                yield Key(namespace_of(pod), CLAIM + name)


def keys_of_claim(look: Lookup, claim: Obj) -> Iterable[Key]:
    """The claim, and the pods that use it or for which it was made."""
    namespace = namespace_of(claim)
    yield Key(namespace, CLAIM + name_of(claim))
    for pod in look.indexed(PODS, USED, f"{namespace}/{name_of(claim)}"):
        yield Key(namespace, name_of(pod))
    owner = controller_of(claim)
    if owner is not None and owner["kind"] == "Pod":
        yield Key(namespace, owner["name"])


def keys_of_template(look: Lookup, template: Obj) -> Iterable[Key]:
    """The pods that name it."""
    for pod in look.indexed(PODS, TEMPLATES, f"{namespace_of(template)}/{name_of(template)}"):
        yield Key(namespace_of(pod), name_of(pod))


def templates(pod: Obj) -> Iterable[str]:
    """Index: the templates that a pod names."""
    names = (entry.get("resourceClaimTemplateName") for entry in entries_of(pod))
    return [f"{namespace_of(pod)}/{name}" for name in names if name]


# ---- what is seen


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    if key.name.startswith(CLAIM):
        return _observe_claim(look, key.namespace, key.name.removeprefix(CLAIM))
    pod = look.get(PODS, key.namespace, key.name)
    if pod is None or is_deleting(pod) or is_done(pod):
        return None
    claims = {name_of(one): one for one in look.owned(RESOURCECLAIMS, uid_of(pod))}
    for _, name, _ in claim_names(pod):
        found = look.get(RESOURCECLAIMS, key.namespace, name) if name else None
        if found is not None:
            claims[name_of(found)] = found
    wanted = [entry["resourceClaimTemplateName"] for entry in entries_of(pod) if entry.get("resourceClaimTemplateName")]
    return SeenPod(pod, claims, {name: look.get(RESOURCECLAIMTEMPLATES, key.namespace, name) for name in wanted})


def _observe_claim(look: Lookup, namespace: str, name: str) -> Seen | None:
    claim = look.get(RESOURCECLAIMS, namespace, name)
    if claim is None:
        return None
    remaining: list[Obj] = []
    unsure: list[ObjectRef] = []
    for entry in (claim.get("status") or {}).get("reservedFor") or ():
        if entry.get("apiGroup") or entry.get("resource") != "pods":
            remaining.append(entry)
            continue
        ref = ObjectRef(PODS, namespace, entry["name"])
        pod = look.get(PODS, namespace, entry["name"])
        if pod is None:
            if not look.asked(ref):
                unsure.append(ref)
                continue
            pod = look.live(ref)
        if pod is not None and uid_of(pod) == entry["uid"] and not is_done(pod):
            remaining.append(entry)
    owner = controller_of(claim)
    mine = look.get(PODS, namespace, owner["name"]) if owner is not None and owner["kind"] == "Pod" else None
    orphaned = mine is not None and owner is not None and uid_of(mine) == owner["uid"] and is_done(mine)
    return SeenClaim(claim, tuple(remaining), tuple(unsure), orphaned)


# ---- what is done


def decide(seen: Seen) -> Plan:
    return _for_pod(seen) if isinstance(seen, SeenPod) else _for_claim(seen)


def _for_pod(seen: SeenPod) -> Plan:
    """Make the claims that are missing, tell the pod their names, reserve what it uses where it runs already."""
    pod = seen.pod
    actions: list[Action] = []
    statuses: list[Obj] = []
    for entry, name, settled in claim_names(pod):
        claim = seen.claims.get(name) if name is not None else None
        template = entry.get("resourceClaimTemplateName")
        if template is None or (settled and name is None) or (claim is not None and is_own(claim, pod)):
            continue
        made = next((one for one in seen.claims.values() if _is_made_for(one, pod, entry["name"])), None)
        if made is not None:
            statuses.append({"name": entry["name"], "resourceClaimName": name_of(made)})
            continue
        source = seen.templates.get(template)
        if source is None:
            missing = f'resourceclaimtemplate.resource.k8s.io "{template}" not found'
            text = f'PodResourceClaim {entry["name"]}: resource claim template "{template}": {missing}'
            return (*actions, Emit(pod, "Warning", FAILED, text), Requeue(AGAIN))
        actions.append(_create(pod, entry["name"], source))
    if statuses:
        ref = ObjectRef(PODS, namespace_of(pod), name_of(pod))
        told = {"status": {"resourceClaimStatuses": statuses}}
        actions.append(Patch(ref, told, "strategic", "status", missing_ok=True))
    return (*actions, *_reservations(seen))


def _reservations(seen: SeenPod) -> Iterator[Action]:
    """For a pod that was given a node without the scheduler."""
    if not spec(seen.pod).get("nodeName"):
        return
    for entry, name, _ in claim_names(seen.pod):
        claim = seen.claims.get(name) if name is not None else None
        if claim is None or (entry.get("resourceClaimTemplateName") and not is_own(claim, seen.pod)):
            continue
        status = claim.get("status") or {}
        users = status.get("reservedFor") or []
        mine = {"resource": "pods", "name": name_of(seen.pod), "uid": uid_of(seen.pod)}
        known = any(one.get("uid") == mine["uid"] for one in users)
        if status.get("allocation") is not None and not known and len(users) < MOST_USERS:
            yield Update(RESOURCECLAIMS, {**claim, "status": {**status, "reservedFor": [*users, mine]}}, "status")


def _is_made_for(claim: Obj, pod: Obj, entry: str) -> bool:
    annotations = claim["metadata"].get("annotations") or {}
    return is_own(claim, pod) and annotations.get(FOR_CLAIM) == entry


def _create(pod: Obj, entry: str, template: Obj) -> Create:
    given = spec(template)
    meta = given.get("metadata") or {}
    name = name_of(pod)
    generated = f"{name}-{entry}-"
    if len(generated) > LONGEST:
        share = len(generated)
        generated = f"{name[: len(name) * LONGEST // share]}-{entry[: len(entry) * LONGEST // share]}"
    owner = {key: value for key, value in reference_to(pod, POD).items() if key != "blockOwnerDeletion"}
    made = {
        "metadata": {
            **({"labels": meta["labels"]} if meta.get("labels") else {}),
            "annotations": {**(meta.get("annotations") or {}), FOR_CLAIM: entry},
            "generateName": generated,
            "namespace": namespace_of(pod),
            "ownerReferences": [owner],
        },
        "spec": given.get("spec") or {},
    }
    return Create(RESOURCECLAIMS, made)


def _for_claim(seen: SeenClaim) -> Plan:
    """Forget users that are done; without any, give the devices back; delete what was made for a pod that is done."""
    if seen.unsure:
        return tuple(Ask(ref) for ref in seen.unsure)
    claim = seen.claim
    status = claim.get("status") or {}
    protected = FINALIZER in (claim["metadata"].get("finalizers") or ())
    left = list(seen.remaining)
    actions: list[Action] = []
    if len(left) < len(status.get("reservedFor") or ()):
        fresh = {**status, "reservedFor": left}
        if not left and protected:
            fresh = {key: value for key, value in fresh.items() if key != "allocation"}
        actions.append(Update(RESOURCECLAIMS, {**claim, "status": fresh}, "status"))
        if protected and fresh.get("allocation") is None:
            actions.append(_unprotected(claim))
    elif protected and is_deleting(claim) and not left:
        if status.get("allocation") is not None:
            fresh = {key: value for key, value in status.items() if key != "allocation"}
            actions.append(Update(RESOURCECLAIMS, {**claim, "status": fresh}, "status"))
        actions.append(_unprotected(claim))
    if not left and seen.orphaned and not is_deleting(claim):
        actions.append(Delete(_ref(claim), uid_of(claim)))
    return tuple(actions) or NOTHING


def _ref(claim: Obj) -> ObjectRef:
    return ObjectRef(RESOURCECLAIMS, namespace_of(claim), name_of(claim))


def _unprotected(claim: Obj) -> Patch:
    """Without the finalizer."""
    kept = [one for one in claim["metadata"].get("finalizers") or () if one != FINALIZER]
    patch = {"metadata": {"uid": uid_of(claim), "finalizers": kept or None}}
    return Patch(_ref(claim), patch, missing_ok=True)


CONTROLLER = Controller(
    "resourceclaim-controller",
    watches=(
        Watches(PODS, keys_of_pod, indexes={USED: used, TEMPLATES: templates}),
        Watches(RESOURCECLAIMS, keys_of_claim),
        Watches(RESOURCECLAIMTEMPLATES, keys_of_template),
    ),
    observe=observe,
    decide=decide,
    component="resource_claim",
)
