"""A priority level at work: seats for so many requests, and queues that flows are dealt into (KEP-1040)."""

import asyncio
from collections import deque
from hashlib import sha256
from typing import NamedTuple

from sampan.api.json import Obj

TOTAL_SEATS = 600
"""Upstream's --max-requests-inflight and --max-mutating-requests-inflight together."""


class Rejected(Exception):
    """The request is not served; `reason` is what the metrics say: queue-full, concurrency-limit or time-out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Settings(NamedTuple):
    """A PriorityLevelConfiguration, with its share of the seats worked out."""

    name: str
    uid: str
    exempt: bool
    seats: int
    """How many requests are served at once (nominal concurrency limit)."""
    borrows: int
    """How many seats of others it may use beyond them while these are idle."""
    lends: int
    """How many of its own others may use."""
    queues: int
    """0: requests beyond the limit are rejected."""
    hand: int
    length: int


def settings_of(objects: list[Obj], total: int = TOTAL_SEATS) -> dict[str, Settings]:
    """All levels by name: each has seats by its share of all shares, rounded up."""
    specs = {obj["metadata"]["name"]: (obj["metadata"].get("uid") or "", obj.get("spec") or {}) for obj in objects}
    shares = {name: _part(spec).get("nominalConcurrencyShares", 30) or 0 for name, (_, spec) in specs.items()}
    every = sum(shares.values()) or 1
    found = {}
    for name, (uid, spec) in specs.items():
        part, seats = _part(spec), -(-total * shares[name] // every)
        queuing = ((part.get("limitResponse") or {}).get("queuing")) or {}
        most = part.get("borrowingLimitPercent")
        found[name] = Settings(
            name,
            uid,
            spec.get("type") == "Exempt",
            seats,
            total if most is None else round(seats * most / 100),
            round(seats * (part.get("lendablePercent") or 0) / 100),
            queuing.get("queues") or 0,
            queuing.get("handSize") or 1,
            queuing.get("queueLengthLimit") or 0,
        )
    return found


def _part(spec: Obj) -> Obj:
    return spec.get("exempt" if spec.get("type") == "Exempt" else "limited") or {}


def dealt(flow: str, queues: int, hand: int) -> list[int]:
    """The queues of a flow: `hand` different ones by its hash (shuffle sharding), always the same."""
    number = int.from_bytes(sha256(flow.encode()).digest()[:8])
    left, found = list(range(queues)), []
    for _ in range(min(hand, queues)):
        number, index = divmod(number, len(left))
        found.append(left.pop(index))
    return found


class Level:
    """Requests that are being served, and those that wait. All levels share `idle`, by which seats are lent."""

    def __init__(self, settings: Settings, ring: "dict[str, Level]") -> None:
        self.settings = settings
        self.executing = 0
        self.waiting = 0
        self._ring = ring
        self._queues: dict[int, deque[asyncio.Future[None]]] = {}
        """Those that have anybody in them, in the order of their turns."""
        self._hands: dict[str, list[int]] = {}

    @property
    def limit(self) -> int:
        """Seats now: its own, less those that it has lent, and those of others that are idle."""
        mine = self.settings
        if mine.exempt:
            return TOTAL_SEATS
        free = sum(one.lendable for name, one in self._ring.items() if name != mine.name) if mine.borrows else 0
        return mine.seats + min(mine.borrows, free)

    @property
    def lendable(self) -> int:
        """Seats that others may use now."""
        return max(0, min(self.settings.lends, self.settings.seats - self.executing))

    def free(self) -> bool:
        """Whether a request can be served at once."""
        return not self.waiting and (self.executing < self.settings.seats or self.executing < self.limit)

    async def seat(self, flow: str, seconds: float) -> None:
        """Wait for a turn, `seconds` at most; the caller then calls `leave`. Raises Rejected."""
        mine = self.settings
        if not mine.queues:
            raise Rejected("concurrency-limit")
        at = self._shortest(flow)
        queue = self._queues.setdefault(at, deque())
        if len(queue) >= mine.length:
            raise Rejected("queue-full")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            raise Rejected("time-out") from None
        finally:
            if not turn.done() or turn.cancelled():
                self._drop(at, turn)

    def leave(self) -> None:
        """A request was served: its seat goes to the next queue's first."""
        self.executing -= 1
        self.dispatch()

    def dispatch(self) -> None:
        """Let in as many as there are seats for, one of each queue in turn."""
        while self.waiting and self.executing < self.limit:
            at, queue = next(iter(self._queues.items()))
            turn = queue.popleft()
            del self._queues[at]
            if queue:
                self._queues[at] = queue  # the last of all
            self.waiting -= 1
            if not turn.done():
                self.executing += 1
                turn.set_result(None)

    def _shortest(self, flow: str) -> int:
        hand = self._hands.get(flow)
        if hand is None:
            if len(self._hands) > 4096:
                self._hands.clear()
            hand = self._hands[flow] = dealt(flow, self.settings.queues, self.settings.hand)
        return min(hand, key=lambda at: len(self._queues.get(at, ())))

    def _drop(self, at: int, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(at)
        if queue is None or turn not in queue:
            return
        queue.remove(turn)
        self.waiting -= 1
        if not queue:
            del self._queues[at]
