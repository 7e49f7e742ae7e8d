"""fsGroup: volumes that belong to a group of the pod (upstream: pkg/volume/volume_linux.go)."""

import os
import stat
from pathlib import Path

READ, WRITE = 0o440, 0o660
FOLDER = stat.S_ISGID | 0o110


def of_group(path: Path, group: int | None, bits: int) -> None:
    """Give one file or directory to a group, with these mode bits besides its own. Links keep their mode."""
    if group is None:
        return
    os.chown(path, -1, group, follow_symlinks=False)
    mode = path.lstat().st_mode
    if not stat.S_ISLNK(mode):
        path.chmod(stat.S_IMODE(mode) | bits | (FOLDER if stat.S_ISDIR(mode) else 0))


def tree_of_group(root: Path, group: int | None, bits: int, policy: str = "Always") -> None:
    """Give a whole volume to a group; by OnRootMismatch only when its root is not as it should be. Blocks.

    The root is done last: a walk that was broken off is begun again. Raises OSError.
    """
    if group is None or (policy == "OnRootMismatch" and _fits(root, group, bits)):
        return
    for folder, folders, names in os.walk(root, topdown=False):
        for name in (*names, *(inner for inner in folders if Path(folder, inner).is_symlink())):
            of_group(Path(folder, name), group, bits)
        of_group(Path(folder), group, bits)


def _fits(root: Path, group: int, bits: int) -> bool:
    found, wanted = root.stat(), bits | FOLDER
    return found.st_gid == group and found.st_mode & wanted == wanted
