"""Container logs as they are asked for: tail, since, limit, streams, times, lines in parts, and following."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kubelet.logs import BLOCK, LogOptionError, LogOptions, parse_options, read_log, tail_offset
from sampan.testing.clock import START, FakeClock, settle


def entry(second: int, text: str, stream: str = "stdout", tag: str = "F") -> str:
    return f"2026-01-01T00:00:{second:02d}.000000000Z {stream} {tag} {text}\n"


TEXT = entry(1, "one") + entry(2, "two", "stderr") + entry(3, "thr", tag="P") + entry(3, "ee") + entry(4, "")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_text(TEXT)
    return path


async def read(path: Path, options: LogOptions) -> str:
    pieces = [piece async for piece in read_log(path, options, FakeClock(), lambda: False)]
    return b"".join(pieces).decode()


@pytest.mark.parametrize(
    ("options", "want"),
    [
        (LogOptions(), "one\ntwo\nthree\n\n"),
        (LogOptions(tail=0), ""),
        (LogOptions(tail=1), "\n"),
        (LogOptions(tail=3), "three\n\n"),
        (LogOptions(tail=100), "one\ntwo\nthree\n\n"),
        (LogOptions(limit=5), "one\nt"),
        (LogOptions(limit=0), ""),
        (LogOptions(stream="Stdout"), "one\nthree\n\n"),
        (LogOptions(stream="Stderr"), "two\n"),
        (LogOptions(since=START + timedelta(seconds=3)), "three\n\n"),
        (LogOptions(since=START + timedelta(seconds=9)), ""),
        (
            LogOptions(timestamps=True, tail=4),
            "".join(f"2026-01-01T00:00:0{n}.000000000Z {text}\n" for n, text in ((2, "two"), (3, "three"), (4, ""))),
        ),
    ],
)
async def test_what_is_sent(log: Path, options: LogOptions, want: str) -> None:
    assert await read(log, options) == want


@pytest.mark.parametrize("options", [LogOptions(), LogOptions(follow=True)])
async def test_a_container_that_has_said_nothing(tmp_path: Path, options: LogOptions) -> None:
    assert await read(tmp_path / "none", options) == ""


async def test_following_waits_for_the_first_words(tmp_path: Path) -> None:
    clock, path, alive = FakeClock(), tmp_path / "0.log", [True]
    reader = asyncio.ensure_future(_all(read_log(path, LogOptions(follow=True), clock, lambda: alive[0])))
    await settle()
    path.write_text(entry(1, "one"))
    alive[0] = False
    while not reader.done():
        await clock.advance(1)
    assert await reader == b"one\n"


async def _all(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    lines = [f"line {number} " + "x" * 200 for number in range(3 * BLOCK // 200)]
    path.write_text("".join(entry(1, line) for line in lines))
    assert (await read(path, LogOptions())).splitlines() == lines
    assert (await read(path, LogOptions(tail=500))).splitlines() == lines[-500:]
    assert len(await read(path, LogOptions(limit=BLOCK + 7))) == BLOCK + 7


@given(st.lists(st.text(alphabet="ab", max_size=4), max_size=12), st.integers(0, 15))
def test_where_the_last_lines_begin(tmp_path_factory: pytest.TempPathFactory, lines: list[str], count: int) -> None:
    path = tmp_path_factory.mktemp("logs") / "0.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    with path.open("rb") as file:
        file.seek(tail_offset(file, count))
        assert file.read().decode().splitlines() == (lines[-count:] if count else [])


async def test_following(log: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def at_once(function: Callable[..., object], *args: object) -> object:
        return function(*args)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    alive = True
    stream = read_log(log, LogOptions(follow=True, tail=1), clock, lambda: alive)
    assert await anext(stream) == b"\n"
    waiting = asyncio.ensure_future(anext(stream))
    await clock.advance(5)
    assert not waiting.done()
    with log.open("a") as file:
        file.write(entry(5, "fi", tag="P")[:-3])
    await clock.advance(1)
    assert not waiting.done(), "half an entry is nothing"
    with log.open("a") as file:
        file.write("fi\n" + entry(5, "ve"))
    await clock.advance(1)
    assert await waiting == b"five\n"
    last = asyncio.ensure_future(anext(stream))
    await settle()
    with log.open("a") as file:
        file.write(entry(6, "last words"))
    alive = False
    await clock.advance(1)
    assert await last == b"last words\n"
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


def test_options_of_a_request() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert parse_options({}, now) == LogOptions()
    asked = {
        "follow": "true",
        "tailLines": "5",
        "limitBytes": "9",
        "timestamps": "1",
        "sinceSeconds": "60",
        "stream": "Stderr",
    }
    assert parse_options(asked, now) == LogOptions(True, 5, START, True, 9, "Stderr")
    assert parse_options({"sinceTime": "2026-01-01T00:00:00Z"}, now).since == START
    for wrong in ({"tailLines": "x"}, {"limitBytes": "x"}, {"sinceTime": "yesterday"}, {"sinceSeconds": "x"}):
        with pytest.raises(LogOptionError):
            parse_options(wrong, now)
