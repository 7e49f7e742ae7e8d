"""Seats and queues."""

import asyncio
from typing import Any

import pytest

from sampan.apiserver.flowcontrol.level import Level, Rejected, Settings, dealt, settings_of
from sampan.testing.clock import settle


def level(ring: dict[str, Level] | None = None, **more: Any) -> Level:
    plain = {"name": "l", "uid": "u", "exempt": False, "seats": 2, "borrows": 0, "lends": 0, "queues": 8, "hand": 2,
             "length": 2}  # fmt: skip
    ring = {} if ring is None else ring
    made = Level(Settings(**{**plain, **more}), ring)
    ring[made.settings.name] = made
    return made


def configuration(name: str, shares: int, **limited: Any) -> dict[str, Any]:
    spec = {"type": "Limited", "limited": {"nominalConcurrencyShares": shares, **limited}}
    return {"metadata": {"name": name, "uid": name}, "spec": spec}


def test_seats_follow_shares() -> None:
    found = settings_of([configuration("a", 20), configuration("b", 40, lendablePercent=50, borrowingLimitPercent=10)])
    assert (found["a"].seats, found["b"].seats) == (200, 400)
    assert (found["b"].lends, found["b"].borrows) == (200, 40)


def test_a_flow_has_the_same_few_queues_always() -> None:
    hands = {flow: dealt(flow, 64, 6) for flow in map(str, range(200))}
    assert all(len(set(hand)) == 6 and max(hand) < 64 for hand in hands.values())
    assert dealt("7", 64, 6) == hands["7"]
    assert len({tuple(sorted(hand)) for hand in hands.values()}) > 190


async def test_who_finds_no_seat_waits_for_one() -> None:
    one, order = level(seats=1), []
    one.executing = 1

    async def ask(flow: str) -> None:
        await one.seat(flow, 5)
        order.append(flow)

    tasks = [asyncio.create_task(ask(flow)) for flow in ("greedy", "greedy", "greedy", "modest")]
    await settle()
    assert (order, one.waiting, one.free()) == ([], 4, False)
    while one.waiting:
        one.leave()
        await settle()
    assert order.index("modest") < 3, "a flow of its own is not behind all others"
    assert one.executing == 1
    await asyncio.gather(*tasks)


async def test_full_queues_refuse() -> None:
    one = level(seats=0, queues=1, hand=1, length=1)
    waiting = asyncio.create_task(one.seat("a", 5))
    await settle()
    with pytest.raises(Rejected, match="queue-full"):
        await one.seat("b", 5)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert one.waiting == 0


async def test_no_queues_refuse_at_once() -> None:
    with pytest.raises(Rejected, match="concurrency-limit"):
        await level(queues=0).seat("a", 5)


async def test_nobody_waits_forever() -> None:
    one = level(seats=0)
    with pytest.raises(Rejected, match="time-out"):
        await one.seat("a", 0.01)
    assert one.waiting == 0


def test_idle_seats_are_lent() -> None:
    ring: dict[str, Level] = {}
    busy, idle = level(ring, name="busy", seats=2, borrows=10), level(ring, name="idle", seats=8, lends=4)
    assert busy.limit == 6
    idle.executing = 6
    assert busy.limit == 4
    busy.executing = 4
    assert not busy.free()
