"""Directories of provisioned local volumes: removed with their volume, then the volume is let go."""

import asyncio
import logging
import shutil
from collections.abc import Collection
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.aio.queue import QueueClosed, WorkQueue
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import finalizers_of, is_deleting, name_of
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.cache import Delta
from sampan.client.informer import Informers
from sampan.resources.kinds import PVS

log = logging.getLogger("sampan.kubelet")
FINALIZER = "sampan.dev/local-path"
HOSTNAME = "kubernetes.io/hostname"


class LocalVolumes:
    """Cleans up on the nodes of this process; `root` is the only directory in which anything is ever removed.

    `api` may change PersistentVolumes: nodes themselves may not.
    """

    def __init__(self, api: Api, informers: Informers, clock: Clock, root: Path, nodes: Collection[str]) -> None:
        self._api, self._informers, self._root, self._nodes = api, informers, root, nodes
        self._queue: WorkQueue[str] = WorkQueue(clock)
        self._tasks = Tasks()

    def start(self) -> None:
        """Begin; what waits to be cleaned up is at once."""
        self._informers.of(PVS).subscribe(self._changed)
        self._tasks.start(self._run(), "local volumes")

    async def close(self) -> None:
        """End; what is not done is done after the next start."""
        self._informers.of(PVS).unsubscribe(self._changed)
        await self._queue.close()
        await self._tasks.cancel()

    def _changed(self, delta: Delta) -> None:
        if delta.new is not None and is_deleting(delta.new) and FINALIZER in finalizers_of(delta.new):
            self._queue.add(name_of(delta.new))

    async def _run(self) -> None:
        while True:
            try:
                name = await self._queue.get()
            except QueueClosed:
                return
            try:
                await self._clean(name)
                self._queue.forget(name)
            except (StatusError, OSError) as error:
                log.warning("volume %s cannot be cleaned up yet: %s", name, error)
                self._queue.retry(name)
            finally:
                self._queue.done(name)

    async def _clean(self, name: str) -> None:
        volume = self._informers.of(PVS).cache.get("", name)
        if volume is None or not is_deleting(volume) or host_of(volume) not in self._nodes:
            return
        held = [f for f in finalizers_of(volume) if f != FINALIZER]
        if any(f.startswith("kubernetes.io/pv-protection") for f in held):
            return  # still in use
        path = Path(((volume.get("spec") or {}).get("hostPath") or {}).get("path") or "")
        if path.parent == self._root and await asyncio.to_thread(path.is_dir):
            await asyncio.to_thread(shutil.rmtree, path)
        change = {"finalizers": held, "resourceVersion": volume["metadata"]["resourceVersion"]}
        try:
            await self._api.patch(ObjectRef(PVS, "", name), {"metadata": change})
        except StatusError as error:
            if error.code != 404:
                raise


def host_of(volume: Obj) -> str:
    """The host that the volume's node affinity demands."""
    terms = (((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms")
    for term in terms or ():
        for expression in term.get("matchExpressions") or ():
            if expression.get("key") == HOSTNAME and expression.get("values"):
                return str(expression["values"][0])
    return ""
