"""What has to be done to a pod's sandbox and containers, from what is wanted and what the runtime has."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sampan.api.json import Obj
from sampan.kubelet.container_config import container_hash
from sampan.kubelet.podspec import (
    containers,
    ephemeral_containers,
    init_containers,
    is_sidecar,
    restart_policy,
    restarts,
)
from sampan.kubelet.resize import Amounts, Update, amounts, needs_restart, updates
from sampan.kubelet.runtime import Container, ContainerState, PodStatus, Sandbox, SandboxState

Actual = Mapping[str, Amounts]
NOTHING: Actual = {}
HASH = "io.kubernetes.container.hash"
Probe = Literal["liveness", "startup"]


@dataclass(frozen=True, slots=True)
class Kill:
    """Stop a running container. `probe` is the probe that failed, if that is the cause."""

    container: Container
    message: str
    probe: str = ""
    resize: bool = False
    """It has to start again to get other limits."""


@dataclass(frozen=True, slots=True)
class Start:
    """Create and start a container. `attempt` counts its restarts; `last` is the run before.

    `target` is the id of the container whose processes an ephemeral one is to see, empty if that never ran.
    """

    name: str
    attempt: int
    last: Container | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What probes and hooks say of running containers, by container id."""

    failed: Mapping[str, Probe] = field(default_factory=dict)
    started: frozenset[str] = frozenset()
    """Those whose startup probe (if any) and postStart hook are through."""


@dataclass(frozen=True, slots=True)
class PodActions:
    """In the order in which they are to be done: stop everything, or some; a new sandbox; then what starts."""

    kill_pod: bool = False
    kill: tuple[Kill, ...] = ()
    create_sandbox: bool = False
    sandbox_id: str = ""
    attempt: int = 0
    """Of the sandbox to be created."""
    start: tuple[Start, ...] = ()
    update: tuple[Update, ...] = ()
    """Other limits for containers that run, before what starts."""

    @property
    def nothing(self) -> bool:
        """There is nothing to do."""
        return not (self.kill_pod or self.kill or self.create_sandbox or self.start or self.update)


def newest(status: PodStatus, name: str) -> Container | None:
    """The last run of a container."""
    runs = [c for c in status.containers if c.name == name]
    return max(runs, key=lambda c: (c.attempt, c.created_at)) if runs else None


def decide(pod: Obj, status: PodStatus, health: Health, actual: Actual = NOTHING) -> PodActions:
    """The next actions for a pod that is to run; nothing when it is as wanted. `actual`: what running containers have.

    Behaviour of upstream's computePodActions: a sandbox that is not ready is replaced with all its containers; init
    containers run one after another; app containers by restart policy; when nothing is left to run, all is stopped.
    """
    ready = [s for s in status.sandboxes if s.state is SandboxState.READY]
    newest_sandbox = max(status.sandboxes, key=lambda s: (s.attempt, s.created_at), default=None)
    if newest_sandbox is None or len(ready) != 1:
        return _new_sandbox(pod, status, newest_sandbox)
    actions = PodActions(sandbox_id=ready[0].id, start=_ephemeral(pod, status))
    if init_containers(pod):
        waits, actions = _initialize(pod, status, health, actions, actual)
        if waits or actions.kill_pod:
            return actions if actions.kill_pod else _resized(pod, status, actions, actual)
    actions = _run(pod, status, health, actions, actual)
    return actions if actions.kill_pod else _resized(pod, status, actions, actual)


def _resized(pod: Obj, status: PodStatus, actions: PodActions, actual: Actual) -> PodActions:
    """With the limits that are to be changed of what runs on."""
    if not actual:
        return actions
    ending = {kill.container.id for kill in actions.kill}
    running = {c.name: c.id for c in status.running if c.id not in ending}
    todo = updates(pod, running, actual)
    return replace(actions, update=todo) if todo else actions


def _new_sandbox(pod: Obj, status: PodStatus, last: Sandbox | None) -> PodActions:
    """Replace the sandbox, unless the pod is over and must not start again."""
    attempt = last.attempt + 1 if last is not None else 0
    stop = PodActions(kill_pod=last is not None)
    if restart_policy(pod) == "Never" and attempt and status.containers:
        return stop
    wanted = [c for c in containers(pod) if not _over(pod, c, newest(status, c["name"]))]
    if not wanted:
        return stop
    start = tuple(_start(c, status) for c in init_containers(pod)[:1] or wanted)
    return replace(stop, create_sandbox=True, attempt=attempt, start=start)


def _ephemeral(pod: Obj, status: PodStatus) -> tuple[Start, ...]:
    """The ephemeral containers that have not been made yet; they do not wait for others and never run twice."""
    made = []
    for container in ephemeral_containers(pod):
        if newest(status, container["name"]) is None:
            target = newest(status, container.get("targetContainerName") or "")
            made.append(Start(container["name"], 0, target=target.id if target is not None else ""))
    return tuple(made)


def _start(container: Obj, status: PodStatus) -> Start:
    last = newest(status, container["name"])
    return Start(container["name"], last.attempt + 1 if last is not None else 0, last)


