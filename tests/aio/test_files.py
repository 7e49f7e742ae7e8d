"""Files are there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from sampan.aio import files


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400])
def test_a_file_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        files.write_atomic(tmp_path / "f", b"data", mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode
    assert (tmp_path / "f").read_bytes() == b"data"


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "f"
    files.write_atomic(path, b"old", 0o644)
    with path.open("rb") as reader:
        files.write_atomic(path, b"new" * 100_000, 0o600, durable=True)
        assert reader.read() == b"old"
    assert len(path.read_bytes()) == 300_000
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "f").write_bytes(b"old")

    def full(file: int, data: memoryview) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            files.write_atomic(tmp_path / "f", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("f", b"old")]


def test_what_cannot_be_put_in_place_is_cleaned_up(tmp_path: Path) -> None:
    (tmp_path / "dir" / "x").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        files.write_atomic(tmp_path / "dir", b"data")
    assert [p.name for p in tmp_path.iterdir()] == ["dir"]


async def test_off_the_loop(tmp_path: Path) -> None:
    await files.write(tmp_path / "f", b"data", 0o600)
    assert await files.read(tmp_path / "f") == b"data"
    with pytest.raises(FileNotFoundError):
        await files.read(tmp_path / "gone")
