"""Probes: which are due, what their results mean, and what follows for decisions and readiness."""

import asyncio
import heapq
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.kubelet.actions import Health, Probe
from sampan.kubelet.expand import expand
from sampan.kubelet.handlers import Handlers, Outcome
from sampan.kubelet.podspec import every_container
from sampan.kubelet.runtime import Container, ContainerState, PodStatus

log = logging.getLogger("sampan.kubelet")
KINDS = {"startupProbe": "startup", "livenessProbe": "liveness", "readinessProbe": "readiness"}
TITLES = {"startup": "Startup", "liveness": "Liveness", "readiness": "Readiness"}
AT_ONCE = 32
EventSink = Callable[[Obj, str, str, str, str], None]


@dataclass(slots=True)
class Watch:
    """One probe of one running container. `passed` is None until a threshold was reached."""

    pod: Obj
    container: Obj
    run: Container
    kind: str
    ip: str
    passed: bool | None = None
    streak: int = 0
    streak_ok: bool = False
    ended: bool = False
    held: bool = False
    """Waits for the startup probe."""

    @property
    def settings(self) -> Obj:
        found: Obj = self.container[f"{self.kind}Probe"]
        return found

    def threshold(self, ok: bool) -> int:
        """How many results in a row count."""
        return (
            int(self.settings.get("successThreshold") or 1) if ok else int(self.settings.get("failureThreshold") or 3)
        )


def expanded(settings: Obj, container: Obj) -> Obj:
    """A probe whose command has the references to the container's plain variables replaced."""
    if "exec" not in settings:
        return settings
    plain = {entry["name"]: entry.get("value") or "" for entry in container.get("env") or ()}
    command = [expand(part, plain) for part in settings["exec"].get("command") or ()]
    return {**settings, "exec": {**settings["exec"], "command": command}}


def verdict(watch: Watch, ok: bool) -> bool:
    """Take a result in; True when it changes what the probe says."""
    watch.streak = watch.streak + 1 if watch.streak_ok is ok else 1
    watch.streak_ok = ok
    if watch.streak < watch.threshold(ok) or watch.passed is ok:
        return False
    watch.passed = ok
    return True


@dataclass(slots=True)
class Followed:
    """The probes of one pod, by container id and kind."""

    watches: dict[tuple[str, str], Watch] = field(default_factory=dict)
    ending: bool = False
    """The pod ends: no probe begins any more."""


