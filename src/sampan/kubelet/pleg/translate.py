"""One event of the runtime's stream and the cached status become the pod's new status and its PodEvents."""

from dataclasses import dataclass, replace

from sampan.kubelet.pleg.diff import changes, keep_ips, lives
from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.runtime import Container, ContainerEvent, EventType, PodStatus, SandboxState

TEN_YEARS = 10 * 365 * 86400 * 1_000_000_000
LATE = 1_000_000_000
"""Nanoseconds by which an event's contents may be older than its stamp: runtimes read first and stamp afterwards."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What to write at `stamp` and, if the cache takes it, to send. No status: the pod is gone."""

    uid: str
    stamp: int
    status: PodStatus | None
    events: tuple[PodEvent, ...]


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The event cannot be trusted, but something happened to this pod."""

    uid: str


def trusted(stamp: int, now: int) -> int:
    """An event's time in nanoseconds, never later than `now`; 0 when it is in another unit or means nothing.

    Runtimes have sent seconds where nanoseconds belong (FACTS 1.8, bugs B and C); such a stamp orders nothing.
    """
    return min(stamp, now) if abs(stamp - now) <= TEN_YEARS else 0


def translate(event: ContainerEvent, cached: PodStatus | None, uid: str, now: int) -> Translation | LookAgain | None:
    """What an event means for the pod `uid`, of which `cached` is known. None: nothing can be said, a relist will tell.

    Without a sandbox status (the sandbox is gone, or its lookup failed in the runtime) only the deletion of a sandbox
    or container that is known can be understood.
    """
    if not uid:
        return None
    stamp = trusted(event.created_at, now)
    if not stamp:
        return LookAgain(uid)
    gone = event.type is EventType.DELETED
    if event.sandbox is None and not gone:
        return LookAgain(uid)
    if not gone and _says_too_little(event, cached):
        return LookAgain(uid)
    status = _left(event, cached, uid) if event.sandbox is None else _merged(event, cached, uid, stamp)
    if gone and not status.sandboxes:
        return Translation(uid, stamp, None, _all_gone(event, cached, uid))
    events = _own(event, uid)
    own = {event.container_id}
    others = changes(uid, lives(cached), lives(status))
    return Translation(uid, stamp, status, (*events, *(e for e in others if e.container_id not in own)))


def _says_too_little(event: ContainerEvent, cached: PodStatus | None) -> bool:
    """Whether the statuses leave out the container that the event is of, or all that are known (FACTS 1.8, bug D)."""
    box = event.sandbox
    if box is None:
        return True
    if event.container_id != box.id:
        return all(one.id != event.container_id for one in event.containers)
    known = cached.containers if cached is not None else ()
    return not event.containers and any(one.sandbox_id == box.id for one in known)


def owner(event: ContainerEvent) -> str:
    """The pod the event speaks of, or nothing when it does not say."""
    return event.sandbox.pod_uid if event.sandbox is not None else ""


def _own(event: ContainerEvent, uid: str) -> tuple[PodEvent, ...]:
    """FACTS 1.6: what the event itself announces."""
    match event.type:
        case EventType.STARTED:
            kinds: tuple[PodEventType, ...] = (PodEventType.STARTED,)
        case EventType.STOPPED:
            kinds = (PodEventType.DIED,)
        case EventType.DELETED:
            kinds = (PodEventType.DIED, PodEventType.REMOVED)
        case _:
            kinds = ()
    return tuple(PodEvent(uid, kind, event.container_id) for kind in kinds)


def _all_gone(event: ContainerEvent, cached: PodStatus | None, uid: str) -> tuple[PodEvent, ...]:
    """The last sandbox is deleted: its own events, and those of containers whose deletion was not announced."""
    others = changes(uid, lives(cached), {})
    return (*_own(event, uid), *(e for e in others if e.container_id != event.container_id))


def _left(event: ContainerEvent, cached: PodStatus | None, uid: str) -> PodStatus:
    """The cached status without what was deleted; a sandbox takes its containers along."""
    old = cached or PodStatus(uid)
    gone = event.container_id
    return replace(
        old,
        sandboxes=tuple(s for s in old.sandboxes if s.id != gone),
        containers=tuple(c for c in old.containers if gone not in (c.id, c.sandbox_id)),
    )


def _merged(event: ContainerEvent, cached: PodStatus | None, uid: str, stamp: int) -> PodStatus:
    """The status the event carries (one sandbox and its containers), beside what is known of the pod's other ones."""
    box = event.sandbox
    assert box is not None, "translate handles events without a sandbox"
    old = cached or PodStatus(uid)
    told = tuple(c if c.sandbox_id else replace(c, sandbox_id=box.id) for c in event.containers)
    names = {c.id for c in told}
    gone = event.container_id if event.type is EventType.DELETED else ""

    def stays(container: Container) -> bool:
        if container.id in names or gone in (container.id, container.sandbox_id):
            return False
        if container.sandbox_id != box.id:
            return True
        return container.created_at > stamp - LATE  # made while the runtime put the event together

    containers = (*(c for c in told if c.id != gone), *(c for c in old.containers if stays(c)))
    sandboxes = (*(() if box.id == gone else (box,)), *(s for s in old.sandboxes if s.id not in (box.id, gone)))
    newest = tuple(sorted(sandboxes, key=lambda s: (-s.created_at, s.id)))
    status = PodStatus(
        uid=uid,
        name=box.pod_name,
        namespace=box.pod_namespace,
        sandboxes=newest,
        containers=tuple(sorted(containers, key=lambda c: (-c.created_at, c.id))),
        ips=next((s.ips for s in newest if s.state is SandboxState.READY), ()),
    )
    return keep_ips(cached, status)
