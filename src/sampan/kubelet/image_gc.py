"""Removes images that nobody uses when their file system fills up, or when they have been unused for too long."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.host_usage import FileSystem
from sampan.kubelet.image_choice import (
    Policy,
    Records,
    in_order,
    may_go,
    noted,
    percent_used,
    size_text,
    to_free,
    too_old,
)
from sampan.kubelet.image_names import with_tag
from sampan.kubelet.podspec import spec
from sampan.kubelet.runtime import CriError, Image, Runtime

log = logging.getLogger("sampan.kubelet")
EVERY = 300.0
Tell = Callable[[str, str], None]
"""Posts a Warning about the node: reason and message."""
Pods = Callable[[], Sequence[Obj]]
Space = Callable[[], Awaitable[FileSystem | None]]


class CollectionError(Exception):
    """Not enough could be freed."""


class ImageCollector:
    """`pods` are those of the node: images that they mount as volumes are in use."""

    def __init__(
        self, policy: Policy, runtime: Runtime, space: Space, pods: Pods, tell: Tell, clock: Clock
    ) -> None:  # fmt: skip
        self._policy, self._runtime, self._space, self._pods = policy, runtime, space, pods
        self._tell, self._clock = tell, clock
        self.removed: Callable[[str], None] = lambda reason: None
        """Told why an image was removed: age or space."""
        self._records: Records = {}
        self._used: frozenset[str] = frozenset()
        self._began: float | None = None

    async def look(self) -> None:
        """Note which images there are and which are used. Raises CriError."""
        images = await self._runtime.list_images()
        self._used = self._in_use(images, await self._names_in_use())
        now = self._clock.monotonic()
        self._records = noted(self._records, images, self._used, now, first=self._began is None)
        if self._began is None:
            self._began = now

    async def _names_in_use(self) -> set[str]:
        names: set[str] = set()
        for container in await self._runtime.list_containers():
            names.update((container.image, container.image_ref, container.image_id))
        for pod in self._pods():
            for volume in spec(pod).get("volumes") or ():
                if reference := (volume.get("image") or {}).get("reference"):
                    names.add(with_tag(reference))
        return names

    @staticmethod
    def _in_use(images: Sequence[Image], names: set[str]) -> frozenset[str]:
        return frozenset(i.id for i in images if not names.isdisjoint((i.id, *i.tags, *i.digests)))

    async def collect(self) -> None:
        """Do what the policy asks for now. Raises CriError, OSError, CollectionError."""
        await self.look()
        policy, now = self._policy, self._clock.monotonic()
        order = in_order(self._records, self._used)
        for id_ in too_old(self._records, order, policy, self._began or 0.0, now):
            await self._remove(id_, "age")
        if policy.high >= 100:
            return
        space = await self._space()
        if space is None:
            return
        if not space.capacity:
            self._tell("InvalidDiskCapacity", "invalid capacity 0 on image filesystem")
            raise CollectionError("invalid capacity 0 on image filesystem")
        wanted = to_free(space.capacity, space.available, policy)
        if wanted <= 0:
            return
        freed = await self._free(wanted, now)
        if freed < wanted:
            used = percent_used(space.capacity, min(space.available, space.capacity))
            text = (
                f"Insufficient free disk space on the node's image filesystem ({used}% of {size_text(space.capacity)} "
                f"used). Failed to free sufficient space by deleting unused images (freed {freed} bytes). "
                "Investigate disk usage, as it could be used by active images, logs, volumes, or other data."
            )
            self._tell("FreeDiskSpaceFailed", text)
            raise CollectionError(text)

    async def remove_unused(self) -> None:
        """Remove all that nobody uses. Raises CriError."""
        await self.look()
        await self._free(None, self._clock.monotonic())

    async def _free(self, wanted: int | None, now: float) -> int:
        freed = 0
        for id_ in in_order(self._records, self._used):
            record = self._records[id_]
            if not may_go(record, self._policy, now):
                continue
            try:
                await self._remove(id_, "space")
            except CriError as error:
                log.warning("image %s cannot be removed: %s", id_, error.message)
                continue
            freed += record.size
            if wanted is not None and freed >= wanted:
                break
        return freed

    async def _remove(self, id_: str, reason: str) -> None:
        log.info("removing image %s, which nobody uses", id_)
        await self._runtime.remove_image(id_)
        self.removed(reason)
        self._records = {other: record for other, record in self._records.items() if other != id_}

    async def run(self) -> None:
        """Collect every five minutes until cancelled; an event tells of what fails twice in a row."""
        failed = False
        while True:
            try:
                await self.collect()
                failed = False
            except (CriError, OSError, CollectionError) as error:
                log.warning("image garbage collection: %s", error)
                if failed:
                    self._tell("ImageGCFailed", str(error))
                failed = True
            await self._clock.sleep(EVERY)