def _over(pod: Obj, container: Obj, last: Container | None) -> bool:
    """A container that has ended and must not run again."""
    if last is None or last.state is not ContainerState.EXITED:
        return False
    return not restarts(pod, container, last.exit_code)


def _initialize(
    pod: Obj, status: PodStatus, health: Health, actions: PodActions, actual: Actual
) -> tuple[bool, PodActions]:
    """The init containers: True while the app containers have to wait for them."""
    begun = any(newest(status, c["name"]) is not None for c in containers(pod))
    start, kill = list(actions.start), list(actions.kill)

    def result(waits: bool, kill_pod: bool = False) -> tuple[bool, PodActions]:
        return waits, replace(actions, start=tuple(start), kill=tuple(kill), kill_pod=kill_pod)

    for container in init_containers(pod):
        last = newest(status, container["name"])
        if is_sidecar(container):
            if last is None or last.state is not ContainerState.RUNNING:
                if last is not None and last.state is ContainerState.UNKNOWN:
                    kill.append(_unknown(last))
                start.append(_start(container, status))
                if not begun:
                    return result(True)
            else:
                if bad := _unhealthy(container, last, health) or _restarted(pod, container, last, actual):
                    kill.append(bad)
                    start.append(_start(container, status))
                if last.id not in health.started and not begun:
                    return result(True)
            continue
        if begun:
            continue  # the app containers have run: this one is through, though its remains may be gone
        if last is None:
            start.append(_start(container, status))
            return result(True)
        if last.state is ContainerState.EXITED:
            if last.exit_code == 0:
                continue
            if not restarts(pod, container, last.exit_code):
                return result(True, kill_pod=True)
            start.append(_start(container, status))
            return result(True)
        if last.state is ContainerState.UNKNOWN:
            kill.append(_unknown(last, "Init container"))
            start.append(_start(container, status))
        elif last.state is ContainerState.CREATED:
            start.append(_start(container, status))
        return result(True)
    return result(False)


def _unknown(run: Container, what: str = "Container") -> Kill:
    return Kill(run, f"{what} {run.name} is in unknown state, try killing it before restart")


def _unhealthy(container: Obj, run: Container, health: Health) -> Kill | None:
    """Why a running container has to be restarted, if it has to."""
    wanted = run.annotations.get(HASH)
    if wanted and wanted != container_hash(container):
        return Kill(run, f"Container {run.name} definition changed, will be restarted")
    probe = health.failed.get(run.id)
    if probe:
        return Kill(run, f"Container {run.name} failed {probe} probe", probe)
    return None


def _restarted(pod: Obj, container: Obj, run: Container, actual: Actual) -> Kill | None:
    """A container that has to start again to get other limits."""
    has = actual.get(container["name"])
    if has is None or not needs_restart(container, has, amounts(pod, container)):
        return None
    return Kill(run, f"Container {run.name} resize requires restart", resize=True)


def _will_be_restarted(message: str) -> str:
    return message.removesuffix(", will be restarted") + ", will be restarted"


def _run(pod: Obj, status: PodStatus, health: Health, actions: PodActions, actual: Actual) -> PodActions:
    """The app containers."""
    start, kill, kept = list(actions.start), list(actions.kill), 0
    for container in containers(pod):
        last = newest(status, container["name"])
        if last is not None and last.state is ContainerState.RUNNING:
            bad = _unhealthy(container, last, health) or _restarted(pod, container, last, actual)
            if bad is None:
                kept += 1
                continue
            if bad.probe and restart_policy(pod) == "Never":
                kill.append(bad)
                continue
            kill.append(bad if bad.resize else replace(bad, message=_will_be_restarted(bad.message)))
            start.append(_start(container, status))
        elif not _over(pod, container, last):
            if last is not None and last.state is ContainerState.UNKNOWN:
                kill.append(_unknown(last))
            start.append(_start(container, status))
    if not kept and not any(s.name in {c["name"] for c in containers(pod)} for s in start):
        return PodActions(kill_pod=True, sandbox_id=actions.sandbox_id)
    return replace(actions, start=tuple(start), kill=tuple(kill))


# --- restart back-off

FIRST_BACKOFF, MOST_BACKOFF, RESET_AFTER = 10.0, 300.0, 600.0


@dataclass(frozen=True, slots=True)
class Crash:
    """A container's restart back-off: how long it waits after an end, and when that was last raised (clock seconds)."""

    delay: float
    raised_at: float


def may_restart(crash: Crash | None, finished_at: float) -> float:
    """When a container that ended at `finished_at` may start again; both in seconds since the epoch."""
    if crash is None or finished_at - crash.raised_at > RESET_AFTER:
        return finished_at
    return finished_at + crash.delay


def crashed(crash: Crash | None, finished_at: float, now: float) -> Crash:
    """The back-off after one more restart: 10 s, 20 s, ... 300 s; anew after ten quiet minutes."""
    if crash is None or finished_at - crash.raised_at > RESET_AFTER:
        return Crash(FIRST_BACKOFF, now)
    return Crash(min(crash.delay * 2, MOST_BACKOFF), now)
