"""What the agent remembers of one pod, and what its work is done with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.actions import Crash
from sampan.kubelet.admission.fit import Held, held
from sampan.kubelet.admitter import Admitter
from sampan.kubelet.health import ProbedHealth
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.podspec import is_terminal
from sampan.kubelet.resize import Resize
from sampan.kubelet.resizer import Resizer
from sampan.kubelet.runner import PodRunner
from sampan.kubelet.runtime import PodStatus
from sampan.kubelet.status import Waiting
from sampan.kubelet.volumes import VolumePath
from sampan.kubelet.writer import StatusWriter


class Stage(Enum):
    """The life of a pod on its node; never back."""

    ASK = "ask"
    """Whether it may run is to be asked once more, with the Node as it is now."""
    RUN = "run"
    END = "end"
    """Its containers are being stopped."""
    OVER = "over"
    """They are stopped and will not start again."""
    GONE = "gone"
    """Nothing of it is left in the runtime."""


@dataclass(slots=True)
class PodState:
    """What the agent remembers of one pod."""

    pod: Obj
    stage: Stage = Stage.RUN
    in_api: bool = True
    after: int = 0
    """Only an account of the runtime newer than this is acted upon: when the last change was made."""
    task: asyncio.Task[None] | None = None
    grace: int = -1
    """What is being waited for, while stage is END."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    crash: dict[str, Crash] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    earlier: set[tuple[str, str]] = field(default_factory=set)
    """What an earlier agent has said of running containers: (id, startup or readiness)."""
    through: frozenset[str] = frozenset()
    """Ids of those that this one has: a container whose postStart hook runs is not looked at meanwhile."""
    failure: Waiting | None = None
    paths: dict[str, VolumePath] | None = None
    failures: int = 0
    refresh_at: float = 0.0
    """When its volumes are to be brought up to date, on the clock's monotonic scale."""
    torn_down: bool = False
    wanted: Obj = field(default_factory=dict)
    """The pod as the API says; `pod` has the resources that are granted."""
    resize: Resize = field(default_factory=lambda: Resize({}))
    refused: bool = False
    """It was not admitted; `failure` says why."""
    behind: frozenset[str] = frozenset()
    """The pods that have to end before this one may begin."""
    evicted: bool = False
    """The agent ends it for good; `failure` says why."""
    disrupted: str = ""
    """And so does the condition DisruptionTarget, if it is to have that."""
    most_grace: int | None = None
    """Seconds that it has at most, if it is evicted."""
    takes: Held | None = None

    @property
    def uid(self) -> str:
        uid: str = self.pod["metadata"]["uid"]
        return uid

    @property
    def deleting(self) -> bool:
        return not self.in_api or bool(self.pod["metadata"].get("deletionTimestamp"))

    @property
    def ending(self) -> bool:
        """Deleted, evicted or refused: nothing of it may begin any more."""
        return self.deleting or self.refused or self.evicted

    @property
    def active(self) -> bool:
        """It was admitted and has a part of the node."""
        lives = self.stage in (Stage.RUN, Stage.END)
        return lives and self.in_api and not self.refused and not is_terminal(self.pod)

    @property
    def held(self) -> Held:
        """What it takes of the node."""
        if self.takes is None or self.takes.pod is not self.pod:
            self.takes = held(self.pod)
        return self.takes


@dataclass(frozen=True, slots=True)
class Links:
    """What the workers work with."""

    runner: PodRunner
    cache: PodCache
    writer: StatusWriter
    clock: Clock
    health: ProbedHealth
    delete: Callable[[Obj], Awaitable[None]]
    """Take the pod out of the API, now."""
    message_of: Callable[[Obj, PodStatus, str], Awaitable[str]]
    """The termination message of an ended container, by its id."""
    host_ip: str
    runtime_name: str
    resizer: Resizer
    admitter: Admitter


def fingerprint(pod: Obj) -> tuple[object, ...]:
    """What of a pod concerns its node: not the status, which the node itself writes, save what others put there."""
    meta, status = pod["metadata"], pod.get("status") or {}
    gates = {g["conditionType"] for g in (pod.get("spec") or {}).get("readinessGates") or ()}
    conditions = [(c["type"], c.get("status")) for c in status.get("conditions") or () if c["type"] in gates]
    return (
        *(meta.get(k) for k in ("generation", "deletionTimestamp", "deletionGracePeriodSeconds")),
        *(meta.get(k) for k in ("labels", "annotations")),
        status.get("phase") in ("Succeeded", "Failed"),
        conditions,
    )
