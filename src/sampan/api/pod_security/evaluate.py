"""evaluate: a pod against a level and a version of the Pod Security Standards."""

from functools import cache
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.pod_security.baseline import BASELINE
from sampan.api.pod_security.levels import Level
from sampan.api.pod_security.restricted import RESTRICTED
from sampan.api.pod_security.seen import Check, Forbidden, Rule, look

CHECKS: tuple[Check, ...] = (*BASELINE, *RESTRICTED)
NEWEST = max(since for check in CHECKS for since, _ in check.rules)
"""The newest version that changed anything; later ones mean it."""


class Violation(NamedTuple):
    """A check that a pod fails: its id, what it objects to in short, and what exactly."""

    check: str
    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


class Result(NamedTuple):
    """All violations of a pod: baseline's first, each group in the order of ids."""

    violations: tuple[Violation, ...]

    @property
    def allowed(self) -> bool:
        """Whether the pod passes."""
        return not self.violations

    @property
    def reasons(self) -> str:
        """In short."""
        return ", ".join(one.reason for one in self.violations)

    @property
    def details(self) -> str:
        """`reason (detail), reason (detail)`."""
        return ", ".join(map(str, self.violations))


ALLOWED = Result(())


def evaluate(level: Level, version: int, metadata: Obj, spec: Obj) -> Result:
    """What the standards of that level object to in a pod, or in a pod template, of this metadata and this spec.

    `version` is a minor version of Kubernetes or LATEST; one newer than the newest known means that.
    """
    if level == "privileged":
        return ALLOWED
    seen = look(metadata, spec)
    found: list[Violation] = []
    for name, rule in rules_of(level, min(version, NEWEST)):
        bad: Forbidden | None = rule(seen)
        if bad is not None:
            found.append(Violation(name, bad.reason, bad.detail))
    return Result(tuple(found)) if found else ALLOWED


@cache
def rules_of(level: Level, version: int) -> tuple[tuple[str, Rule], ...]:
    """The rules of a level at a minor version (at most NEWEST), by the id of their checks, in order."""
    active = [(check, rule) for check in CHECKS if (rule := _at(check, version)) is not None]
    if level == "baseline":
        return tuple((check.id, rule) for check, rule in active if check.level == "baseline")
    replaced = {name for check, _ in active for name in check.overrides}
    return tuple((check.id, rule) for check, rule in active if check.id not in replaced)


def _at(check: Check, version: int) -> Rule | None:
    """The rule of a check at a version; None before its first."""
    return next((rule for since, rule in reversed(check.rules) if since <= version), None)
