"""The running instance of a data directory: its lock, and the file that says who runs it and where."""

import fcntl
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sampan.api.json import JSONDecodeError, dumps, loads
from sampan.cluster.config import ClusterError

LOCK, STATE = "lock", "instance.json"


@dataclass(frozen=True, slots=True)
class Instance:
    """A cluster that runs: process id, server URL, kubeconfig, node runtime, Kubernetes version."""

    pid: int
    server: str
    kubeconfig: str
    runtime: str
    version: str
    nodes: int


class DataDirLock:
    """Held by the one process that runs a data directory; goes with the process, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ClusterError(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            running = read_instance(data_dir)
            by = f" (process {running.pid}, {running.server})" if running else ""
            raise ClusterError(
                f"a cluster already runs in {data_dir}{by}; end it with `sampan down --data-dir {data_dir}`"
            ) from error

    def publish(self, instance: Instance) -> None:
        """Say who runs here; other commands read it."""
        target = self.data_dir / STATE
        draft = target.with_suffix(".tmp")
        draft.write_bytes(dumps(asdict(instance)))
        draft.chmod(0o600)
        draft.replace(target)

    def release(self) -> None:
        """Give the directory back."""
        if self._file >= 0:
            (self.data_dir / STATE).unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1


def read_instance(data_dir: Path) -> Instance | None:
    """What the running process published, or None."""
    try:
        data: dict[str, Any] = loads((data_dir / STATE).read_bytes())
        return Instance(**data)
    except (OSError, JSONDecodeError, TypeError):
        return None


def is_running(data_dir: Path) -> bool:
    """Whether some process holds the data directory's lock."""
    try:
        file = os.open(data_dir / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False
