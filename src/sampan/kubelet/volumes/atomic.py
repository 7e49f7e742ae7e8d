"""Payloads of configMap, secret, projected and downwardAPI volumes, swapped as a whole.

The layout is upstream's AtomicWriter: files live in a directory named after a time, `..data` links to it, and every
visible name links into `..data`; one rename makes the new state visible.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = "..data"


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and mode bits."""

    data: bytes
    mode: int = 0o644


def write_payload(folder: Path, files: Mapping[str, File], group: int | None = None) -> bool:
    """Make `folder` show exactly these files (relative paths); False when it did already. Blocks: call in a thread."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    current = folder / DATA
    if current.is_symlink() and _shows(current, files):
        return False
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    fresh.chmod(0o755)
    for name, file in files.items():
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        target.write_bytes(file.data)
        target.chmod(file.mode)
        if group is not None:
            os.chown(target, -1, group)
    old = os.readlink(current) if current.is_symlink() else ""
    link = folder / "..data_tmp"
    link.unlink(missing_ok=True)
    link.symlink_to(fresh.name)
    link.rename(current)
    _links(folder, {Path(name).parts[0] for name in files})
    if old:
        shutil.rmtree(folder / old, ignore_errors=True)
    return True


def _links(folder: Path, names: set[str]) -> None:
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{DATA}/{name}")


def _shows(current: Path, files: Mapping[str, File]) -> bool:
    found = {str(p.relative_to(current)): p for p in current.rglob("*") if p.is_file()}
    if set(found) != {str(Path(name)) for name in files}:
        return False
    return all(
        found[str(Path(name))].read_bytes() == file.data
        and found[str(Path(name))].stat().st_mode & 0o777 == file.mode & 0o777
        for name, file in files.items()
    )


def safe_name(path: str) -> str:
    """A relative path that stays inside. Raises ValueError for one that does not."""
    parts = Path(path).parts
    if not parts or path.startswith("/") or ".." in parts or parts[0].startswith(".."):
        raise ValueError(f"invalid path {path!r}: must be relative and must not contain '..'")
    return path
