"""SimulatedRuntime: sandboxes and containers as records, with events, logs, exits and faults on request."""

import asyncio
import contextlib
import heapq
import ipaddress
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.aio.files import write_atomic
from sampan.api.json import JSONDecodeError, dumps, loads
from sampan.api.times import to_nanos
from sampan.kubelet.runtime import (
    Command,
    Condition,
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerState,
    CriError,
    EventType,
    Image,
    Performance,
    PodStatus,
    Resources,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
)
from sampan.kubelet.simulated.commands import perform
from sampan.kubelet.simulated.load import pod_usage
from sampan.kubelet.simulated.program import program
from sampan.kubelet.simulated.records import Box, Run, dump, load
from sampan.kubelet.usage import Disk, ImageDisks, PodUsage

log = logging.getLogger("sampan.simulated")
SIGTERM, SIGKILL, START_ERROR = 143, 137, 128
SAVE_EVERY = 1.0
"""Seconds between two writes of the state file, at least."""
BREAK = None
VERSION = RuntimeVersion("simulated", "1.0")


class SimulatedRuntime:
    """A Runtime (kubelet.runtime) without containers.

    `cidr`: the addresses of its pods. With `state_path`, what runs is kept in that file and taken up again. Faults for
    tests: `kill`, `break_streams`, `fail`, `delay`.
    """

    def __init__(self, cidr: str, clock: Clock, rng: random.Random, state_path: Path | None = None) -> None:
        self._clock, self._rng, self._state_path = clock, rng, state_path
        self._boxes: dict[str, Box] = {}
        self._runs: dict[str, Run] = {}
        self._by_pod: dict[str, set[str]] = {}
        self._by_box: dict[str, set[str]] = {}
        self._removed_images: set[str] = set()
        self._streams: set[asyncio.Queue[ContainerEvent | None]] = set()
        self._failures: dict[str, list[CriError]] = {}
        self._delays: dict[str, list[float]] = {}
        self._ends: list[tuple[int, str]] = []
        self._timer: asyncio.Task[None] | None = None
        self._saver: asyncio.Task[None] | None = None
        self._unsaved = self._writing = False
        self.annotations_of: Callable[[str], Mapping[str, str] | None] = lambda uid: None
        """A pod's annotations now, by its uid: they say what its containers use. Those of its start, if unknown."""
        self._waits_for = self._last_birth = 0
        network = ipaddress.ip_network(cidr)
        self._first, self._size = int(network.network_address), network.num_addresses
        self._used: set[str] = set()
        self._next = 2
        if state_path is not None:
            self._load(state_path)

    # --- faults

    def fail(self, method: str, error: CriError, times: int = 1) -> None:
        """The next calls of a method raise this."""
        self._failures.setdefault(method, []).extend([error] * times)

    def break_streams(self) -> None:
        """End all event streams with an error."""
        for stream in self._streams:
            stream.put_nowait(BREAK)

    def kill(self, container_id: str, exit_code: int = SIGKILL) -> None:
        """The container's process dies."""
        run = self._run(container_id)
        if run.state == ContainerState.RUNNING:
            self._exit(run, exit_code, "Error" if exit_code else "Completed")

    def delay(self, method: str, seconds: float, times: int = 1) -> None:
        """The next calls of a method begin this much later."""
        self._delays.setdefault(method, []).extend([seconds] * times)

    async def _begin(self, method: str) -> None:
        """The faults asked for, if any."""
        waiting = self._delays.get(method)
        if waiting:
            await self._clock.sleep(waiting.pop(0))
        self._may_fail(method)

    def _may_fail(self, method: str) -> None:
        waiting = self._failures.get(method)
        if waiting:
            raise waiting.pop(0)

    # --- asking

    async def version(self) -> RuntimeVersion:
        await self._begin("version")
        return VERSION

    async def status(self) -> tuple[Condition, ...]:
        await self._begin("status")
        return Condition("RuntimeReady", True), Condition("NetworkReady", True)

    async def list_sandboxes(self) -> list[Sandbox]:
        await self._begin("list_sandboxes")
        return [box.shown(full=False) for box in self._boxes.values()]

    async def list_containers(self) -> list[Container]:
        await self._begin("list_containers")
        if self._ends:
            self._arm()  # those of a state file have no timer yet
        return [run.shown(full=False) for run in self._runs.values()]

    async def pod_status(self, uid: str, sandbox_ids: tuple[str, ...]) -> PodStatus:
        await self._begin("pod_status")
        return self._status(uid, sandbox_ids)

    def _status(self, uid: str, sandbox_ids: tuple[str, ...]) -> PodStatus:
        boxes = sorted((self._boxes[i] for i in sandbox_ids if i in self._boxes), key=lambda b: -b.created_at)
        runs = [self._runs[i] for box in boxes for i in self._by_box.get(box.id, ())]
        shown = tuple(run.shown() for run in sorted(runs, key=lambda r: (-r.created_at, r.id)))
        ips = next(((box.ip,) for box in boxes if box.ready and box.ip), ())
        name, namespace = (boxes[0].pod_name, boxes[0].pod_namespace) if boxes else ("", "")
        return PodStatus(uid, name, namespace, tuple(b.shown() for b in boxes), shown, ips, self._now())

    async def container_status(self, container_id: str) -> Container:
        await self._begin("container_status")
        return self._run(container_id).shown()

    # --- sandboxes

    async def run_sandbox(self, config: SandboxConfig) -> str:
        await self._begin("run_sandbox")
        ip = "" if config.security.host_network else self._address()
        box = Box(
            self._id(), config.pod_uid, config.pod_name, config.pod_namespace, config.attempt, self._birth(), ip,
            config.log_directory, dict(config.labels), dict(config.annotations),
        )  # fmt: skip
        self._boxes[box.id] = box
        self._by_pod.setdefault(box.pod_uid, set()).add(box.id)
        self._tell(box.id, EventType.CREATED, box)
        self._tell(box.id, EventType.STARTED, box)
        return box.id

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self._begin("stop_sandbox")
        box = self._boxes.get(sandbox_id)
        if box is None:
            return  # as CRI has it: stopping what is gone is fine
        for run_id in self._by_box.get(sandbox_id, ()):
            if self._runs[run_id].state == ContainerState.RUNNING:
                self._exit(self._runs[run_id], SIGKILL, "Error")
        if box.ready:
            box.ready = False
            self._used.discard(box.ip)
            self._tell(box.id, EventType.STOPPED, box)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self._begin("remove_sandbox")
        if sandbox_id not in self._boxes:
            return
        await self.stop_sandbox(sandbox_id)
        for run_id in list(self._by_box.get(sandbox_id, ())):
            await self.remove_container(run_id)
        box = self._boxes.pop(sandbox_id, None)
        if box is None:
            return  # somebody else removed it meanwhile
        self._by_box.pop(sandbox_id, None)
        self._by_pod[box.pod_uid].discard(sandbox_id)
        if not self._by_pod[box.pod_uid]:
            del self._by_pod[box.pod_uid]
        self._send(ContainerEvent(sandbox_id, EventType.DELETED, self._now(), None))
        self._changed()

    # --- containers

    async def create_container(self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig) -> str:
        await self._begin("create_container")
        box = self._boxes.get(sandbox_id)
        if box is None:
            raise CriError("NOT_FOUND", f"failed to find sandbox id {sandbox_id!r}: not found")
        folder = sandbox.log_directory or box.log_directory
        run = Run(
            self._id(), sandbox_id, config.name, config.attempt, self._birth(), config.image, config.image_ref,
            config.command, config.args, f"{folder}/{config.log_path}" if folder and config.log_path else "",
            dict(config.labels), dict(config.annotations), resources=asdict(config.resources),
        )  # fmt: skip
        self._runs[run.id] = run
        self._by_box.setdefault(sandbox_id, set()).add(run.id)
        self._tell(run.id, EventType.CREATED, box)
        return run.id

    async def start_container(self, container_id: str) -> None:
        try:
            await self._begin("start_container")
        except CriError:
            self._exit(self._run(container_id), START_ERROR, "StartError")  # as containerd does
            raise
        run = self._run(container_id)
        if run.state != ContainerState.CREATED:
            raise CriError("FAILED_PRECONDITION", f"container {container_id} is not in created state")
        does = program(run.command, run.args)
        run.state, run.started_at = int(ContainerState.RUNNING), self._now()
        self._tell(run.id, EventType.STARTED, self._boxes[run.sandbox_id])
        if does.output and run.log_path:
            await asyncio.to_thread(self._write_log, Path(run.log_path), does.output)
        if does.seconds is not None:
            run.ends_at = run.started_at + round(does.seconds * 1e9)
            heapq.heappush(self._ends, (run.ends_at, run.id))
            self._arm()

    async def stop_container(self, container_id: str, timeout: int) -> None:
        await self._begin("stop_container")
        run = self._runs.get(container_id)
        if run is not None and run.state == ContainerState.RUNNING:
            self._exit(run, SIGTERM if timeout > 0 else SIGKILL, "Error")

    async def remove_container(self, container_id: str) -> None:
        await self._begin("remove_container")
        run = self._runs.get(container_id)
        if run is None:
            return
        if run.state == ContainerState.RUNNING:
            self._exit(run, SIGKILL, "Error")
        del self._runs[container_id]
        self._by_box[run.sandbox_id].discard(container_id)
        self._tell(container_id, EventType.DELETED, self._boxes[run.sandbox_id])

    async def exec_sync(self, container_id: str, command: tuple[str, ...], timeout: int) -> tuple[int, bytes, bytes]:
        await self._begin("exec_sync")
        run = self._run(container_id)
        if run.state != ContainerState.RUNNING:
            raise CriError("FAILED_PRECONDITION", f"container {container_id} is not running")
        does = program(command)
        if not does.known:
            return 127, b"", f"{command[0] if command else ''}: not known to a simulated container\n".encode()
        if does.seconds is None or does.seconds > timeout > 0:
            await self._clock.sleep(timeout)
            raise CriError("DEADLINE_EXCEEDED", f"command timed out after {timeout}s")
        await self._clock.sleep(does.seconds)
        return does.exit_code, "".join(f"{line}\n" for line in does.output).encode(), b""

    async def open_command(self, asked: Command) -> Performance:
        await self._begin("open_command")
        run = self._run(asked.container_id)
        if run.state != ContainerState.RUNNING:
            raise CriError("FAILED_PRECONDITION", f"container {run.id} is not running")
        return lambda terminal: perform(asked, terminal, self._clock.sleep, lambda: self._over(run))

    async def open_ports(self, sandbox_id: str, ports: tuple[int, ...]) -> str:
        raise CriError("UNIMPLEMENTED", "this pod is simulated: it has no ports to forward to")

    async def _over(self, run: Run) -> int:
        """Wait until a container has ended; its exit code."""
        news: asyncio.Queue[ContainerEvent | None] = asyncio.Queue()
        self._streams.add(news)
        try:
            while run.state == ContainerState.RUNNING:
                await news.get()
        finally:
            self._streams.discard(news)
        return run.exit_code

    async def reopen_log(self, container_id: str) -> None:
        self._run(container_id)

    async def update_container(self, container_id: str, resources: Resources) -> None:
        await self._begin("update_container")
        run = self._run(container_id)
        given = {key: value for key, value in asdict(resources).items() if value}
        run.resources = {**run.resources, **given}
        self._changed()

    async def update_sandbox(self, sandbox_id: str, overhead: Resources, resources: Resources) -> None:
        await self._begin("update_sandbox")

    # --- usage

    async def usage(self) -> list[PodUsage]:
        await self._begin("usage")
        now, found = self._now(), []
        for box in self._boxes.values():
            if box.ready:
                runs = [self._runs[i] for i in sorted(self._by_box.get(box.id, ()))]
                alive = [run for run in runs if run.state == ContainerState.RUNNING]
                known = self.annotations_of(box.pod_uid)
                found.append(pod_usage(box, alive, box.annotations if known is None else known, now))
        return found

    async def image_disks(self) -> ImageDisks:
        images = await self.list_images()
        return ImageDisks((Disk(self._now(), "/", sum(image.size for image in images), len(images)),))

    # --- events

    async def events(self, opened: Callable[[], None] | None = None) -> AsyncIterator[ContainerEvent]:
        await self._begin("events")
        stream: asyncio.Queue[ContainerEvent | None] = asyncio.Queue()
        self._streams.add(stream)
        try:
            if opened is not None:
                opened()
            while True:
                event = await stream.get()
                if event is BREAK:
                    raise CriError("UNAVAILABLE", "the event stream broke")
                yield event
        finally:
            self._streams.discard(stream)

    def _tell(self, thing: str, type_: EventType, box: Box) -> None:
        if self._streams:
            status = self._status(box.pod_uid, (box.id,))
            self._send(ContainerEvent(thing, type_, self._now(), box.shown(), status.containers))
        self._changed()

    def _send(self, event: ContainerEvent) -> None:
        for stream in self._streams:
            stream.put_nowait(event)

    # --- images

    async def image_status(self, image: str) -> Image | None:
        await self._begin("image_status")
        return None if image in self._removed_images else _image(image)

    async def list_images(self) -> list[Image]:
        return [_image(image) for image in sorted({run.image for run in self._runs.values()})]

    async def pull_image(self, image: str, auth: Mapping[str, str] | None = None) -> str:
        await self._begin("pull_image")
        self._removed_images.discard(image)
        return _image(image).id

    async def remove_image(self, image: str) -> None:
        self._removed_images.add(image)

    # --- time

    def _now(self) -> int:
        return to_nanos(self._clock.now())

    def _birth(self) -> int:
        """Now, but later than every birth before: what was made last is the newest, however coarse the clock."""
        self._last_birth = max(self._now(), self._last_birth + 1)
        return self._last_birth

    def _exit(self, run: Run, code: int, reason: str) -> None:
        run.state, run.exit_code, run.finished_at = int(ContainerState.EXITED), code, self._now()
        run.reason, run.ends_at = reason, 0
        self._tell(run.id, EventType.STOPPED, self._boxes[run.sandbox_id])

    def _arm(self) -> None:
        if self._timer is None or self._timer.done():
            self._timer = asyncio.get_running_loop().create_task(self._wait(), name="simulated exits")
        elif self._ends and self._ends[0][0] < self._waits_for:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().create_task(self._wait(), name="simulated exits")

    async def _wait(self) -> None:
        while self._ends:
            self._waits_for = self._ends[0][0]
            await self._clock.sleep((self._waits_for - self._now()) / 1e9)
            while self._ends and self._ends[0][0] <= self._now():
                at, run_id = heapq.heappop(self._ends)
                run = self._runs.get(run_id)
                if run is not None and run.ends_at == at and run.state == ContainerState.RUNNING:
                    code = program(run.command, run.args).exit_code
                    self._exit(run, code, "Error" if code else "Completed")

    # --- the rest

    def _run(self, container_id: str) -> Run:
        run = self._runs.get(container_id)
        if run is None:
            raise CriError("NOT_FOUND", f"an error occurred when try to find container {container_id!r}: not found")
        return run

    def _id(self) -> str:
        return f"{self._rng.getrandbits(256):064x}"

    def _address(self) -> str:
        for _ in range(self._size - 3):
            address = str(ipaddress.ip_address(self._first + self._next))
            self._next = self._next + 1 if self._next + 2 < self._size else 2
            if address not in self._used:
                self._used.add(address)
                return address
        raise CriError("RESOURCE_EXHAUSTED", "no IP addresses available in range set")

    def _write_log(self, path: Path, lines: tuple[str, ...]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        stamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
        with path.open("a") as file:
            file.writelines(f"{stamp} stdout F {line}\n" for line in lines)

    def _load(self, path: Path) -> None:
        try:
            self._boxes, self._runs = load(loads(path.read_bytes()))
        except (OSError, JSONDecodeError, KeyError, TypeError):
            return  # no state, or a damaged one: as a node that lost its containers
        for box in self._boxes.values():
            self._by_pod.setdefault(box.pod_uid, set()).add(box.id)
            if box.ready and box.ip:
                self._used.add(box.ip)
        for run in self._runs.values():
            self._by_box.setdefault(run.sandbox_id, set()).add(run.id)
            if run.ends_at and run.state == ContainerState.RUNNING:
                heapq.heappush(self._ends, (run.ends_at, run.id))

    def _changed(self) -> None:
        if self._ends:
            self._arm()
        self._unsaved = self._state_path is not None
        if self._unsaved and (self._saver is None or self._saver.done()):
            self._saver = asyncio.get_running_loop().create_task(self._save(), name="simulated state")

    async def _save(self) -> None:
        """Write the state file until nothing has changed meanwhile."""
        while self._unsaved and self._state_path is not None:
            await self._clock.sleep(SAVE_EVERY)
            self._unsaved, self._writing = False, True
            try:
                await asyncio.to_thread(write_atomic, self._state_path, self._state(), 0o600)
            except OSError as error:
                log.warning("simulated containers are not kept: %s", error)
            finally:
                self._writing = False

    def _state(self) -> bytes:
        return dumps(dump(self._boxes, self._runs))

    async def close(self) -> None:
        """End its tasks; with a state file, what runs is taken up again by the next."""
        if self._timer is not None:
            await _end(self._timer)
        self._unsaved = False
        if self._saver is not None:
            if self._writing:  # a write that has begun is not to meet the last one
                await self._saver
            else:
                await _end(self._saver)
        if self._state_path is not None:
            await asyncio.to_thread(write_atomic, self._state_path, self._state(), 0o600)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


NOT_ROOT = 65532
"""Nobody knows whom an image that is never read runs as; pods that must not run as root are let run."""


def _image(image: str) -> Image:
    digest = sha256(image.encode()).hexdigest()
    return Image(f"sha256:{digest}", (image,), (), 1_000_000, NOT_ROOT)
