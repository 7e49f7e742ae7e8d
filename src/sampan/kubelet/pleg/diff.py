"""What changed in a pod between two looks: states to PodEvents, and how an old and a new status become one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from sampan.kubelet.pleg.events import PodEvent, PodEventType
from sampan.kubelet.runtime import Container, ContainerState, PodStatus, Sandbox, SandboxState


class Life(Enum):
    """What the diff tells apart; "created" is unknown, as upstream has it."""

    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"
    GONE = "non-existent"


@dataclass(frozen=True, slots=True)
class PodRecord:
    """What a listing shows of one pod."""

    uid: str
    sandbox_ids: tuple[str, ...]
    lives: Mapping[str, Life]
    """Of sandboxes and containers alike, by id."""


def life(state: ContainerState | SandboxState) -> Life:
    """A container's or sandbox's state as the diff sees it."""
    if isinstance(state, SandboxState):
        return Life.RUNNING if state is SandboxState.READY else Life.EXITED
    if state is ContainerState.RUNNING:
        return Life.RUNNING
    return Life.EXITED if state is ContainerState.EXITED else Life.UNKNOWN


def lives(status: PodStatus | None) -> dict[str, Life]:
    """The states in a status, by id."""
    if status is None:
        return {}
    found = {s.id: life(s.state) for s in status.sandboxes}
    found.update((c.id, life(c.state)) for c in status.containers)
    return found


def records(sandboxes: Iterable[Sandbox], containers: Iterable[Container]) -> dict[str, PodRecord]:
    """A listing by pod UID. A container whose sandbox is not listed is left out: it is made or removed right now."""
    owner = {s.id: s.pod_uid for s in sandboxes}
    by_uid: dict[str, dict[str, Life]] = {}
    ids: dict[str, list[str]] = {}
    for s in sandboxes:
        by_uid.setdefault(s.pod_uid, {})[s.id] = life(s.state)
        ids.setdefault(s.pod_uid, []).append(s.id)
    for c in containers:
        uid = owner.get(c.sandbox_id)
        if uid is not None:
            by_uid[uid][c.id] = life(c.state)
    return {uid: PodRecord(uid, tuple(ids.get(uid, ())), found) for uid, found in by_uid.items() if uid}


def changes(uid: str, old: Mapping[str, Life], new: Mapping[str, Life]) -> list[PodEvent]:
    """The events between two looks at a pod (FACTS 1.4)."""
    events: list[PodEvent] = []
    for thing in sorted({*old, *new}):
        before, after = old.get(thing, Life.GONE), new.get(thing, Life.GONE)
        if before is after:
            continue
        match after:
            case Life.RUNNING:
                events.append(PodEvent(uid, PodEventType.STARTED, thing))
            case Life.EXITED:
                events.append(PodEvent(uid, PodEventType.DIED, thing))
            case Life.UNKNOWN:
                events.append(PodEvent(uid, PodEventType.CHANGED, thing))
            case Life.GONE:
                if before is not Life.EXITED:
                    events.append(PodEvent(uid, PodEventType.DIED, thing))
                events.append(PodEvent(uid, PodEventType.REMOVED, thing))
    return events


def keep_ips(old: PodStatus | None, new: PodStatus) -> PodStatus:
    """A pod keeps its addresses after its sandbox is dead; with a sandbox ready, the runtime's word counts."""
    if old is None or new.ips or any(s.state is SandboxState.READY for s in new.sandboxes):
        return new
    return replace(new, ips=old.ips)


ORDER = {ContainerState.CREATED: 0, ContainerState.RUNNING: 1, ContainerState.UNKNOWN: 1, ContainerState.EXITED: 2}
"""How far on in its life a container is. A running one may become unknown, which it must be ended for, and back."""


def onward(old: PodStatus | None, new: PodStatus) -> PodStatus:
    """The new status, in which no container or sandbox goes back in its life.

    A container never runs again under the same id, so a status that says less than what was seen is an older one, of
    whatever stamp: acting on it would start a second container (FACTS 1.8, bugs A, B and E).
    """
    if old is None:
        return new
    boxes = {s.id: s for s in old.sandboxes}
    known = {c.id: c for c in old.containers}

    def sandbox(s: Sandbox) -> Sandbox:
        was = boxes.get(s.id)
        return was if was is not None and s.state < was.state else s

    def container(c: Container) -> Container:
        was = known.get(c.id)
        if was is None:
            return c
        if ORDER[c.state] < ORDER[was.state]:
            return was if was.sandbox_id or not c.sandbox_id else replace(was, sandbox_id=c.sandbox_id)
        return c

    return replace(
        new,
        sandboxes=tuple(sandbox(s) for s in new.sandboxes),
        containers=tuple(container(c) for c in new.containers),
    )
