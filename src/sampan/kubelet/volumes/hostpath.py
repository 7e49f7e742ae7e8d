"""hostPath volumes: the check, or the making, that their type asks for."""

from pathlib import Path

from sampan.kubelet.volumes.base import VolumeError

CHECKS = {
    "Directory": (Path.is_dir, "is not a directory"),
    "File": (Path.is_file, "is not a file"),
    "Socket": (Path.is_socket, "is not a socket"),
    "CharDevice": (Path.is_char_device, "is not a character device"),
    "BlockDevice": (Path.is_block_device, "is not a block device"),
}


def check_host_path(path: str, type_: str) -> None:
    """Refuse a path that is not what the volume's type says; make what is to be made. Raises VolumeError."""
    target = Path(path)
    match type_:
        case "":
            if not target.exists():  # CRI runtimes make it, as Docker did
                target.mkdir(parents=True, mode=0o755)
        case "DirectoryOrCreate":
            if not target.exists():
                target.mkdir(parents=True, mode=0o755)
            _must(target, "Directory")
        case "FileOrCreate":
            if not target.exists():
                target.touch(mode=0o644)
            _must(target, "File")
        case _:
            if type_ not in CHECKS:
                raise VolumeError(f"{type_} is an invalid volume type")
            _must(target, type_)


def _must(target: Path, type_: str) -> None:
    check, words = CHECKS[type_]
    if not check(target):
        raise VolumeError(f"hostPath type check failed: {target} {words}")