class ProbedHealth:
    """Runs the probes of all pods of a node: one heap of due times, a task only while a probe is under way."""

    def __init__(
        self, handlers: Handlers, clock: Clock, on_event: EventSink, poke: Callable[[str], None],
        passed_before: Callable[[str, str, str], bool] = lambda uid, container_id, kind: False,
        host_ip: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self._handlers, self._clock, self._event, self._poke = handlers, clock, on_event, poke
        self._passed_before, self._host_ip = passed_before, host_ip
        self._pods: dict[str, Followed] = {}
        self._due: list[tuple[float, int, Watch]] = []
        self._order = count()
        self._more = asyncio.Event()
        self._limit = asyncio.Semaphore(AT_ONCE)

    # --- what the workers ask

    def follow(self, pod: Obj, status: PodStatus) -> None:
        """These containers run: probe them, and those that have ended no more."""
        uid = pod["metadata"]["uid"]
        running = {c.id: c for c in status.containers if c.state is ContainerState.RUNNING}
        followed = self._pods.get(uid)
        if followed is None:
            if not any(kind in c for c in every_container(pod) for kind in KINDS):
                return
            followed = self._pods[uid] = Followed()
        for key, watch in list(followed.watches.items()):
            if key[0] not in running:
                watch.ended = True
                del followed.watches[key]
        for container in () if followed.ending else every_container(pod):
            for run in (c for c in running.values() if c.name == container["name"]):
                for field_name, kind in KINDS.items():
                    if field_name in container and (run.id, kind) not in followed.watches:
                        ip = next(iter(status.ips), self._host_ip)
                        self._begin(followed, Watch(pod, container, run, kind, ip))

    def _begin(self, followed: Followed, watch: Watch) -> None:
        followed.watches[watch.run.id, watch.kind] = watch
        uid = watch.pod["metadata"]["uid"]
        if watch.kind != "liveness" and self._passed_before(uid, watch.run.id, watch.kind):
            watch.passed = True
            if watch.kind == "startup":
                return
        age = self._clock.now().timestamp() - watch.run.started_at / 1e9
        wait = float(watch.settings.get("initialDelaySeconds") or 0) - age
        self._plan(watch, max(0.0, wait))

    def quiet(self, uid: str) -> None:
        """The pod is being ended: only whether its containers are ready is asked still, until they have ended."""
        followed = self._pods.get(uid)
        if followed is None:
            return
        followed.ending = True
        for key, watch in list(followed.watches.items()):
            if watch.kind != "readiness":
                watch.ended = True
                del followed.watches[key]
            elif watch.held:
                watch.held = False
                self._plan(watch, 0.0)

    def forget(self, uid: str) -> None:
        """The pod has ended: probe it no more."""
        followed = self._pods.pop(uid, None)
        for watch in followed.watches.values() if followed is not None else ():
            watch.ended = True

    def of(self, pod: Obj, status: PodStatus) -> tuple[Health, frozenset[str]]:
        """What decisions need, and the ids of running containers that are not ready."""
        followed = self._pods.get(pod["metadata"]["uid"])
        watches = followed.watches if followed is not None else {}
        running = [c.id for c in status.containers if c.state is ContainerState.RUNNING]
        failed: dict[str, Probe] = {}
        for (container_id, kind), watch in watches.items():
            if watch.passed is False and kind in ("liveness", "startup"):
                failed[container_id] = "liveness" if kind == "liveness" else "startup"
        started = frozenset(i for i in running if (i, "startup") not in watches or watches[i, "startup"].passed is True)
        unready = frozenset(
            i for i in running if (i, "readiness") in watches and watches[i, "readiness"].passed is not True
        )
        return Health(failed, started), unready

    # --- probing

    def _plan(self, watch: Watch, seconds: float) -> None:
        entry = (self._clock.monotonic() + seconds, next(self._order), watch)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self._more.set()

    async def run(self) -> None:
        """Probe what is due until cancelled."""
        async with Tasks() as tasks:
            while True:
                self._more.clear()
                now = self._clock.monotonic()
                while self._due and self._due[0][0] <= now:
                    watch = heapq.heappop(self._due)[2]
                    if not watch.ended:
                        tasks.start(self._probe(watch), f"{watch.kind} probe")
                if not self._due:
                    await self._more.wait()
                    continue
                alarm = tasks.start(self._clock.sleep(self._due[0][0] - now), "next probe")
                waiter = tasks.start(self._more.wait(), "more probes")
                await asyncio.wait((alarm, waiter), return_when=asyncio.FIRST_COMPLETED)
                alarm.cancel()
                waiter.cancel()

    async def _probe(self, watch: Watch) -> None:
        period = float(watch.settings.get("periodSeconds") or 10)
        began = self._clock.monotonic()
        if watch.kind != "startup" and not self._startup_passed(watch):
            watch.held = True
            return
        async with self._limit:
            timeout = float(watch.settings.get("timeoutSeconds") or 1)
            outcome = await self._handlers.run(
                watch.container, expanded(watch.settings, watch.container), watch.run.id, watch.ip, timeout
            )
        if watch.ended:
            return
        self._tell(watch, outcome)
        if outcome.ok is not None and verdict(watch, outcome.ok):
            self._poke(watch.pod["metadata"]["uid"])
            if watch.kind == "startup" and watch.passed:
                self._release(watch)
        if (watch.kind == "startup" and watch.passed) or (watch.kind != "readiness" and watch.passed is False):
            return  # it has said its last word
        self._plan(watch, max(0.0, period - (self._clock.monotonic() - began)))

    def _release(self, startup: Watch) -> None:
        """The container has started: what waited for that is due now."""
        followed = self._pods.get(startup.pod["metadata"]["uid"])
        for watch in followed.watches.values() if followed is not None else ():
            if watch.held and watch.run.id == startup.run.id:
                watch.held = False
                self._plan(watch, 0.0)

    def _startup_passed(self, watch: Watch) -> bool:
        followed = self._pods.get(watch.pod["metadata"]["uid"])
        other = followed.watches.get((watch.run.id, "startup")) if followed is not None else None
        return other is None or other.passed is True

    def _tell(self, watch: Watch, outcome: Outcome) -> None:
        if not outcome.ok:
            what = "failed" if outcome.ok is False else "errored and resulted in unknown state"
            text = f"{TITLES[watch.kind]} probe {what}: {outcome.message}"
            self._event(watch.pod, "Warning", "Unhealthy", text, watch.container["name"])
