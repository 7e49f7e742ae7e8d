"""Support of Kubernetes versions: end of life by minor, and how far components may be apart."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from importlib.resources import files
from typing import NamedTuple

from sampan.advisories.match import Running
from sampan.advisories.versions import Version, parse_version

SOON = 60
"""Days before the end of life from which on it is told."""
WIDER_SINCE = 25
"""From this minor of the API server's on kubelets may be three minors older, before two."""


class Line(NamedTuple):
    """A minor: when its support ends, and its last patch."""

    end: date
    last: Version


class Finding(NamedTuple):
    """Something to act upon: what kind, how bad (error, warning, info), where, and what to do."""

    kind: str
    level: str
    where: str
    text: str


def lines() -> dict[str, Line]:
    """The table that Sampan carries: published dates, up to the minor they were known of."""
    data = json.loads((files("sampan.advisories") / "eol.json").read_text())
    return {minor: Line(date.fromisoformat(end), parse_version(last)) for minor, (end, last) in data.items()}


def supported(version: Version, table: Mapping[str, Line], today: date, where: str) -> list[Finding]:
    """Whether a version is still mended, and by which patch."""
    line = table.get(version.line)
    if line is None:
        newest = max((parse_version(minor) for minor in table), default=version)
        if version < newest:
            return [Finding("end-of-life", "error", where, f"v{version}: {version.line} ended long ago")]
        return [Finding("end-of-life", "info", where, f"v{version}: the end of {version.line} is not in the table")]
    left = (line.end - today).days
    found = []
    if left < 0:
        text = f"v{version}: support of {version.line} ended on {line.end}, {-left} days ago"
        found.append(Finding("end-of-life", "error", where, text))
    elif left <= SOON:
        text = f"v{version}: support of {version.line} ends on {line.end}, in {left} days"
        found.append(Finding("end-of-life", "warning", where, text))
    if version < line.last:
        text = f"v{version}: the last patch of {version.line} is v{line.last}"
        found.append(Finding("patch", "warning", where, text))
    return found


def skew(server: Version, running: Iterable[Running]) -> list[Finding]:
    """Nodes that are newer than the API server, or too old for it."""
    reach = 3 if server.minor >= WIDER_SINCE else 2
    found: list[Finding] = []
    for one in running:
        if one.component not in ("kubelet", "kube-proxy"):
            continue
        ahead = one.version.minor - server.minor
        if (one.version.major, one.version.minor) > (server.major, server.minor):
            text = f"{one.component} v{one.version} is newer than the API server, v{server}"
            found.append(Finding("skew", "error", one.where, text))
        elif -ahead > reach:
            text = f"{one.component} v{one.version} is {-ahead} minors older than the API server, {reach} are supported"
            found.append(Finding("skew", "error", one.where, text))
    return found
