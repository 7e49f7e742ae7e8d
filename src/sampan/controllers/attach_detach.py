"""Attach CSI volumes to the nodes whose pods use them, and detach them afterwards: VolumeAttachments.

An external attacher does what a VolumeAttachment says. One key per node; what is attached is read from the
VolumeAttachments, so nothing is lost when the controller starts again.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sampan.api.csi import MANAGED, attachment_name, parse_unique_name, unique_name
from sampan.api.json import Obj
from sampan.api.meta import annotations_of, condition, controller_of, is_deleting, name_of, namespace_of, uid_of
from sampan.api.names import Key
from sampan.controllers.attach_plan import Seen, Want, decide
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.resources.kinds import CSIDRIVERS, NODES, PODS, PVCS, PVS, VOLUMEATTACHMENTS

BY_NODE, BY_CLAIM, OF_NODE, OF_VOLUME = "attach: node", "attach: claim", "attach: node", "attach: volume"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def claims_of(pod: Obj) -> Iterator[tuple[str, bool]]:
    """The names of the claims of a pod, and whether the pod must own it."""
    for volume in spec(pod).get("volumes") or ():
        if name := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
            yield name, False
        elif volume.get("ephemeral"):
            yield f"{name_of(pod)}-{volume.get('name', '')}", True


def is_over(pod: Obj) -> bool:
    """Whether nothing of a pod runs any more (upstream: IsPodTerminated)."""
    if status(pod).get("phase") in ("Succeeded", "Failed"):
        return True
    running = any(
        not ((one.get("state") or {}).get("terminated") or (one.get("state") or {}).get("waiting"))
        for one in status(pod).get("containerStatuses") or ()
    )
    return is_deleting(pod) and not running


def by_node(pod: Obj) -> Iterable[str]:
    """Index of pods that have claims and still need them, by node."""
    node = spec(pod).get("nodeName")
    return (node,) if node and not is_over(pod) and any(claims_of(pod)) else ()


def by_claim(pod: Obj) -> Iterable[str]:
    """Index of the same pods by claim."""
    return [f"{namespace_of(pod)}/{name}" for name, _ in claims_of(pod)] if by_node(pod) else ()


def of_node(attachment: Obj) -> Iterable[str]:
    return (spec(attachment).get("nodeName") or "",)


def of_volume(attachment: Obj) -> Iterable[str]:
    name = (spec(attachment).get("source") or {}).get("persistentVolumeName")
    return (name,) if name else ()


# ---- whom a change concerns


def pod_changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """The node of a pod that begins or ceases to need its volumes."""
    known = old or new or {}
    node = spec(known).get("nodeName") or spec(new or known).get("nodeName")
    if node and any(claims_of(known)):
        here = [pod is not None and any(by_node(pod)) for pod in (old, new)]
        if here[0] != here[1] or new is None:  # what is gone may have been over only in its last state
            yield Key("", node)


def claim_keys(look: Lookup, claim: Obj) -> Iterable[Key]:
    """The nodes of the pods that use a claim."""
    pods = look.indexed(PODS, BY_CLAIM, f"{namespace_of(claim)}/{name_of(claim)}")
    return [Key("", spec(pod)["nodeName"]) for pod in pods]


def volume_keys(look: Lookup, volume: Obj) -> Iterable[Key]:
    """The nodes of the pods that use a volume's claim."""
    ref = spec(volume).get("claimRef") or {}
    pods = look.indexed(PODS, BY_CLAIM, f"{ref.get('namespace', '')}/{ref.get('name', '')}")
    return [Key("", spec(pod)["nodeName"]) for pod in pods]


def attachment_keys(look: Lookup, attachment: Obj) -> Iterable[Key]:
    """Its node, and those that wait until the volume is free."""
    yield Key("", spec(attachment).get("nodeName") or "")
    for name in of_volume(attachment):
        if (volume := look.get(PVS, "", name)) is not None:
            yield from volume_keys(look, volume)


def node_changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
    """A node of which something changed that decides when to attach and detach."""
    if old is None or new is None or _told(old) != _told(new):
        yield Key("", name_of(new or old or {}))


def _told(node: Obj) -> tuple[object, ...]:
    told = status(node).get("volumesInUse") or (), status(node).get("volumesAttached") or ()
    return (*told, _is_ready(node), _is_out_of_service(node), MANAGED in annotations_of(node))


# ---- what is seen


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    pods = sorted(look.indexed(PODS, BY_NODE, key.name), key=lambda pod: (namespace_of(pod), name_of(pod)))
    attachments = {
        name_of(one): one for one in look.indexed(VOLUMEATTACHMENTS, OF_NODE, key.name) if _is_ours(look, one)
    }
    node = look.get(NODES, "", key.name)
    if not attachments and not pods and not status(node or {}).get("volumesAttached"):
        return None
    wants = _wants(look, key.name, pods)
    return Seen(
        name=key.name,
        node=node,
        ready=node is not None and _is_ready(node),
        out_of_service=node is not None and _is_out_of_service(node),
        wants=wants,
        attachments=attachments,
        names=_names(look, attachments),
        in_use=_in_use(node, key.name, attachments),
        elsewhere={name: _elsewhere(look, key.name, want) for name, want in wants.items() if name not in attachments},
        leaving=frozenset(name for name, want in wants.items() if _is_leaving(look, key.name, want)),
        now=now,
    )


