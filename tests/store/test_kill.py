"""kill -9 at random moments: no acknowledged write is lost, no revision is used twice."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sampan.store.base import Event, Watch
from sampan.store.open import open_store

Drain = Callable[[Watch], Awaitable[list[Event]]]
Line = tuple[str, str, int]
WRITER = Path(__file__).with_name("killed_writer.py")


def run_and_kill(url: str, seed: int, after: int) -> list[Line]:
    """Start the writer, kill it when it has said `after` lines, and return all it said."""
    with subprocess.Popen([sys.executable, str(WRITER), url, str(seed)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(after)]
        child.kill()
        lines += child.stdout.readlines()
    said = []
    for line in lines:
        if line.endswith("\n"):
            kind, key, revision = line.split()
            said.append((kind, key, int(revision)))
    return said


async def check(url: str, said: list[Line], drain: Drain) -> int:
    """Reopen and compare with what was acknowledged; returns the revision."""
    opened_at = said[0][2]
    acknowledged = {(kind, key, revision) for kind, key, revision in said if kind != "OPEN"}
    revisions = [revision for _, _, revision in said[1:]]
    assert len(set(revisions)) == len(revisions)
    assert all(revision > opened_at for revision in revisions)
    store = await open_store(url)
    floor = max(opened_at, store.revision - 400)
    watch = store.watch("/core/pods/", since=floor)
    events = {(e.type, e.kv.key, e.revision): e for e in await drain(watch)}
    watch.close()
    assert {line for line in acknowledged if line[2] > floor} <= events.keys()
    last = {key: (kind, revision) for kind, key, revision in sorted(acknowledged, key=lambda line: line[2])}
    for key, (kind, revision) in last.items():
        kv = await store.get(key)
        if kv is not None:
            assert b'"resourceVersion":"%d"' % kv.revision in kv.value
            assert kv.revision == revision if kv.revision <= revision else kv.revision > revision
            assert kind == "PUT" or kv.revision > revision
        else:
            later = [e for e in events if e[0] == "DELETE" and e[1] == key and e[2] >= revision]
            assert kind == "DELETE" or later
    assert store.revision >= max(revisions, default=opened_at)
    revision = store.revision
    await store.close()
    return revision


async def rounds(count: int, directory: Path, drain: Drain) -> None:
    url = f"sqlite:{directory / 'state.db'}"
    rng = random.Random(20220601)
    known = 1
    for number in range(count):
        said = await asyncio.to_thread(run_and_kill, url, number, rng.randrange(1, 1500))
        assert said[0] == ("OPEN", "-", known)
        known = await check(url, said, drain)


async def test_killed_a_few_times(tmp_path: Path, drain: Drain) -> None:
    await rounds(4, tmp_path, drain)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_killed_many_times(tmp_path: Path, drain: Drain) -> None:
    await rounds(int(os.environ.get("SAMPAN_KILL_ROUNDS", "25")), tmp_path, drain)
