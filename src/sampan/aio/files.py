"""Files that are written whole or not at all."""

import asyncio
import os
from pathlib import Path


def write_atomic(path: Path, data: bytes, mode: int = 0o644, *, durable: bool = False) -> None:
    """Put a file in place in one step; with `durable`, it is on disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(file, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        if durable:
            os.fsync(file)
    except OSError:
        os.close(file)
        draft.unlink(missing_ok=True)
        raise
    os.close(file)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


async def read(path: Path) -> bytes:
    """A file's bytes, read off the loop."""
    return await asyncio.to_thread(path.read_bytes)


async def write(path: Path, data: bytes, mode: int = 0o644, *, durable: bool = False) -> None:
    """`write_atomic`, off the loop."""
    await asyncio.to_thread(write_atomic, path, data, mode, durable=durable)
