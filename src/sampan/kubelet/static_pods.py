"""Static pods: what lies in a directory (or one file) of the node runs, and mirror pods in the API tell of it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.api.times import format_time
from sampan.client.api import Api
from sampan.kubelet.manifest import ManifestError, mirror_of, mirrors, static_pod
from sampan.resources.kinds import PODS

log = logging.getLogger("sampan.kubelet")
LOOK = 1.0
"""Seconds between looks at names, sizes and times of the files."""
LONGEST = 10 << 20
SEEN = "kubernetes.io/config.seen"
Seen = tuple[tuple[str, int, int], ...]
Name = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Links:
    """What is done with static pods."""

    put: Callable[[Obj], None]
    gone: Callable[[Obj], None]
    runs: Callable[[str], bool]
    """Whether something of a pod, by its uid, is left."""
    mirrored: Callable[[str, Obj | None], None]
    """The mirror of a static pod, by its uid, has come or gone."""
    node: Callable[[], Obj]


class StaticPods:
    """Reads `path` every `period` seconds, and when something in it has changed."""

    def __init__(self, path: Path, node: str, api: Api, clock: Clock, links: Links, period: float = 20.0) -> None:
        self._path, self._node, self._api, self._clock = path, node, api, clock
        self._links, self._period = links, period
        self._pods: dict[Name, Obj] = {}
        self._mirrors: dict[Name, Obj] = {}
        self._queue: WorkQueue[Name] = WorkQueue(clock)

    # --- files

    async def read(self) -> None:
        """Take in what the files say now."""
        try:
            found = await asyncio.to_thread(lambda: list(self._read()))
        except FileNotFoundError:
            found = []
        except OSError as error:
            log.error("static pods at %s: %s", self._path, error)
            return
        wanted = {_name(pod): pod for pod in found}
        for name, old in list(self._pods.items()):
            if name not in wanted or wanted[name]["metadata"]["uid"] != old["metadata"]["uid"]:
                del self._pods[name]
                self._links.gone(old)
                self._queue.add(name)
        for name, pod in wanted.items():
            if name not in self._pods:
                notes = {**pod["metadata"]["annotations"], SEEN: format_time(self._clock.now())}
                self._pods[name] = made = {**pod, "metadata": {**pod["metadata"], "annotations": notes}}
                self._links.put(made)
                mirror = self._mirrors.get(name)
                self._links.mirrored(made["metadata"]["uid"], mirror if mirror and mirrors(mirror, made) else None)
                self._queue.add(name)

    def _files(self) -> list[Path]:
        if self._path.is_dir():
            return sorted(p for p in self._path.iterdir() if not p.name.startswith(".") and p.is_file())
        return [self._path]

    def _read(self) -> Iterator[Obj]:
        for path in self._files():
            try:
                with path.open("rb") as file:
                    text = file.read(LONGEST + 1)
                if len(text) > LONGEST:
                    raise ManifestError("the file is too large")
                yield static_pod(text.decode(), str(path), self._node)
            except FileNotFoundError:
                if path == self._path:
                    raise
            except (ManifestError, UnicodeDecodeError, OSError) as error:
                log.error("static pod %s: %s", path, error)

    def _seen(self) -> Seen:
        made = []
        try:
            for path in self._files():
                info = path.stat()
                made.append((path.name, info.st_mtime_ns, info.st_size))
        except OSError:
            pass  # gone meanwhile: another look comes
        return tuple(made)

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        before, at = await asyncio.to_thread(self._seen), self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK)
            now, passed = await asyncio.to_thread(self._seen), self._clock.monotonic() - at
            if now != before or passed >= self._period:
                before, at = now, self._clock.monotonic()
                await self.read()

    # --- mirrors

    def mirror_changed(self, new: Obj | None, old: Obj | None) -> None:
        """The API has a mirror pod of this node, or has it no more."""
        pod = new or old
        assert pod is not None
        name = _name(pod)
        if new is None:
            if self._mirrors.get(name, pod)["metadata"]["uid"] == pod["metadata"]["uid"]:
                self._mirrors.pop(name, None)
        else:
            self._mirrors[name] = new
        static = self._pods.get(name)
        if static is not None:
            mine = new if new is not None and mirrors(new, static) else None
            self._links.mirrored(static["metadata"]["uid"], mine)
        self._queue.add(name)

    async def run(self) -> None:
        """Keep the API as the files are, until cancelled."""
        while True:
            try:
                name = await self._queue.get()
            except QueueClosed:
                return
            try:
                await self._reconcile(name)
                self._queue.forget(name)
            except (StatusError, OSError) as error:
                log.info("mirror of %s/%s: %s", *name, error)
                self._queue.retry(name)
            finally:
                self._queue.done(name)

    async def _reconcile(self, name: Name) -> None:
        static, mirror = self._pods.get(name), self._mirrors.get(name)
        if mirror is not None:
            meta = mirror["metadata"]
            if static is not None and not meta.get("deletionTimestamp") and mirrors(mirror, static):
                return
            if static is None and self._links.runs(meta["annotations"].get("kubernetes.io/config.hash", "")):
                self._queue.add_after(name, LOOK)  # it tells of the pod until that has ended
                return
            try:
                await self._api.delete(ObjectRef(PODS, *name), uid=meta["uid"], grace_seconds=0)
            except StatusError as error:
                if error.code not in (404, 409):
                    raise
            return  # the news of it brings us here again
        if static is not None:
            try:
                await self._api.create(PODS, mirror_of(static, self._links.node()))
            except StatusError as error:
                if error.reason != "AlreadyExists":
                    raise

    async def close(self) -> None:
        """Begin no more."""
        await self._queue.close()


def _name(pod: Obj) -> Name:
    return pod["metadata"].get("namespace", ""), pod["metadata"]["name"]
