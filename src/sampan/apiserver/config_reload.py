"""Follow a configuration file: what it becomes is put to use while the server runs (upstream: *_config_controller)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.aio.directory import DirectoryWatch
from sampan.aio.files import read
from sampan.apiserver.authn.metrics import FAILURE, SUCCESS, digest
from sampan.apiserver.config_shape import ConfigFileError
from sampan.obs.metrics import Metrics

log = logging.getLogger("sampan.configuration")
EVERY = 60.0
"""Seconds between looks at a file of which nobody said that it changed."""


class TryAgain(Exception):
    """What the file says cannot be put to use now, though nothing is wrong with it."""


class ReloadMetrics:
    """Counts of reloads; `what` is `authentication` or `authorization`."""

    def __init__(self, metrics: Metrics, what: str, server: str, clock: Clock) -> None:
        self._server, self._clock = digest(server), clock
        self._last: dict[tuple[str, str], float] = {}
        self._digest = ""
        prefix, split = f"apiserver_{what}_config_controller_", "split by status and apiserver identity."
        labels = ("status", "apiserver_id_hash")
        self._total = metrics.counter(
            f"{prefix}automatic_reloads_total",
            f"Total number of automatic reloads of {what} configuration {split}",
            labels,
        )
        metrics.gauge(
            f"{prefix}automatic_reload_last_timestamp_seconds",
            f"Timestamp of the last automatic reload of {what} configuration {split}",
            lambda: self._last,
            labels,
        )
        metrics.gauge(
            f"{prefix}last_config_info",
            f"Information about the last applied {what} configuration with hash as label, split by apiserver identity.",
            lambda: {(self._server, self._digest): 1} if self._digest else {},
            ("apiserver_id_hash", "hash"),
        )

    def uses(self, data: bytes) -> None:
        """This configuration is in use."""
        self._digest = digest(data)

    def reloaded(self, result: str) -> None:
        """The file changed and was put to use (SUCCESS), or could not be (FAILURE)."""
        self._total.labels(result, self._server).inc()
        self._last[result, self._server] = self._clock.now().timestamp()


class ConfigReload:
    """Follows one file, of which `data` is in use. `use` puts another content to use.

    It raises ConfigFileError for what never can be, TryAgain for what may be later.
    """

    def __init__(
        self, path: Path, data: bytes, use: Callable[[bytes], Awaitable[None]], metrics: ReloadMetrics
    ) -> None:
        self._path, self._data, self._use, self._metrics = path, data, use, metrics
        metrics.uses(data)

    async def run(self) -> None:
        """Follow it for ever."""
        async with DirectoryWatch(self._path.parent, writes=True) as watch:
            while True:
                await self._look()
                try:
                    async with asyncio.timeout(EVERY):
                        await watch.changed()
                except TimeoutError:
                    continue

    async def _look(self) -> None:
        try:
            data = await read(self._path)
        except OSError as error:
            log.error("%s cannot be read: %s", self._path, error.strerror or error)
            self._metrics.reloaded(FAILURE)
            return
        if data == self._data:
            return
        try:
            await self._use(data)
        except ConfigFileError as error:
            log.error("%s is not used: %s", self._path, error)
            self._metrics.reloaded(FAILURE)
            self._data = data
        except TryAgain as error:
            log.error("%s is not used yet: %s", self._path, error)
            self._metrics.reloaded(FAILURE)
        else:
            log.info("%s is used as it is now", self._path)
            self._metrics.reloaded(SUCCESS)
            self._metrics.uses(data)
            self._data = data
