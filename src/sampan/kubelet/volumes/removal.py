"""Removing a pod's directory, with what is mounted in it."""

import re
import shutil
import subprocess
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """The mount points at or below a folder, innermost first. `mountinfo` is the text of /proc/self/mountinfo."""
    points = [_plain(line.split()[4]) for line in mountinfo.splitlines()]
    return sorted((point for point in points if Path(point).is_relative_to(folder)), key=len, reverse=True)


def _plain(escaped: str) -> str:
    r"""Space, tab and the like are written as octal: `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), escaped)


def is_mounted(path: Path) -> bool:
    """Whether something is mounted at a path; os.path.ismount does not see bind mounts of the same file system."""
    wanted = str(path)
    return any(_plain(line.split()[4]) == wanted for line in MOUNTS.read_text().splitlines())


def remove_tree(folder: Path) -> None:
    """Unmount and remove; never removes what is behind a mount. Blocks. Raises OSError when something is left."""
    if not folder.is_dir() or folder.is_symlink():
        return
    folder = folder.resolve()
    for point in mounts_below(folder, MOUNTS.read_text()):
        done = subprocess.run(["umount", point], capture_output=True, text=True)
        if done.returncode and is_mounted(Path(point)):
            raise OSError(f"cannot unmount {point}: {done.stderr.strip()}")
    shutil.rmtree(folder)
