"""The table of the watcher, and its driver against a server that misbehaves."""

import asyncio
from typing import Any

import pytest

from sampan.api.errors import StatusError, expired
from sampan.api.names import RestMapping
from sampan.client.watcher import Change, Input, State, follow, step
from sampan.testing.clock import FakeClock


@pytest.mark.parametrize(
    ("state", "given", "after", "delay"),
    [
        (State(), Input("listed", "5"), State("WATCH", "5"), 0),
        (State("LIST", "", 3), Input("listed", "5"), State("WATCH", "5"), 0),
        (State(), Input("failed"), State("LIST", "", 1), 0.05),
        (State("LIST", "", 3), Input("failed"), State("LIST", "", 4), 0.4),
        (State("LIST", "", 99), Input("failed"), State("LIST", "", 100), 30),
        (State(), Input("expired"), State(), 0.05),
        (State("WATCH", "5"), Input("event", "6"), State("WATCH", "6"), 0),
        (State("WATCH", "5", 4), Input("event", "6"), State("WATCH", "6"), 0),
        (State("WATCH", "5"), Input("event"), State("WATCH", "5"), 0),
        (State("WATCH", "5"), Input("ended"), State("WATCH", "5", 1), 0.05),
        (State("WATCH", "5", 9), Input("ended"), State("WATCH", "5", 10), 1),
        (State("WATCH", "5", 1), Input("failed"), State("WATCH", "5", 2), 0.1),
        (State("WATCH", "5", 1), Input("expired"), State(), 0),
    ],
)
def test_the_table(state: State, given: Input, after: State, delay: float) -> None:
    assert step(state, given) == (after, delay)


async def play(script: Any, configmaps: RestMapping, seconds: float = 5) -> list[Change]:
    """What a follower sees until the script is at its end."""
    clock = FakeClock()
    seen: list[Change] = []
    take = seen.append

    async def read() -> None:
        async for change in follow(script.api, configmaps, clock):
            take(change)

    reader = asyncio.ensure_future(read())
    for _ in range(int(seconds * 20)):
        await clock.advance(0.05)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    return seen


def shown(changes: list[Change]) -> list[str]:
    return [
        f"{change.type} {' '.join(o['metadata']['name'] + o['metadata']['resourceVersion'] for o in change.objects)}"
        for change in changes
    ]


async def test_a_list_then_a_watch_from_its_version(
    script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5, make("a", 1))]
    script.streams = [[("ADDED", make("b", 6)), ("BOOKMARK", make("", 9)), ("DELETED", make("a", 10)), None]]
    assert shown(await play(script, configmaps)) == ["INIT a1", "APPLY b6", "DELETE a10"]
    assert "resourceVersion=5" in script.said[1]


async def test_a_watch_that_ends_goes_on_where_it_was(
    script: Any, make: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5)]
    script.streams = [[("ADDED", make("b", 6)), ("BOOKMARK", make("", 9))], [("MODIFIED", make("b", 11)), None]]
    assert shown(await play(script, configmaps)) == ["INIT ", "APPLY b6", "APPLY b11"]
    assert [f"resourceVersion={v}" in said for v, said in zip((5, 9), script.said[1:], strict=True)] == [True, True]


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), OSError("broken"), StatusError(500, "", "x")])
async def test_a_broken_stream_goes_on_where_it_was(
    script: Any, make: Any, lists: Any, configmaps: RestMapping, error: Exception
) -> None:
    script.answers = [lists(5)]
    script.streams = [[("ADDED", make("b", 6)), error], [error], [("MODIFIED", make("b", 7)), None]]
    assert shown(await play(script, configmaps)) == ["INIT ", "APPLY b6", "APPLY b7"]
    assert all("resourceVersion=6" in said for said in script.said[2:])


@pytest.mark.parametrize("how", ["as an event", "as an answer"])
async def test_what_is_too_old_is_listed_anew(
    script: Any, make: Any, lists: Any, configmaps: RestMapping, how: str
) -> None:
    script.answers = [lists(5, make("a", 1)), lists(20, make("c", 20))]
    gone = expired("too old resource version")
    ending = ("ERROR", gone.to_status()) if how == "as an event" else gone
    script.streams = [[("ADDED", make("b", 6)), ending], [("ADDED", make("d", 21)), None]]
    assert shown(await play(script, configmaps)) == ["INIT a1", "APPLY b6", "INIT c20", "APPLY d21"]
    assert "resourceVersion=20" in script.said[-1]


async def test_a_failed_list_is_tried_again(script: Any, make: Any, lists: Any, configmaps: RestMapping) -> None:
    script.answers = [
        ConnectionRefusedError("no"),
        StatusError(503, "", "not yet"),
        expired("old"),
        lists(5, make("a", 1)),
    ]
    assert shown(await play(script, configmaps)) == ["INIT a1"]


async def test_a_server_that_ends_every_watch_at_once_is_not_hammered(
    script: Any, lists: Any, configmaps: RestMapping
) -> None:
    script.answers = [lists(5)]
    script.streams = [[] for _ in range(1000)]
    await play(script, configmaps, seconds=10)
    assert len(script.said) < 20
