"""What is to be attached to a node and detached from it, and what the node's status says of that."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sampan.api.csi import MANAGED, unique_name
from sampan.api.json import Obj
from sampan.api.meta import annotations_of, is_deleting, name_of, namespace_of
from sampan.api.names import ObjectRef
from sampan.api.times import format_time, parse_time
from sampan.controllers.names import spec, status
from sampan.reconcile.plan import Action, Create, Delete, Emit, Patch, Plan, Requeue
from sampan.resources.kinds import NODES, VOLUMEATTACHMENTS

SINCE = "sampan.dev/unused-since"
"""Annotation of attachments that are in use on a node that does not answer, though no pod needs them."""
FORCE_AFTER = 360.0
"""Seconds after which such a volume is detached in spite of that (upstream: maxWaitForUnmountDuration)."""


@dataclass(frozen=True, slots=True)
class Want:
    """A volume that pods of the node need."""

    volume: Obj
    source: Obj
    """Its `csi`."""
    pods: tuple[Obj, ...]

    @property
    def shared(self) -> bool:
        """Whether it may be attached to several nodes (upstream: IsMultiAttachAllowed)."""
        modes = spec(self.volume).get("accessModes") or ()
        return not modes or any(mode in ("ReadWriteMany", "ReadOnlyMany") for mode in modes)


@dataclass(frozen=True, slots=True)
class Seen:
    """A node, and by attachment's name what is needed there and what is attached."""

    name: str
    node: Obj | None
    ready: bool
    out_of_service: bool
    wants: Mapping[str, Want]
    attachments: Mapping[str, Obj]
    names: Mapping[str, str]
    """The attached volumes as the node's status names them."""
    in_use: frozenset[str]
    """What the node has mounted."""
    elsewhere: Mapping[str, Mapping[str, tuple[Obj, ...]]]
    """For what is needed and not attached: the other nodes it is attached to, and its pods there."""
    leaving: frozenset[str]
    """What is needed and just being detached from another node."""
    now: datetime

    @property
    def managed(self) -> bool:
        return self.node is not None and MANAGED in annotations_of(self.node)


def decide(seen: Seen) -> Plan:
    """Detach first; the node's status loses a volume before it is detached and gets it when it is attached."""
    if seen.node is not None and not seen.managed:
        return ()
    marks: list[Action] = []
    detach: list[Obj] = []
    waits: list[float] = []
    for name, attachment in seen.attachments.items():
        since = annotations_of(attachment).get(SINCE)
        if name in seen.wants:
            marks += [_marked(attachment, None)] if since else []
        elif not is_deleting(attachment):
            left = _left(seen, name, since)
            if left is None:
                continue
            if left <= 0:
                detach.append(attachment)
                continue
            marks += [] if since else [_marked(attachment, format_time(seen.now))]
            waits.append(left)
    again = [Requeue(min(waits))] if waits else []
    deletes = [Delete(ObjectRef(VOLUMEATTACHMENTS, "", name_of(one)), one["metadata"]["uid"]) for one in detach]
    report = _report(seen, {name_of(one) for one in detach})
    return (*marks, *report, *deletes, *_attach(seen), *again)


def _left(seen: Seen, name: str, since: str | None) -> float | None:
    """Seconds until something that nobody needs may be detached; None: when the node has unmounted it."""
    if name not in seen.in_use or seen.out_of_service:
        return 0.0
    if seen.ready:
        return None
    end = (parse_time(since) if since else seen.now) + timedelta(seconds=FORCE_AFTER)
    return (end - seen.now).total_seconds()


def _marked(attachment: Obj, stamp: str | None) -> Patch:
    meta = {"uid": attachment["metadata"]["uid"], "annotations": {SINCE: stamp}}
    return Patch(ObjectRef(VOLUMEATTACHMENTS, "", name_of(attachment)), {"metadata": meta}, missing_ok=True)


def _report(seen: Seen, detached: set[str]) -> Iterator[Action]:
    """node.status.volumesAttached at the version that was looked at, so that no volume comes into use meanwhile."""
    if seen.node is None:
        return
    attached = sorted(
        seen.names[name]
        for name, one in seen.attachments.items()
        if name in seen.names and name not in detached and not is_deleting(one) and status(one).get("attached")
    )
    before = [entry.get("name") for entry in status(seen.node).get("volumesAttached") or ()]
    if sorted(before) != attached:
        entries = [{"name": name, "devicePath": ""} for name in attached]
        version = seen.node["metadata"]["resourceVersion"]
        change = {"metadata": {"resourceVersion": version}, "status": {"volumesAttached": entries or None}}
        yield Patch(ObjectRef(NODES, "", seen.name), change, subresource="status")
    for want in seen.wants.values():
        if unique_name(want.source["driver"], want.source["volumeHandle"]) in set(attached) - set(before):
            text = f'AttachVolume.Attach succeeded for volume "{name_of(want.volume)}" '
            yield from (Emit(pod, "Normal", "SuccessfulAttachVolume", text) for pod in want.pods)


def _attach(seen: Seen) -> Iterator[Action]:
    """Attachments for what is needed; what hinders is told to the pods."""
    if seen.node is None:
        return
    for name, want in seen.wants.items():
        attachment = seen.attachments.get(name)
        if attachment is not None:
            if why := _failure(attachment):
                text = f'AttachVolume.Attach failed for volume "{name_of(want.volume)}" : {why}'
                yield from (Emit(pod, "Warning", "FailedAttachVolume", text) for pod in want.pods)
        elif seen.elsewhere[name] and not want.shared:
            if name not in seen.leaving:
                yield from _refused(want, seen.elsewhere[name])
        else:
            source = {"persistentVolumeName": name_of(want.volume)}
            made = {"attacher": want.source["driver"], "nodeName": seen.name, "source": source}
            yield Create(VOLUMEATTACHMENTS, {"metadata": {"name": name}, "spec": made}, exists_ok=True)


def _failure(attachment: Obj) -> str:
    if is_deleting(attachment):
        return "volume attachment is being deleted"
    if status(attachment).get("attached"):
        return ""
    error: Obj = status(attachment).get("attachError") or {}
    return str(error.get("message") or "")


def _refused(want: Want, elsewhere: Mapping[str, tuple[Obj, ...]]) -> Iterator[Action]:
    """Nobody hears the names of pods of other namespaces."""
    users = [pod for pods in elsewhere.values() for pod in pods]
    for pod in want.pods:
        near = [name_of(one) for one in users if namespace_of(one) == namespace_of(pod)]
        far = len(users) - len(near)
        if not users:
            why = "Volume is already exclusively attached to one node and can't be attached to another"
        elif near:
            more = f" and {far} pod(s) in different namespaces" if far else ""
            why = f"Volume is already used by pod(s) {', '.join(near)}{more}"
        else:
            why = f"Volume is already used by {far} pod(s) in different namespaces"
        text = f'Multi-Attach error for volume "{name_of(want.volume)}" {why}'
        yield Emit(pod, "Warning", "FailedAttachVolume", text)
