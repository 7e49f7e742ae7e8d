"""Word of a directory's entries."""

import asyncio
from pathlib import Path

import pytest

from sampan.aio.directory import DirectoryWatch


async def test_what_comes_and_goes_is_told(tmp_path: Path) -> None:
    async with DirectoryWatch(tmp_path) as watch, asyncio.timeout(5):
        (tmp_path / "a").touch()
        await watch.changed()
        waiting = asyncio.ensure_future(watch.changed())
        await asyncio.sleep(0)
        assert not waiting.done()
        (tmp_path / "a").rename(tmp_path / "b")
        await waiting
        (tmp_path / "b").unlink()
        await watch.changed()


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with DirectoryWatch(tmp_path / "none"):
            pass
