"""One pod at a time per pod: wait for news of it, decide, do, report. A pod that rests costs no task."""

import asyncio
import logging

from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.api.times import format_duration
from sampan.kubelet.actions import Kill, PodActions, Start, crashed, decide, may_restart
from sampan.kubelet.admission import preemption
from sampan.kubelet.container_config import qos_class
from sampan.kubelet.pod_state import Links, PodState, Stage, fingerprint
from sampan.kubelet.podspec import deadline_passes_in, every_container, grace_seconds, is_static, is_terminal
from sampan.kubelet.resize import begin
from sampan.kubelet.runner import NotStarted
from sampan.kubelet.runtime import ContainerState, CriError, PodStatus
from sampan.kubelet.status import Known, Waiting, combined, pod_status, refused_status
from sampan.kubelet.volumes import VolumeError, VolumePath

log = logging.getLogger("sampan.kubelet")
ORPHAN_GRACE = 1
RESIZE_AGAIN = 10.0
"""Seconds after which a resize that the runtime refused is tried again."""
SAID = {"started": "startup", "ready": "readiness"}
DEADLINE = Waiting("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


PREEMPTED = Waiting(preemption.REASON, preemption.MESSAGE)


class Workers:
    """Give it pods by `put` and `gone`, news of the runtime by `poke`."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._pods: dict[str, PodState] = {}
        self._queue: WorkQueue[str] = WorkQueue(links.clock)
        self._tasks = Tasks()

    def __contains__(self, uid: object) -> bool:
        return uid in self._pods

    def pods(self) -> list[Obj]:
        """The pods that have not gone, as the API last said."""
        return [state.pod for state in self._pods.values() if state.stage is not Stage.GONE]

    def pod(self, uid: str) -> Obj | None:
        """A pod as the API last said."""
        state = self._pods.get(uid)
        return None if state is None else state.pod

    # --- news

    def put(self, pod: Obj) -> None:
        """A pod of this node, new or changed."""
        uid = pod["metadata"]["uid"]
        state = self._pods.get(uid)
        if state is None:
            state = self._pods[uid] = PodState(pod, resize=begin(pod))
            if is_static(pod):  # its earlier self ends first
                state.behind = frozenset(
                    s.uid for s in self._pods.values() if s.ending and _names(s.pod) == _names(pod)
                )
            self._restore(state)
            self._grant(state, pod)
            self._admit(state)
        else:
            same = fingerprint(state.pod) == fingerprint(pod)
            self._grant(state, pod)
            if same:
                return
        self._hurry(state)
        self._queue.add(uid)

    def _grant(self, state: PodState, pod: Obj) -> None:
        """Take the pod in as the API says; other resources than before only if the node has them."""
        others = (s.held for s in self._pods.values() if s is not state and s.active)
        state.wanted = pod
        state.pod, granted = self._links.resizer.take(state.resize, pod, others)
        if granted:
            self._retry_pending(state)

    def _admit(self, state: PodState, *, finally_: bool = False) -> None:
        """Let a new pod run, make others end for it, or refuse it."""
        if state.deleting or is_terminal(state.pod):
            return
        others = [s.held for s in self._pods.values() if s is not state and s.active]
        verdict = self._links.admitter.verdict(state.held, others)
        if verdict.stale and not finally_:
            state.stage = Stage.ASK
            return
        state.stage = Stage.RUN
        if verdict.refusal is not None:
            reason, message = verdict.refusal
            self._links.runner.event(state.pod, "Warning", reason, message)
            self._links.admitter.counts.refused(reason)
            state.failure, state.refused = Waiting(reason, f"Pod was rejected: {message}"), True
            state.stage = Stage.END
        for victim in verdict.preempt:
            self._links.runner.event(victim.pod, "Warning", PREEMPTED.reason, PREEMPTED.message)
            self.evict(victim.pod["metadata"]["uid"], PREEMPTED, preemption.CONDITION)
            self._links.admitter.counts.preempted(verdict.lacking)
        state.behind |= {victim.pod["metadata"]["uid"] for victim in verdict.preempt}

    def evict(self, uid: str, why: Waiting, condition: str, grace: int | None = None) -> bool:
        """End a pod for good, within that many seconds at most; False when it is not there or ends already."""
        state = self._pods.get(uid)
        if state is None or state.ending or state.stage not in (Stage.ASK, Stage.RUN):
            return False
        state.failure, state.evicted, state.disrupted = why, True, condition
        state.most_grace, state.stage = grace, Stage.END
        if state.task is not None:
            state.task.cancel()
        self._queue.add(uid)
        return True

    def active(self) -> list[Obj]:
        """The pods that were admitted and have not ended."""
        return [state.pod for state in self._pods.values() if state.active and state.stage is Stage.RUN]

    def ended(self, uid: str) -> bool:
        """Whether nothing of a pod runs any more, and its volumes have been given back."""
        state = self._pods.get(uid)
        return state is None or state.torn_down

    async def clean_up(self) -> None:
        """Remove the containers of pods that are over. Raises CriError."""
        for state in list(self._pods.values()):
            status = self._links.cache.peek(state.uid)
            if state.stage is Stage.OVER and state.torn_down and status is not None:
                await self._links.runner.remove_all(status, logs=False)

    def _held_up(self, state: PodState) -> bool:
        """Whether pods that have to end for this one have not yet."""
        ending = (self._pods.get(uid) for uid in state.behind)
        state.behind = frozenset(s.uid for s in ending if s is not None and s.ending and not s.torn_down)
        return bool(state.behind)

    def _retry_pending(self, cause: PodState) -> None:
        """Something has become free: look again at the resizes that wait, the most important first."""
        waiting = [s for s in self._pods.values() if s.resize.pending is not None and s is not cause]
        waiting.sort(key=lambda s: (-int((s.pod["spec"] or {}).get("priority") or 0), qos_class(s.pod) != "Guaranteed"))
        for state in waiting:
            if state.stage is Stage.RUN and not state.deleting:
                self._grant(state, state.wanted)
                self._queue.add(state.uid)

    def gone(self, pod: Obj) -> None:
        """The API has the pod no more: whatever runs of it has to end."""
        state = self._pods.get(pod["metadata"]["uid"])
        if state is not None:
            state.in_api = False
            self._hurry(state)
            self._queue.add(state.uid)

    def orphan(self, status: PodStatus) -> None:
        """The runtime has a pod that the API never had, or has no more."""
        if status.uid not in self._pods:
            meta = {"uid": status.uid, "name": status.name, "namespace": status.namespace}
            self._pods[status.uid] = PodState({"metadata": meta, "spec": {}}, in_api=False)
            self._queue.add(status.uid)

    def poke(self, uid: str) -> None:
        """The runtime has news of the pod, or a probe has."""
        state = self._pods.get(uid)
        if state is None:
            return
        if state.stage is Stage.END and state.task is not None:  # its containers are waited for: tell meanwhile
            runtime = self._links.cache.peek(uid)
            if runtime is not None and not state.refused:
                self._report_ending(state, runtime)
        self._queue.add(uid)

    def poke_all(self) -> None:
        """Something that any pod may wait for has come."""
        for uid in self._pods:
            self._queue.add(uid)

    def _restore(self, state: PodState) -> None:
        """After a restart of the agent: containers that the API calls started or ready are, until a probe says no."""
        before = state.pod.get("status") or {}
        for entry in (*(before.get("initContainerStatuses") or ()), *(before.get("containerStatuses") or ())):
            container_id = (entry.get("containerID") or "").rpartition("/")[2]
            state.earlier.update((container_id, kind) for field, kind in SAID.items() if entry.get(field))

    def _hurry(self, state: PodState) -> None:
        """A deletion does not wait for a pull, nor a shorter grace for a longer one."""
        if state.task is None or not state.ending:
            return
        if state.stage is Stage.RUN or (state.stage is Stage.END and self._grace(state) < state.grace):
            state.task.cancel()

    @staticmethod
    def _grace(state: PodState) -> int:
        """Seconds; one for a pod that only the runtime knows, as upstream gives."""
        own = grace_seconds(state.pod) if state.pod["spec"] else ORPHAN_GRACE
        return own if state.most_grace is None else max(1, min(own, state.most_grace))

    def passed_before(self, uid: str, container_id: str, kind: str) -> bool:
        """Whether a container had passed its startup or readiness probe before a restart of the agent."""
        state = self._pods.get(uid)
        return state is not None and (container_id, kind) in state.earlier

    # --- life

    async def run(self) -> None:
        """Work until cancelled; containers go on."""
        try:
            while True:
                uid = await self._queue.get()
                task = self._tasks.start(self._turn(uid), f"pod {uid}")
                state = self._pods.get(uid)
                if state is not None:
                    state.task = task
        except QueueClosed:
            return
        finally:
            await self._queue.close()
            await self._tasks.cancel()

    async def _turn(self, uid: str) -> None:
        state = self._pods.get(uid)
        try:
            if state is not None:
                await self._step(state)
                state.failures = 0
        except Exception as error:  # whatever it was, the pod is not given up
            assert state is not None
            state.failures += 1
            state.after = self._links.cache.now()
            delay = min(300.0, 0.5 * 2 ** min(state.failures, 10))
            expected = isinstance(error, CriError | OSError | VolumeError)
            level = logging.INFO if expected else logging.ERROR
            text = "pod %s/%s: %s; again in %g s"
            log.log(level, text, *_names(state.pod), error, delay, exc_info=not expected)
            self._queue.add_after(uid, delay)
        except asyncio.CancelledError:
            if state is None or not state.ending:
                raise
            state.after = self._links.cache.now()
            self._queue.add(uid)  # hurried: look again, and end what was begun
        finally:
            if state is not None:
                state.task = None
            self._queue.done(uid)

    async def close(self) -> None:
        """End all turns; containers go on."""
        await self._queue.close()
        await self._tasks.cancel()

    async def _step(self, state: PodState) -> None:
        links = self._links
        runtime = await links.cache.newer_than(state.uid, state.after)
        if state.stage is Stage.ASK:
            await links.admitter.refresh()
            self._admit(state, finally_=True)
        if state.stage in (Stage.ASK, Stage.RUN) and (state.deleting or is_terminal(state.pod)):
            state.stage = Stage.END
        if state.stage is Stage.RUN and self._held_up(state):
            return
        if state.stage is Stage.RUN:
            await self._live(state, runtime)
        if state.stage is Stage.END:
            await self._end(state)
        if state.stage is Stage.OVER:
            await self._clean(state)

    # --- a pod that runs

    async def _live(self, state: PodState, runtime: PodStatus) -> None:
        links = self._links
        left = deadline_passes_in(state.pod, links.clock.now())
        if left is not None and left <= 0:
            state.failure, state.stage = DEADLINE, Stage.END
            links.runner.event(state.pod, "Normal", DEADLINE.reason, DEADLINE.message)
            return
        if left is not None:
            self._queue.add_after(state.uid, left)
        await self._read_messages(state, runtime)
        links.health.follow(state.pod, runtime)
        health, unready = links.health.of(state.pod, runtime)
        state.through = health.started
        links.resizer.progress(state.resize, state.pod, runtime)
        actions = decide(state.pod, runtime, health, state.resize.actual)
        state.waiting = {name: why for name, why in state.waiting.items() if any(s.name == name for s in actions.start)}
        self._report(state, runtime, unready, health.started)
        if actions.nothing:
            if await links.runner.remove_old(state.pod, runtime):
                state.after = links.cache.now()
            await self._refresh(state)
            return
        if actions.kill_pod and not actions.create_sandbox:
            state.stage = Stage.END
            return
        done = await self._act(state, runtime, actions)
        self._report(state, runtime, unready, health.started)
        if done:
            state.after = links.cache.now()
            self._queue.add(state.uid)

    async def _act(self, state: PodState, runtime: PodStatus, actions: PodActions) -> bool:
        """True when something was changed."""
        runner, changed, sandbox_id, ips = self._links.runner, False, actions.sandbox_id, runtime.ips
        grace = grace_seconds(state.pod)
        if actions.kill_pod:
            runner.event(
                state.pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created."
            )
            await runner.stop_all(state.pod, runtime, grace)
            changed = True
        for kill in actions.kill:
            await self._kill(state, kill, grace)
            changed = True
        if any(kill.resize for kill in actions.kill):  # what starts again would not fit into the pod's old cgroup
            await runner.regroup(state.pod, actions.update)
        if actions.update:
            resized = await self._links.resizer.apply(state.resize, state.pod, actions.update)
            if not resized:
                self._queue.add_after(state.uid, RESIZE_AGAIN)
            changed |= resized
        if actions.create_sandbox or actions.start:
            state.paths = await self._volumes(state)
        if actions.create_sandbox:
            sandbox_id, _ = await runner.sandbox(state.pod, actions.attempt)
            ips = (await runner.runtime.pod_status(state.uid, (sandbox_id,))).ips
            changed = True
        for start in actions.start:
            changed |= await self._start(state, start, sandbox_id, ips)
        return changed

    async def _volumes(self, state: PodState) -> dict[str, VolumePath]:
        try:
            paths = await self._links.runner.volumes.set_up(state.pod)
        except VolumeError as error:
            self._links.runner.event(state.pod, "Warning", "FailedMount", str(error))
            raise
        self._plan_refresh(state)
        return paths

    async def _refresh(self, state: PodState) -> None:
        """Bring configMap, secret, downwardAPI and token volumes up to date when it is time."""
        if self._links.clock.monotonic() < state.refresh_at:
            return
        try:
            await self._links.runner.volumes.refresh(state.pod)
        except VolumeError as error:
            log.warning("pod %s/%s: %s", *_names(state.pod), error)
        self._plan_refresh(state)

    def _plan_refresh(self, state: PodState) -> None:
        seconds = self._links.runner.volumes.refresh_in(state.pod)
        state.refresh_at = self._links.clock.monotonic() + seconds
        if seconds != float("inf"):
            self._queue.add_after(state.uid, seconds)

    async def _kill(self, state: PodState, kill: Kill, grace: int) -> None:
        container = next(c for c in every_container(state.pod) if c["name"] == kill.container.name)
        own = (container.get(f"{kill.probe}Probe") or {}).get("terminationGracePeriodSeconds") if kill.probe else None
        await self._links.runner.stop(state.pod, kill.container, kill.message, grace if own is None else int(own))

    async def _start(self, state: PodState, start: Start, sandbox_id: str, ips: tuple[str, ...]) -> bool:
        """Start one container, unless it has to wait; True when something was changed."""
        if self._backs_off(state, start):
            return False
        runner = self._links.runner
        try:
            container_id = await runner.start(state.pod, start, sandbox_id, ips, state.paths or {})
        except NotStarted as error:
            state.waiting[start.name] = error.waiting
            state.failures += 1
            delay = 10.0 if error.waiting.reason in ("ErrImagePull", "ImagePullBackOff") else 5.0
            self._queue.add_after(state.uid, delay)
            return error.waiting.reason in ("RunContainerError", "CreateContainerError")
        state.waiting.pop(start.name, None)
        self._links.resizer.given(state.resize, state.pod, start.name)
        container = next(c for c in every_container(state.pod) if c["name"] == start.name)
        if not await runner.post_start(state.pod, container, container_id, ips):
            run = await runner.runtime.container_status(container_id)
            await runner.stop(state.pod, run, "FailedPostStartHook", grace_seconds(state.pod), ips)
        return True

    def _backs_off(self, state: PodState, start: Start) -> bool:
        """Whether a container that ended has to wait before it starts again; notes this restart if not."""
        if start.last is None or start.last.state is not ContainerState.EXITED:
            return False
        now, finished = self._links.clock.now().timestamp(), start.last.finished_at / 1e9
        crash = state.crash.get(start.name)
        allowed = may_restart(crash, finished)
        if crash is not None and allowed > now:
            full = _full_name(state.pod)
            delay = format_duration(crash.delay)
            text = f"back-off {delay} restarting failed container={start.name} pod={full}"
            if state.waiting.get(start.name) != Waiting("CrashLoopBackOff", text):
                message = f"Back-off restarting failed container {start.name} in pod {full}"
                self._links.runner.event(state.pod, "Warning", "BackOff", message, start.name)
            state.waiting[start.name] = Waiting("CrashLoopBackOff", text)
            self._queue.add_after(state.uid, allowed - now)
            return True
        state.crash[start.name] = crashed(crash, finished, now)
        return False

    # --- a pod that ends

    async def _end(self, state: PodState) -> None:
        links = self._links
        runtime = await links.cache.newer_than(state.uid, state.after)
        links.health.quiet(state.uid)
        state.waiting.clear()
        self._report_ending(state, runtime)
        state.grace = self._grace(state)
        await links.runner.stop_all(state.pod, runtime, state.grace)
        state.after = links.cache.now()
        runtime = await links.cache.newer_than(state.uid, state.after)
        if any(c.state is ContainerState.RUNNING for c in runtime.containers):
            self._queue.add_after(state.uid, 1.0)
            return
        links.health.forget(state.uid)
        state.stage = Stage.OVER

    async def _clean(self, state: PodState) -> None:
        """Write the last status; give the volumes back; when the pod is deleted, leave nothing behind."""
        links = self._links
        runtime = await links.cache.newer_than(state.uid, state.after)
        await self._read_messages(state, runtime)
        self._report(state, runtime, frozenset(), None)
        if not state.torn_down:
            await links.runner.volumes.tear_down(state.uid)
            await links.runner.forget(state.uid)
            state.torn_down = True
            for other in self._pods.values():
                if state.uid in other.behind:
                    self._queue.add(other.uid)
        if not state.deleting:
            return
        await links.runner.remove_all(runtime)
        if state.in_api:
            await links.writer.settled(state.uid)
            await links.delete(state.pod)
        state.stage = Stage.GONE
        self._retry_pending(state)
        links.writer.forget(state.uid)
        self._pods.pop(state.uid, None)

    # --- telling

    async def _read_messages(self, state: PodState, runtime: PodStatus) -> None:
        for run in runtime.containers:
            if run.state is ContainerState.EXITED and run.id not in state.messages:
                state.messages[run.id] = await self._links.message_of(state.pod, runtime, run.id)

    def _report_ending(self, state: PodState, runtime: PodStatus) -> None:
        """What is so while containers are stopped: they may become unready."""
        self._links.health.follow(state.pod, runtime)
        _, unready = self._links.health.of(state.pod, runtime)
        self._report(state, runtime, unready, None)

    def _report(
        self, state: PodState, runtime: PodStatus, unready: frozenset[str], started: frozenset[str] | None
    ) -> None:
        if not state.in_api:
            return
        if state.refused and state.failure is not None:
            told = refused_status(state.pod, state.failure, self._links.clock.now())
            self._links.writer.put(state.pod, told)
            return
        ended = state.stage is Stage.OVER
        running = frozenset(c.id for c in runtime.containers if c.state is ContainerState.RUNNING)
        known = Known(
            host_ip=self._links.host_ip,
            waiting=state.waiting,
            unready=unready,
            started=running & state.through if started is None else started,
            messages=state.messages,
            failure=state.failure if ended or state.failure is DEADLINE else None,
            evicted=state.evicted,
            disrupted=state.disrupted if ended else "",
            stopped=ended,
            runtime_name=self._links.runtime_name,
            resize=state.resize.conditions,
        )
        last = self._links.writer.last(state.uid)
        base = {**state.pod, "status": combined(state.pod.get("status") or {}, last)}
        self._links.writer.put(state.pod, pod_status(base, runtime, known, self._links.clock.now()))


def _names(pod: Obj) -> tuple[str, str]:
    return pod["metadata"].get("namespace", ""), pod["metadata"].get("name", "")


def _full_name(pod: Obj) -> str:
    """name_namespace(uid), as upstream writes pods in messages."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta['namespace']}({meta['uid']})"
