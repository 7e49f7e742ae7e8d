"""What a volume's files take of its file system. Blocks: call it in a thread."""

import os
from pathlib import Path

from sampan.kubelet.host_usage import file_system
from sampan.kubelet.summary import VolumeUsage

BLOCK = 512


def tree(path: Path) -> tuple[int, int]:
    """Bytes on disk and number of files below a path, itself included, as du counts them: links once, no other mounts.

    What vanishes meanwhile is left out.
    """
    seen: set[int] = set()
    size = 0
    try:
        device = path.lstat().st_dev
    except OSError:
        return 0, 0
    waiting = [str(path)]
    while waiting:
        at = waiting.pop()
        try:
            info = os.lstat(at)
            if info.st_dev != device or info.st_ino in seen:
                continue
            seen.add(info.st_ino)
            size += info.st_blocks * BLOCK
            if os.path.isdir(at) and not os.path.islink(at):
                waiting += [entry.path for entry in os.scandir(at)]
        except OSError:
            continue
    return size, len(seen)


def of_folder(name: str, path: Path) -> VolumeUsage:
    """A volume that is a folder on the node: what it takes, and what its file system has. Raises OSError."""
    whole = file_system(path)
    used, files = tree(path)
    return VolumeUsage(name, whole.capacity, whole.available, used, whole.inodes, whole.inodes_free, files)


def of_file_system(name: str, path: Path, claim: str) -> VolumeUsage:
    """A volume that has its file system to itself. Raises OSError."""
    whole = file_system(path)
    taken = whole.inodes - whole.inodes_free
    return VolumeUsage(
        name, whole.capacity, whole.available, whole.used, whole.inodes, whole.inodes_free, taken, claim,
        ephemeral=False,
    )  # fmt: skip
