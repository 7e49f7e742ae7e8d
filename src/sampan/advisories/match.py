"""Which versions of which components are hit by which advisories, and what mends them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sampan.advisories.affected import ANY, CORE
from sampan.advisories.osv import Advisory
from sampan.advisories.versions import Version, affects


class Running(NamedTuple):
    """A component that runs, where, and its version; `where` is empty for the control plane."""

    component: str
    version: Version
    where: str = ""


class Hit(NamedTuple):
    """An advisory that hits what runs, and the version that mends it, if one is known."""

    running: Running
    advisory: Advisory
    fixed: Version | None


def hits(advisories: Iterable[Advisory], running: Iterable[Running]) -> list[Hit]:
    """All hits, in the order of what runs, newest CVE first."""
    known = sorted(advisories, key=lambda a: _order(a.id), reverse=True)
    found = (hit(advisory, one) for one in running for advisory in known)
    return [one for one in found if one is not None]


def hit(advisory: Advisory, running: Running) -> Hit | None:
    """Whether an advisory hits a component's version."""
    mine = [
        edges
        for component, edges in advisory.affected
        if component == running.component or (component == ANY and running.component in CORE)
    ]
    if not any(affects(edges, running.version) for edges in mine):
        return None
    # A mending version must itself be outside of every range.
    ends = {edge.at for edges in mine for edge in edges if edge.kind == "fixed" and edge.at > running.version}
    ends |= {version for version in advisory.fixed if version > running.version}
    clean = sorted(end for end in ends if not any(affects(edges, end) for edges in mine))
    return Hit(running, advisory, clean[0] if clean else None)


def exact(advisories: Sequence[Advisory], better: Sequence[Advisory]) -> list[Advisory]:
    """Both; of those about one CVE, the OSV record counts."""
    merged = {one.id: one for one in advisories}
    for one in better:
        known = merged.get(one.id)
        merged[one.id] = one._replace(url=known.url, summary=known.summary or one.summary) if known else one
    return list(merged.values())


def _order(cve: str) -> tuple[int, ...]:
    return tuple(int(part) for part in cve.split("-")[1:] if part.isdigit())
