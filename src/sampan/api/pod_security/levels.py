"""Levels and versions of the Pod Security Standards, and the policy that a namespace's labels ask for."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sampan.api.errors import FieldError

Level = Literal["privileged", "baseline", "restricted"]
Mode = Literal["enforce", "audit", "warn"]

LEVELS: tuple[Level, ...] = ("privileged", "baseline", "restricted")
"""From loose to strict."""
PREFIX = "pod-security.kubernetes.io/"
"""Of the labels of namespaces and of audit annotations."""
LATEST = 1 << 30
"""The version `latest`: newer than every minor version."""
BAD_LEVEL = f"must be one of {', '.join(LEVELS)}"
BAD_VERSION = 'must be "latest" or "v1.x"'
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]{0,8})")


class LevelVersion(NamedTuple):
    """What a mode asks for: a level, and the minor version of the standards (LATEST: the newest)."""

    level: Level = "privileged"
    version: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{version_text(self.version)}"

    def same_as(self, other: "LevelVersion") -> bool:
        """Whether both mean the same: versions of `privileged` do not matter."""
        return self == other or (self.level == other.level == "privileged")


class Policy(NamedTuple):
    """The three modes of a namespace."""

    enforce: LevelVersion = LevelVersion()
    audit: LevelVersion = LevelVersion()
    warn: LevelVersion = LevelVersion()

    @property
    def fully_privileged(self) -> bool:
        """Whether nothing is asked for."""
        return all(mode.level == "privileged" for mode in self)

    def same_as(self, other: "Policy") -> bool:
        """Whether both mean the same in every mode."""
        return all(mine.same_as(theirs) for mine, theirs in zip(self, other, strict=True))


def version_text(version: int) -> str:
    """`latest`, or `v1.N`."""
    return "latest" if version == LATEST else f"v1.{version}"


def parse_level(text: str) -> Level | None:
    """The level, or None for what is none."""
    return next((level for level in LEVELS if level == text), None)


def parse_version(text: str) -> int | None:
    """The minor version of `v1.N` without leading zeros, LATEST for `latest`, None for anything else."""
    if text == "latest":
        return LATEST
    found = _VERSION.fullmatch(text)
    return int(found[1]) if found else None


def stricter(one: Level, other: Level) -> bool:
    """Whether `one` forbids more than `other`."""
    return LEVELS.index(one) > LEVELS.index(other)


def policy_of(labels: Mapping[str, str], defaults: Policy) -> tuple[Policy, list[FieldError]]:
    """The policy that a namespace's labels ask for, and what is wrong with them.

    There is always a policy: a bad version means the latest, a bad enforce level `restricted` (closed), a bad audit or
    warn level `privileged` (open). An enforce level stricter than warn's makes warn follow it unless warn has a label.
    """
    if not any(key.startswith(PREFIX) for key in labels):
        return defaults, []
    errors: list[FieldError] = []
    enforce = _mode(labels, "enforce", defaults.enforce, errors)
    audit = _mode(labels, "audit", defaults.audit, errors)
    warn = _mode(labels, "warn", defaults.warn, errors)
    asked = parse_level(labels.get(f"{PREFIX}enforce", ""))
    if f"{PREFIX}warn" not in labels and asked and stricter(asked, warn.level):
        version = warn.version if f"{PREFIX}warn-version" in labels else enforce.version
        warn = LevelVersion(asked, version)
    return Policy(enforce, audit, warn), errors


def _mode(labels: Mapping[str, str], mode: Mode, default: LevelVersion, errors: list[FieldError]) -> LevelVersion:
    """What the two labels of a mode say; errors are appended."""
    level, version = default
    text = labels.get(f"{PREFIX}{mode}")
    if text is not None:
        known = parse_level(text)
        level = known or ("restricted" if mode == "enforce" else "privileged")
        if known is None:
            errors.append(_error(mode, text, BAD_LEVEL))
    text = labels.get(f"{PREFIX}{mode}-version")
    if text is not None:
        number = parse_version(text)
        version = LATEST if number is None else number
        if number is None:
            errors.append(_error(f"{mode}-version", text, BAD_VERSION))
    return LevelVersion(level, version)


def _error(label: str, value: str, why: str) -> FieldError:
    return FieldError("FieldValueInvalid", f"metadata.labels[{PREFIX}{label}]", f'Invalid value: "{value}": {why}')
