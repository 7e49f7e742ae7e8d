"""What `sampan cve-feed check` found, as a table for people and as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sampan.advisories.match import Hit, Running
from sampan.cli.pod_security_report import printable

MOST_NAMES = 3


class Report(NamedTuple):
    """What runs, what hits it, and how fresh the advisories are (UTC; empty: not known)."""

    running: Sequence[Running]
    hits: Sequence[Hit]
    advisories: int
    checked: str


class Row(NamedTuple):
    """Hits of one CVE on one version of one component, and where."""

    hit: Hit
    where: tuple[str, ...]


def rows(hits: Sequence[Hit]) -> list[Row]:
    """Nodes with the same version together."""
    found: dict[tuple[object, ...], list[Hit]] = {}
    for hit in hits:
        found.setdefault((hit.running.component, hit.running.version, hit.advisory.id), []).append(hit)
    return [Row(same[0], tuple(h.running.where for h in same if h.running.where)) for same in found.values()]


def as_table(report: Report) -> str:
    """A line per CVE and component, and a last line with the counts."""
    lines = [("COMPONENT", "VERSION", "CVE", "FIXED IN", "WHERE", "SUMMARY")]
    for hit, where in rows(report.hits):
        fixed = f"v{hit.fixed}" if hit.fixed else "-"
        running, known = hit.running, hit.advisory
        lines.append((running.component, f"v{running.version}", known.id, fixed, places(where), known.summary))
    text = table(lines) if len(lines) > 1 else ""
    number = len({hit.advisory.id for hit in report.hits})
    found = f"{number} of {report.advisories} advisories affect what runs" if number else (
        f"none of {report.advisories} advisories affects what runs"
    )  # fmt: skip
    return text + found + "\n"


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of columns; the last one may be long."""
    clean = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return "".join("   ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() + "\n" for line in clean)


def places(names: Sequence[str]) -> str:
    """Names of nodes, not too many."""
    if not names:
        return "-"
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def as_json(report: Report) -> str:
    """Everything."""
    whole: dict[str, Any] = {
        "affected": bool(report.hits),
        "advisories": report.advisories,
        "checkedAt": report.checked,
        "running": [_running(one) for one in report.running],
        "hits": [
            {
                **_running(hit.running),
                "cve": hit.advisory.id,
                "fixedIn": str(hit.fixed) if hit.fixed else None,
                "summary": hit.advisory.summary,
                "url": hit.advisory.url,
                "source": hit.advisory.source,
            }
            for hit in report.hits
        ],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _running(one: Running) -> dict[str, str]:
    named = {"component": one.component, "version": str(one.version)}
    return {**named, "node": one.where} if one.where else named


FORMATS: Mapping[str, Callable[[Report], str]] = {"table": as_table, "json": as_json}
