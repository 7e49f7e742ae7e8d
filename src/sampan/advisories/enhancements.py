"""Which enhancements are tracked for a release, and which are at risk and why: by their kep.yaml and PRR files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

STATUSES = ("provisional", "implementable", "implemented", "deferred", "rejected", "withdrawn", "replaced")
STAGES = ("alpha", "beta", "stable")
ENDED = ("deferred", "rejected", "withdrawn", "replaced")
REQUIRED = ("title", "kep-number", "authors", "owning-sig", "approvers", "status")
PRR_SINCE = (1, 21)
"""Production readiness is asked for from this release on."""
SECTIONS = {
    "Test Plan": "no test plan", "Graduation Criteria": "no graduation criteria",
}  # fmt: skip
SIGN_OFF = "I/we understand the owners of the involved components may require updates"


class Source(NamedTuple):
    """One enhancement as its files have it; None: the file is not there, a text: why it cannot be read."""

    path: str
    kep: Any
    prr: Any = None
    readme: str | None = None


class Tracked(NamedTuple):
    """An enhancement of a release; no reasons: it is tracked, else at risk."""

    number: str
    title: str
    sig: str
    stage: str
    gates: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def state(self) -> str:
        """tracked or at risk"""
        return "at risk" if self.reasons else "tracked"


def parse_release(text: Any) -> tuple[int, int] | None:
    """`v1.25`, `1.25` as numbers."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.\d+)?", str(text).strip())
    return (int(match[1]), int(match[2])) if match else None


def assess(sources: Iterable[Source], release: str) -> list[Tracked]:
    """The enhancements that name the release in a milestone, by number. Files that cannot be read at all are left out:
    `unreadable` names them. Raises ValueError for a release that is none.
    """
    wanted = parse_release(release)
    if wanted is None:
        raise ValueError(f"{release!r} is not a release like v1.25")
    found: list[Tracked] = []
    for source in sources:
        stage = stage_of(source.kep, wanted)
        if stage:
            found.append(_assess(source, stage, wanted))
    return sorted(found, key=lambda t: (len(t.number), t.number))


def unreadable(sources: Iterable[Source]) -> list[str]:
    """Which kep.yaml are no mapping, and why."""
    return [f"{s.path}: {s.kep}" for s in sources if not isinstance(s.kep, Mapping)]


def stage_of(kep: Any, release: tuple[int, int]) -> str:
    """The stage whose milestone is that release; empty: none."""
    milestones = kep.get("milestone") if isinstance(kep, Mapping) else None
    if not isinstance(milestones, Mapping):
        return ""
    return next((s for s in STAGES if parse_release(milestones.get(s, "")) == release), "")


def _assess(source: Source, stage: str, release: tuple[int, int]) -> Tracked:
    kep = source.kep
    reasons = [f"kep.yaml: {name} is missing" for name in REQUIRED if not kep.get(name)]
    reasons += _status(str(kep.get("status") or ""))
    reasons += _approval(kep, source.prr, stage, release)
    if source.readme is not None:
        reasons += _readme(source.readme)
    gates = kep.get("feature-gates")
    names = tuple(str(g.get("name")) for g in gates if isinstance(g, Mapping)) if isinstance(gates, list) else ()
    number, title = str(kep.get("kep-number") or "?"), " ".join(str(kep.get("title") or source.path).split())
    return Tracked(number, title, str(kep.get("owning-sig") or "?"), stage, names, tuple(reasons))


def _status(status: str) -> list[str]:
    if status in ("implementable", "implemented", ""):  # a missing one is told already
        return []
    if status not in STATUSES:
        return [f"status {status!r} is none that is known"]
    return [f"status is {status}" + ("" if status in ENDED else ", not implementable")]


def _approval(kep: Mapping[str, Any], prr: Any, stage: str, release: tuple[int, int]) -> list[str]:
    """What is missing of the production readiness review of this stage."""
    if release < PRR_SINCE:
        return []
    if prr is None:
        return ["no production readiness file"]
    if not isinstance(prr, Mapping):
        return [f"production readiness file: {prr}"]
    entry = prr.get(stage)
    approver = entry.get("approver") if isinstance(entry, Mapping) else None
    if not approver:
        return [f"no production readiness approver for {stage}"]
    if str(prr.get("kep-number")).lstrip("0") != str(kep.get("kep-number")).lstrip("0"):
        return [f"production readiness file is of {prr.get('kep-number')}"]
    return []


def _readme(text: str) -> list[str]:
    """What the template asks for and the text lacks."""
    headings = {line.strip("# ").strip().lower() for line in text.splitlines() if line.startswith("#")}
    missing = [said for name, said in SECTIONS.items() if name.lower() not in headings]
    if not re.search(r"\[[xX]\]\s*" + re.escape(SIGN_OFF), " ".join(text.split())):
        missing.append("test plan without its sign-off")
    return missing


class Count(NamedTuple):
    """How many are listed, and how many of them are not complete."""

    listed: int
    at_risk: int


def count(found: Sequence[Tracked]) -> Count:
    """The two figures of the freeze."""
    return Count(len(found), sum(bool(t.reasons) for t in found))
