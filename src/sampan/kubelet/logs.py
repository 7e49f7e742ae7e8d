"""Container logs: CRI log files read as `kubectl logs` asks for them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sampan.aio.clock import Clock
from sampan.api.times import parse_time

BLOCK = 64 * 1024
LOOK_EVERY = 0.1
"""Seconds between looks for more, while somebody follows."""


class LogOptionError(ValueError):
    """A query parameter that cannot be understood."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """PodLogOptions (core/v1)."""

    follow: bool = False
    tail: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    limit: int | None = None
    stream: str = "All"


class Line(NamedTuple):
    """One entry of a CRI log: `TIME stdout|stderr F|P text`. `full` is False when the line goes on in the next."""

    time: str
    stream: str
    full: bool
    text: bytes


def parse_options(query: dict[str, str], now: datetime) -> LogOptions:
    """The options of a containerLogs request. Raises LogOptionError."""
    since = None
    if seconds := query.get("sinceSeconds"):
        since = datetime.fromtimestamp(now.timestamp() - _number("sinceSeconds", seconds), now.tzinfo)
    elif text := query.get("sinceTime"):
        try:
            since = parse_time(text)
        except ValueError as error:
            raise LogOptionError(f"sinceTime: {error}") from error
    tail, limit = query.get("tailLines"), query.get("limitBytes")
    return LogOptions(
        follow=query.get("follow") in ("true", "1"),
        tail=_number("tailLines", tail) if tail else None,
        since=since,
        timestamps=query.get("timestamps") in ("true", "1"),
        limit=_number("limitBytes", limit) if limit else None,
        stream=query.get("stream") or "All",
    )


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise LogOptionError(f"{name}: {text!r} is not a number") from error


def parse_line(raw: bytes) -> Line:
    """One line of the file, its line feed included where it has one."""
    time, _, rest = raw.partition(b" ")
    stream, _, rest = rest.partition(b" ")
    tags, _, text = rest.partition(b" ")
    full = not tags.startswith(b"P")
    return Line(time.decode(errors="replace"), stream.decode(errors="replace"), full, text if full else text[:-1])


def tail_offset(file: BinaryIO, lines: int) -> int:
    """Where the last `lines` lines begin; lines that were written in parts count by their parts, as upstream counts."""
    end = position = file.seek(0, 2)
    if lines <= 0:
        return end
    found = 0
    while position > 0:
        start = max(0, position - BLOCK)
        file.seek(start)
        block = file.read(position - start)
        index = len(block)
        while (index := block.rfind(b"\n", 0, index)) >= 0:
            if start + index == end - 1:
                continue
            found += 1
            if found == lines:
                return start + index + 1
        position = start
    return 0


class Renderer:
    """The bytes that are sent for lines; one for each reader, for it remembers whether a line is still open."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._open = False

    def __call__(self, lines: Iterator[Line]) -> Iterator[bytes]:
        options = self._options
        for line in lines:
            if options.stream != "All" and line.stream.lower() != options.stream.lower():
                continue
            if options.since is not None and _time(line) < options.since:
                continue
            stamped = options.timestamps and not self._open  # what goes on has its time already
            self._open = not line.full
            yield (line.time.encode() + b" " if stamped else b"") + line.text


def _time(line: Line) -> datetime:
    return parse_time(line.time)


async def read_log(path: Path, options: LogOptions, clock: Clock, alive: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log in pieces; with `follow`, until the container has ended and all was read. No file is an empty log."""
    file = await _opened(path, options, clock, alive)
    if file is None:
        return
    left, render = options.limit, Renderer(options)
    try:
        if options.tail is not None:
            file.seek(await asyncio.to_thread(tail_offset, file, options.tail))
        rest = b""
        while True:
            lives = alive()  # asked before reading: what it wrote until then is there
            block = await asyncio.to_thread(file.read, BLOCK)
            if not block:
                if not options.follow or not lives:
                    break
                await clock.sleep(LOOK_EVERY)
                continue
            *whole, rest = (rest + block).split(b"\n")
            data = b"".join(render(parse_line(raw + b"\n") for raw in whole if raw))
            if left is not None:
                data = data[:left]
                left -= len(data)
            if data:
                yield data
            if left == 0:
                break
    finally:
        file.close()


async def _opened(path: Path, options: LogOptions, clock: Clock, alive: Callable[[], bool]) -> BinaryIO | None:
    """The file, waited for if the log is followed; None if there is none (a container that has said nothing yet)."""
    while True:
        lives = alive()
        try:
            return await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            if not options.follow or not lives:
                return None
        await clock.sleep(LOOK_EVERY)
