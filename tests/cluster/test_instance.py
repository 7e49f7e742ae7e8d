"""The one process of a data directory."""

import os
import stat
from pathlib import Path

import pytest

from sampan.cluster.config import ClusterError
from sampan.cluster.instance import DataDirLock, Instance, is_running, read_instance

RUNNING = Instance(1234, "https://127.0.0.1:6443", "/k", "simulated", "1.37", 1)


def test_one_process_owns_a_directory(tmp_path: Path) -> None:
    where = tmp_path / "data"
    assert not is_running(where)
    lock = DataDirLock(where)
    assert stat.S_IMODE(where.stat().st_mode) == 0o700
    assert is_running(where)
    lock.publish(RUNNING)
    assert read_instance(where) == RUNNING
    assert stat.S_IMODE((where / "instance.json").stat().st_mode) == 0o600
    with pytest.raises(ClusterError) as caught:
        DataDirLock(where)
    text = str(caught.value)
    assert "process 1234, https://127.0.0.1:6443" in text
    assert f"sampan down --data-dir {where}" in text
    assert "\n" not in text
    lock.release()
    lock.release()
    assert not is_running(where)
    assert read_instance(where) is None
    DataDirLock(where).release()


def test_a_file_left_by_a_killed_process_locks_nothing(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path)
    lock.publish(RUNNING)
    os.close(lock._file)  # as the kernel does it for a process that was killed
    assert not is_running(tmp_path)
    assert read_instance(tmp_path) == RUNNING
    again = DataDirLock(tmp_path)
    again.release()
    assert read_instance(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}'])
def test_a_damaged_file_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "instance.json").write_text(text)
    assert read_instance(tmp_path) is None


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match="cannot be used: Not a directory"):
        DataDirLock(tmp_path / "file" / "data")
    with pytest.raises(ClusterError, match="cannot be used: File exists"):
        DataDirLock(tmp_path / "file")
