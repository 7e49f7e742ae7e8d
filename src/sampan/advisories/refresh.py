"""Refresh a folder's feed: all formats change in one step, and only to what was read whole and makes sense."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sampan.advisories import feed as feeds
from sampan.advisories.feed import Feed
from sampan.advisories.issues import Item, Parsed
from sampan.advisories.osv import record
from sampan.advisories.page import Health, as_html
from sampan.advisories.rss import as_rss
from sampan.advisories.source import Means, Pages, SourceError, read_source
from sampan.aio.files import write_atomic

CURRENT, STATE, PAGES, KEPT = "current", "state.json", "pages.json", "generations"


@dataclass(slots=True)
class State:
    """What is known of a folder's feed; times are UTC RFC 3339, empty: never."""

    source: str = ""
    hash: str = ""
    updated_at: str = ""
    checked_at: str = ""
    attempted_at: str = ""
    last_error: str = ""
    failures: int = 0
    """In a row."""
    retry_after: float = 0.0
    items: int = 0
    unparsed: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)

    def health(self) -> Health:
        """For the page."""
        return Health(self.checked_at, self.last_error, len(self.unparsed))


class RefreshError(Exception):
    """Nothing was replaced; the text says why."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


async def refresh(folder: Path, source: str, means: Means, *, url: str = feeds.OFFICIAL, shrink: bool = False) -> State:
    """Read the source and put the feed in place. Raises RefreshError, after which the old feed is as it was.

    A source that lost more than half of what it had is not believed, unless `shrink`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        state = read_state(folder)
        state.attempted_at = now = means.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        pages = _read_pages(folder) if state.source == source else Pages()
        try:
            parsed = await read_source(source, means, pages)
            _sensible(parsed, state, shrink)
        except (SourceError, RefreshError) as error:
            _failed(folder, state, error)
            raise RefreshError(str(error), error.retry_after) from error
        fresh = feeds.digest(parsed.items)
        state.updated_at = state.updated_at if fresh == state.hash and state.updated_at else now
        state.source, state.hash, state.checked_at, state.items = source, fresh, now, len(parsed.items)
        state.unparsed, state.doubled = parsed.unparsed, parsed.doubled
        state.last_error, state.failures, state.retry_after = "", 0, 0.0
        try:
            publish(folder, Feed(parsed.items, state.updated_at, url), state)
            write_atomic(folder / PAGES, json.dumps(pages).encode())
        except OSError as error:
            raise RefreshError(f"{folder}: {error.strerror or error}") from error
        _write_state(folder, state)
        return state


def _sensible(parsed: Parsed, state: State, shrink: bool) -> None:
    if not parsed.items:
        raise RefreshError("the source has no advisory at all")
    if not shrink and len(parsed.items) * 2 < state.items:
        raise RefreshError(f"the source has {len(parsed.items)} advisories, it had {state.items}; --shrink accepts it")


def publish(folder: Path, feed: Feed, state: State) -> None:
    """Put all formats in place in one step: `current` points to a folder that is complete."""
    name = f"{state.hash[:16]}-{state.checked_at.replace(':', '')}"
    made = folder / KEPT / name
    shutil.rmtree(made, ignore_errors=True)
    (made / "osv").mkdir(parents=True)
    for file, data in formats(feed, state.health()):
        (made / file).write_bytes(data)
    draft = folder / f".{CURRENT}.{os.getpid()}"
    draft.unlink(missing_ok=True)
    draft.symlink_to(Path(KEPT) / name)
    draft.replace(folder / CURRENT)
    for old in (folder / KEPT).iterdir():
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)


def formats(feed: Feed, health: Health) -> Iterator[tuple[str, bytes]]:
    """File names and what is in them."""
    records = [record(item, feed.updated) for item in feed.items]
    yield "index.json", feeds.as_json(feed)
    yield "feed.xml", as_rss(feed)
    yield "index.html", as_html(feed, health)
    yield "osv.json", _json(records)
    for one in records:
        yield f"osv/{one['id']}.json", _json(one)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _failed(folder: Path, state: State, error: SourceError | RefreshError) -> None:
    """Keep the feed, and say on its page and in its state that it could not be refreshed."""
    state.last_error, state.failures = str(error), state.failures + 1
    state.retry_after = error.retry_after or 0.0
    _write_state(folder, state)
    page = folder / CURRENT / "index.html"
    if page.exists():
        write_atomic(page, as_html(Feed(read_items(folder), state.updated_at), state.health()))


def read_items(folder: Path) -> Sequence[Item]:
    """The items that are in place. Raises OSError when none ever were, BadData when they are broken."""
    return feeds.read((folder / CURRENT / "index.json").read_bytes()).items


def read_state(folder: Path) -> State:
    """What is known; a fresh one if nothing is, or it cannot be read."""
    try:
        data = json.loads((folder / STATE).read_bytes())
        return State(**{key: value for key, value in data.items() if key in State.__slots__})
    except (OSError, ValueError, TypeError, AttributeError):
        return State()


def _write_state(folder: Path, state: State) -> None:
    write_atomic(folder / STATE, _json(asdict(state)))


def _read_pages(folder: Path) -> Pages:
    try:
        return Pages(json.loads((folder / PAGES).read_bytes()))
    except (OSError, ValueError, TypeError):
        return Pages()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One refresh of a folder at a time, over all processes."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefreshError("another refresh of this folder is under way") from error
        yield
