"""Make the claims of pods that bring their volumes with them (generic ephemeral volumes, KEP-1698)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import controller_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import GVK, Key
from sampan.controllers.names import spec
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import reference_to, self_key
from sampan.reconcile.plan import Action, Announce, Create, Emit, Plan, Requeue
from sampan.resources.kinds import PODS, PVCS

INDEX = "ephemeral claims"
REASON = "FailedBinding"
POD = GVK("", "v1", "Pod")
AGAIN = 60.0
"""Seconds after which a name that is taken is looked at again; when its claim is deleted, that is at once."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A living pod, and for each of its ephemeral volumes the claim of that name, if there is one."""

    pod: Obj
    volumes: tuple[tuple[Obj, Obj | None], ...]


def volumes_of(pod: Obj) -> Iterator[Obj]:
    """The pod's ephemeral volumes."""
    return (volume for volume in spec(pod).get("volumes") or () if volume.get("ephemeral"))


def claim_name(pod: Obj, volume: Obj) -> str:
    return f"{name_of(pod)}-{volume['name']}"


def new_pods(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """A pod that is new and has such volumes: they never change."""
    if old is None and new is not None and any(volumes_of(new)):
        yield from self_key(look, new)


def bereft_pods(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """The pods whose claim is gone, or had their claim's name."""
    if old is not None and new is None:
        for pod in look.indexed(PODS, INDEX, f"{namespace_of(old)}/{name_of(old)}"):
            yield from self_key(look, pod)


def index(pod: Obj) -> Iterable[str]:
    """The names of its claims."""
    return [f"{namespace_of(pod)}/{claim_name(pod, volume)}" for volume in volumes_of(pod)]


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    pod = look.get(PODS, key.namespace, key.name)
    if pod is None or is_deleting(pod):
        return None
    return Seen(pod, tuple((v, look.get(PVCS, key.namespace, claim_name(pod, v))) for v in volumes_of(pod)))


def decide(seen: Seen) -> Plan:
    """One claim after the other; a claim of that name that is not the pod's own ends it, and the pod is told."""
    actions: list[Action] = []
    for volume, claim in seen.volumes:
        if claim is None:
            actions.append(_create(seen.pod, volume))
        elif (controller_of(claim) or {}).get("uid") != uid_of(seen.pod):
            return (*actions, Emit(seen.pod, "Warning", REASON, _taken(seen.pod, volume)), Requeue(AGAIN))
    return tuple(actions)


def _create(pod: Obj, volume: Obj) -> Create:
    template = volume["ephemeral"].get("volumeClaimTemplate") or {}
    meta, name = template.get("metadata") or {}, claim_name(pod, volume)
    made = {
        "metadata": {
            **{key: meta[key] for key in ("labels", "annotations") if meta.get(key)},
            "name": name,
            "namespace": namespace_of(pod),
            "ownerReferences": [reference_to(pod, POD)],
        },
        "spec": template.get("spec") or {},
    }
    refused = f"ephemeral volume {volume['name']}: create PVC {name}: {{error}}"
    return Create(PVCS, made, announce=Announce(pod, ("", ""), (REASON, refused)))


def _taken(pod: Obj, volume: Obj) -> str:
    namespace, name = namespace_of(pod), claim_name(pod, volume)
    return (
        f"ephemeral volume {volume['name']}: PVC {namespace}/{name} was not created for pod "
        f"{namespace}/{name_of(pod)} (pod is not owner)"
    )


CONTROLLER = Controller(
    "ephemeral-volume-controller",
    watches=(
        Watches(PODS, self_key, indexes={INDEX: index}, changes=new_pods),
        Watches(PVCS, self_key, changes=bereft_pods),
    ),
    observe=observe,
    decide=decide,
    component="ephemeral_volume",
)
