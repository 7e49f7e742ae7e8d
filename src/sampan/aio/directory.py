"""Word of a directory's entries that come and go, from the kernel (inotify); no thread, no polling."""

import asyncio
import ctypes
import errno
import os
from pathlib import Path
from types import TracebackType

CREATE, DELETE, MOVED_FROM, MOVED_TO, WRITTEN = 0x100, 0x200, 0x40, 0x80, 0x8
POLL = 1.0
"""Seconds between looks where the kernel has no watch to give."""


class DirectoryWatch:
    """`async with DirectoryWatch(path) as watch: ... await watch.changed()`. Misses nothing after it is entered.

    With `writes`, files that were written to and closed count as well.
    """

    def __init__(self, path: Path, *, writes: bool = False) -> None:
        self._path, self._writes = path, writes
        self._news = asyncio.Event()
        self._fd = -1

    async def __aenter__(self) -> "DirectoryWatch":
        libc = ctypes.CDLL(None, use_errno=True)
        fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if fd >= 0:
            kinds = CREATE | DELETE | MOVED_FROM | MOVED_TO | (WRITTEN if self._writes else 0)
            if libc.inotify_add_watch(fd, os.fsencode(self._path), kinds) < 0:
                number = ctypes.get_errno()
                os.close(fd)
                if number not in (errno.ENOSPC, errno.ENOMEM):
                    raise OSError(number, os.strerror(number), str(self._path))
            else:
                self._fd = fd
                asyncio.get_running_loop().add_reader(fd, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> None:
        try:
            os.read(self._fd, 65536)
        except BlockingIOError:
            return
        self._news.set()

    async def changed(self) -> None:
        """Return when something has come or gone since the last call."""
        if self._fd < 0:
            await asyncio.sleep(POLL)
            return
        await self._news.wait()
        self._news.clear()
