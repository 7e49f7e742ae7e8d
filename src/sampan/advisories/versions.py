"""Versions of Kubernetes components, in order, and the ranges of them that OSV records name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

PATTERN = re.compile(r"[vV]?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
PRERELEASE = re.compile(r"(alpha|beta|rc)(?:[.-]?\d+)*", re.IGNORECASE)


class Version(NamedTuple):
    """major.minor.patch; `pre` is empty for a release, and sorts before it otherwise."""

    major: int
    minor: int
    patch: int
    pre: tuple[tuple[int, int, str], ...] = ((2, 0, ""),)

    def __str__(self) -> str:
        names = ".".join(text or str(number) for kind, number, text in self.pre if kind < 2)
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{names}" if names else "")

    @property
    def line(self) -> str:
        """major.minor"""
        return f"{self.major}.{self.minor}"


ZERO = Version(0, 0, 0, ((0, 0, ""),))


def parse_version(text: str) -> Version:
    """A version; what vendors add (`-gke.100`, `+k3s1`) does not count, `-rc.1` does. Raises ValueError."""
    match = PATTERN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a version like v1.29.3")
    major, minor, patch = int(match[1]), int(match[2]), int(match[3] or 0)
    if not match[4] or not PRERELEASE.match(match[4]):
        return Version(major, minor, patch)
    names = match[4].split(".")
    pre = tuple((0, int(n), "") if n.isdigit() else (1, 0, n.lower()) for n in names)
    return Version(major, minor, patch, pre)


class Edge(NamedTuple):
    """Where a range begins or ends: introduced, fixed (the first good one) or last_affected (the last bad one)."""

    kind: str
    at: Version


def parse_events(events: Iterable[Mapping[str, Any]]) -> tuple[Edge, ...]:
    """The events of an OSV range, sorted; without an `introduced` it begins at 0. Raises ValueError."""
    edges: list[Edge] = []
    for event in events:
        for kind, text in event.items():
            if kind in ("introduced", "fixed", "last_affected"):
                edges.append(Edge(kind, ZERO if str(text) == "0" else parse_version(str(text))))
    if not any(edge.kind == "introduced" for edge in edges):
        edges.append(Edge("introduced", ZERO))
    order = {"fixed": 0, "introduced": 1, "last_affected": 2}
    return tuple(sorted(edges, key=lambda e: (e.at, order[e.kind])))


def affects(edges: Sequence[Edge], version: Version) -> bool:
    """Whether a version is inside; edges in order, as OSV evaluates them."""
    inside = False
    for kind, at in edges:
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside
