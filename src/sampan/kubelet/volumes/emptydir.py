"""emptyDir volumes: a directory, or a tmpfs."""

import os
import subprocess
from pathlib import Path

from sampan.api.json import Obj
from sampan.api.quantity import value
from sampan.kubelet.volumes.base import VolumeError


def make_empty_dir(folder: Path, source: Obj, *, mounting: bool) -> None:
    """Make the directory if it is not there; medium Memory is a tmpfs of sizeLimit. Blocks.

    Without `mounting` (no rights to mount, or containers that are only simulated) a tmpfs is a plain directory.
    Raises VolumeError, OSError.
    """
    medium = source.get("medium") or ""
    if medium not in ("", "Memory"):
        raise VolumeError(f'unknown storage medium "{medium}"')
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o777)
    if medium == "Memory" and mounting and not os.path.ismount(folder):
        _mount_tmpfs(folder, source.get("sizeLimit"))
        folder.chmod(0o777)


def _mount_tmpfs(folder: Path, limit: str | None) -> None:
    size = value(limit) if limit else 0
    options = ["-o", f"size={size}"] if size else []
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        raise VolumeError(f"mount failed: {done.stderr.strip()}")
