"""subPath: a path below a volume that never leads out of it."""

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sampan.kubelet.expand import REFERENCE, expand
from sampan.kubelet.volumes.base import VolumeError

log = logging.getLogger("sampan.kubelet")
INNER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def sub_path_of(mount: Mapping[str, str], env: Mapping[str, str]) -> str:
    """The subPath of a volumeMount, subPathExpr with its variables; empty if there is none. Raises VolumeError."""
    text = mount.get("subPathExpr") or ""
    if text:
        missing = {m[2] for m in REFERENCE.finditer(text) if m[1] != "$" and not env.get(m[2])}
        if missing:
            raise VolumeError(f"missing value for {', '.join(sorted(missing))}")
        text = expand(text, env)
    return text or mount.get("subPath") or ""


def sub_path(base: str, sub: str) -> str:
    """The real path of `sub` below `base`; a directory, with the mode of `base`, if there is nothing yet. Blocks.

    Links are followed as long as they stay inside. Raises VolumeError.
    """
    if sub.startswith("/"):
        raise VolumeError(f"error SubPath `{sub}` must not be an absolute path")
    if ".." in Path(sub).parts:
        raise VolumeError(f"unable to provision SubPath `{sub}`: must not contain '..'")
    try:
        root = Path(base).resolve(strict=True)
        target = (root / sub).resolve()
        if not target.is_relative_to(root):
            raise VolumeError(f"subPath `{sub}` leads out of its volume")
        if not target.exists():
            _make(root, target.relative_to(root).parts)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        log.warning("subPath %r of %s: %s", sub, base, error)
        raise VolumeError(f"failed to prepare subPath `{sub}`") from error
    return str(target)


def _make(root: Path, parts: tuple[str, ...]) -> None:
    """Directories one by one, each opened without following a link: nobody can swap one in meanwhile."""
    here = os.open(root, INNER)
    try:
        mode = stat.S_IMODE(os.fstat(here).st_mode)
        for part in parts:
            try:
                os.mkdir(part, dir_fd=here)
                made = True
            except FileExistsError:
                made = False
            inner = os.open(part, INNER, dir_fd=here)
            os.close(here)
            here = inner
            if made:
                os.fchmod(here, mode)
    finally:
        os.close(here)
