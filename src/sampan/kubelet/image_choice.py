"""Which images a node may forget: unused ones, the longest unused first. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sampan.kubelet.runtime import Image

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Policy:
    """Percent of the file system, and ages in seconds; 100 or more as `high` and 0 as `oldest` mean never."""

    high: int = 85
    low: int = 80
    youngest: float = 120.0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """An image since it was first seen; times in seconds, `used` the last time that a container had it."""

    size: int
    since: float
    used: float = NEVER
    pinned: bool = False


Records = Mapping[str, Record]


def noted(before: Records, images: Sequence[Image], used: frozenset[str], now: float, *, first: bool) -> Records:
    """The records after another look. `first`: what is there when the agent starts is not young."""
    made = {}
    for image in images:
        record = before.get(image.id) or Record(image.size, NEVER if first else now)
        last = now if image.id in used else record.used
        made[image.id] = replace(record, size=image.size, used=last, pinned=image.pinned)
    return made


def in_order(records: Records, used: frozenset[str]) -> list[str]:
    """The images that nobody uses, the longest unused first, of those the longest known."""
    free = [id_ for id_, record in records.items() if id_ not in used and not record.pinned]
    return sorted(free, key=lambda id_: (records[id_].used, records[id_].since))


def too_old(records: Records, order: Sequence[str], policy: Policy, began: float, now: float) -> list[str]:
    """The images unused for too long, once the agent itself has run for that long."""
    if not policy.oldest or now - began <= policy.oldest:
        return []
    return [id_ for id_ in order if now - records[id_].used > policy.oldest]


def to_free(capacity: int, available: int, policy: Policy) -> int:
    """Bytes that have to become free; 0 when the file system is not too full."""
    available = min(available, capacity)
    if percent_used(capacity, available) < policy.high:
        return 0
    return capacity * (100 - policy.low) // 100 - available


def percent_used(capacity: int, available: int) -> int:
    """How full a file system is."""
    return 100 - available * 100 // capacity


def may_go(record: Record, policy: Policy, now: float) -> bool:
    """Whether an unused image is old enough."""
    return record.used < now and now - record.since >= policy.youngest


def size_text(size: int) -> str:
    """Bytes as upstream's events have them: 1.5 GiB."""
    amount, unit = float(size), 0
    while amount >= 1024 and unit < 4:
        amount, unit = amount / 1024, unit + 1
    return f"{size} B" if not unit else f"{amount:.1f} {('KiB', 'MiB', 'GiB', 'TiB')[unit - 1]}"
