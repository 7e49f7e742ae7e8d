"""Which URL means which store, and what is said when there is none."""

from pathlib import Path

import pytest

from sampan.store.base import StoreError
from sampan.store.open import open_store


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("etcd://127.0.0.1:2379", "not supported yet; there is memory:, sqlite:"),
        ("redis:x", "no such kind of store; there is memory:, sqlite:"),
        ("memory", "no such kind of store"),
        ("", "no such kind of store"),
        ("memory:x", "takes nothing"),
        ("sqlite:", "needs a path"),
    ],
)
async def test_urls_that_mean_nothing(url: str, says: str) -> None:
    with pytest.raises(StoreError, match=says):
        await open_store(url)


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        await open_store(f"sqlite:{tmp_path / 'none' / 'state.db'}")


async def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"something else entirely, and long enough to be looked at\n" * 40)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="file is not a database"):
        await open_store(f"sqlite:{path}")
    assert path.read_bytes() == before
