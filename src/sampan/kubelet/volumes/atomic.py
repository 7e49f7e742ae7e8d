"""Payloads of configMap, secret, projected and downwardAPI volumes, swapped as a whole.

The layout is upstream's AtomicWriter: files live in a directory named after a time, `..data` links to it, and every
visible name links into `..data`; one rename makes the new state visible.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sampan.kubelet.volumes.ownership import READ, of_group

DATA = "..data"
NAMES = "..%Y_%m_%d_%H_%M_%S."


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and mode bits. Only root can give it a `user`."""

    data: bytes
    mode: int = 0o644
    user: int | None = None


def write_payload(folder: Path, files: Mapping[str, File], group: int | None = None) -> bool:
    """Make `folder` show exactly these files (relative paths); False when it did already. Blocks: call in a thread.

    With a `group` (fsGroup) everything belongs to it and is readable to it. What fails leaves the old state.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    current = folder / DATA
    if current.is_symlink() and _shows(current, files, group):
        return False
    of_group(folder, group, READ)
    fresh = Path(tempfile.mkdtemp(prefix=time.strftime(NAMES, time.gmtime()), dir=folder))
    try:
        _fill(fresh, files, group)
        old = os.readlink(current) if current.is_symlink() else ""
        link = folder / "..data_tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(fresh.name)
        link.rename(current)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    _links(folder, {Path(name).parts[0] for name in files})
    if old:
        shutil.rmtree(folder / old, ignore_errors=True)
    return True


def _fill(fresh: Path, files: Mapping[str, File], group: int | None) -> None:
    folders = {fresh}
    for name, file in files.items():
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        folders.update(p for p in target.parents if p.is_relative_to(fresh))
        target.write_bytes(file.data)
        target.chmod(file.mode & 0o777)
        if file.user is not None:
            os.chown(target, file.user, -1)
        of_group(target, group, READ)
    for made in folders:
        made.chmod(0o755)
        of_group(made, group, READ)


def _links(folder: Path, names: set[str]) -> None:
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{DATA}/{name}")


def _shows(current: Path, files: Mapping[str, File], group: int | None) -> bool:
    found = {str(p.relative_to(current)): p for p in current.rglob("*") if p.is_file()}
    if set(found) != {str(Path(name)) for name in files}:
        return False
    shared = READ if group is not None else 0
    return all(
        found[str(Path(name))].stat().st_mode & 0o777 == file.mode & 0o777 | shared
        and found[str(Path(name))].read_bytes() == file.data
        for name, file in files.items()
    )


def safe_name(path: str) -> str:
    """A relative path that stays inside. Raises ValueError for one that does not."""
    parts = Path(path).parts
    if not parts or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise ValueError(f"invalid path {path!r}: must be relative and must not contain '..'")
    return path