def _is_ready(node: Obj) -> bool:
    return (condition(node, "Ready") or {}).get("status") == "True"


def _is_out_of_service(node: Obj) -> bool:
    return any(taint.get("key") == OUT_OF_SERVICE for taint in spec(node).get("taints") or ())


def _is_ours(look: Lookup, attachment: Obj) -> bool:
    """Whether it has the name that this controller would have given it; of a volume that is gone, its form must do."""
    own = spec(attachment)
    for name in of_volume(attachment):
        source = spec(look.get(PVS, "", name) or {}).get("csi")
        if source is None:
            return name_of(attachment).startswith("csi-") and len(name_of(attachment)) == len("csi-") + 64
        return name_of(attachment) == attachment_name(source["volumeHandle"], source["driver"], own.get("nodeName", ""))
    return False


def _wants(look: Lookup, node: str, pods: Iterable[Obj]) -> dict[str, Want]:
    """What the node's pods need, by the attachment's name."""
    found: dict[str, Want] = {}
    for pod in pods:
        for name, owned in claims_of(pod):
            volume = _volume_of(look, pod, name, owned=owned)
            source: Obj = spec(volume or {}).get("csi") or {}
            if volume is None or not source or not _attaches(look, source["driver"]):
                continue
            attachment = attachment_name(source["volumeHandle"], source["driver"], node)
            known = found.get(attachment)
            found[attachment] = Want(volume, source, (*(known.pods if known else ()), pod))
    return found


def _volume_of(look: Lookup, pod: Obj, name: str, *, owned: bool) -> Obj | None:
    claim = look.get(PVCS, namespace_of(pod), name)
    if claim is None or status(claim).get("phase") != "Bound" or not spec(claim).get("volumeName"):
        return None
    if owned and (controller_of(claim) or {}).get("uid") != uid_of(pod):
        return None
    volume = look.get(PVS, "", spec(claim)["volumeName"])
    ref = spec(volume or {}).get("claimRef") or {}
    return volume if ref.get("uid") == uid_of(claim) else None


def _attaches(look: Lookup, driver: str) -> bool:
    """Whether a driver's volumes are attached: those that do not say are."""
    about = look.get(CSIDRIVERS, "", driver)
    return about is None or spec(about).get("attachRequired") is not False


def _names(look: Lookup, attachments: Mapping[str, Obj]) -> dict[str, str]:
    """Driver and handle of what is attached, as far as its volume is there, as the node's status names it."""
    found = {}
    for name, attachment in attachments.items():
        for volume in of_volume(attachment):
            source = spec(look.get(PVS, "", volume) or {}).get("csi")
            if source is not None:
                found[name] = unique_name(source["driver"], source["volumeHandle"])
    return found


def _in_use(node: Obj | None, name: str, attachments: Mapping[str, Obj]) -> frozenset[str]:
    """The attachments that the node has mounted; of a node that is gone nobody can tell, so all of them."""
    if node is None:
        return frozenset(attachments)
    parsed = [parse_unique_name(one) for one in status(node).get("volumesInUse") or ()]
    return frozenset(attachment_name(one[1], one[0], name) for one in parsed if one is not None)


def _elsewhere(look: Lookup, node: str, want: Want) -> dict[str, tuple[Obj, ...]]:
    """The other nodes that a volume is attached to, and the pods there that use it."""
    found: dict[str, tuple[Obj, ...]] = {}
    ref = spec(want.volume).get("claimRef") or {}
    users = look.indexed(PODS, BY_CLAIM, f"{ref.get('namespace', '')}/{ref.get('name', '')}")
    for attachment in look.indexed(VOLUMEATTACHMENTS, OF_VOLUME, name_of(want.volume)):
        other = spec(attachment).get("nodeName") or ""
        if other != node and _is_ours(look, attachment):
            found[other] = tuple(pod for pod in users if spec(pod)["nodeName"] == other)
    return found


def _is_leaving(look: Lookup, node: str, want: Want) -> bool:
    """Whether a volume is just being detached from another node."""
    others = look.indexed(VOLUMEATTACHMENTS, OF_VOLUME, name_of(want.volume))
    return any(is_deleting(one) and spec(one).get("nodeName") != node for one in others)


CONTROLLER = Controller(
    "persistentvolume-attach-detach-controller",
    watches=(
        Watches(PODS, lambda look, pod: (), {BY_NODE: by_node, BY_CLAIM: by_claim}, changes=pod_changes),
        Watches(PVCS, claim_keys),
        Watches(PVS, volume_keys),
        Watches(NODES, lambda look, node: (), changes=node_changes),
        Watches(VOLUMEATTACHMENTS, attachment_keys, {OF_NODE: of_node, OF_VOLUME: of_volume}),
    ),
    observe=observe,
    decide=decide,
    reads=(CSIDRIVERS,),
    workers=1,  # two nodes that want one volume are looked at one after the other
    component="attachdetach-controller",
)
