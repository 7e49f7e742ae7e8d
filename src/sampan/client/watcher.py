"""Follow all objects of a kind: list, then watch, and list again when the watch cannot go on. A table of states.

state      input                 next state and command
LIST       listed                WATCH from the list's version
LIST       failed                WAIT, then LIST
WATCH      event, bookmark       WATCH goes on from that version
WATCH      ended                 WAIT (a moment; longer when nothing came), then WATCH from the last version
WATCH      failed                WAIT, then WATCH from the last version
WATCH      expired (410)         LIST
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import RestMapping
from sampan.client.api import Api

FIRST_DELAY, MOST_DELAY, MOST_PAUSE = 0.05, 30.0, 1.0
"""Seconds; the last is the longest after a watch that just ended."""


@dataclass(frozen=True, slots=True)
class State:
    """What to do next: `phase`, the version to watch from, and how often it has failed in a row."""

    phase: Literal["LIST", "WATCH"] = "LIST"
    version: str = ""
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """What happened. `version` comes with listed and event."""

    what: Literal["listed", "event", "ended", "failed", "expired"]
    version: str = ""


def step(state: State, given: Input) -> tuple[State, float]:
    """The next state, and the seconds to wait before acting on it (jitter is the driver's)."""
    match given.what:
        case "listed":
            return State("WATCH", given.version), 0.0
        case "event":
            return State("WATCH", given.version or state.version), 0.0
        case "ended":
            delay = min(MOST_PAUSE, FIRST_DELAY * 2.0 ** min(state.failures, 16))
            return replace(state, failures=state.failures + 1), delay
        case "expired":
            delay = 0.0 if state.phase == "WATCH" else FIRST_DELAY
            return State("LIST"), delay
        case "failed":
            delay = min(MOST_DELAY, FIRST_DELAY * 2.0 ** min(state.failures, 16))
            return replace(state, failures=state.failures + 1), delay


@dataclass(frozen=True, slots=True)
class Change:
    """INIT: these are all the objects there are. APPLY, DELETE: one object."""

    type: Literal["INIT", "APPLY", "DELETE"]
    objects: tuple[Obj, ...]


async def follow(
    api: Api, mapping: RestMapping, clock: Clock, *, fields: str = "", metadata_only: bool = False
) -> AsyncIterator[Change]:
    """All changes of a kind, for ever: an INIT, then single changes, and a new INIT after each relist."""
    state = State()
    while True:
        given = Input("ended")
        try:
            if state.phase == "LIST":
                listed = await api.list(mapping, fields=fields, metadata_only=metadata_only)
                yield Change("INIT", tuple(listed.items))
                given = Input("listed", listed.version)
            else:
                events = api.watch(mapping, since=state.version, fields=fields, metadata_only=metadata_only)
                async for event in events:
                    version = event.obj["metadata"].get("resourceVersion", "")
                    state, _ = step(state, Input("event", version))
                    if event.type != "BOOKMARK":
                        yield Change("DELETE" if event.type == "DELETED" else "APPLY", (event.obj,))
        except StatusError as error:
            given = Input("expired" if error.code == 410 else "failed")
        except OSError:
            given = Input("failed")
        state, delay = step(state, given)
        if delay:
            await clock.sleep(delay * random.uniform(1.0, 1.2))
