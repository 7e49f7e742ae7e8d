"""Rolling updates: how many pods may be missing or too many (apps validation)."""

from typing import Final

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors
from sampan.resources.validation.go_struct import Pointer, Table
from sampan.resources.validation.int_or_percent import PERCENT_RE, check_int_or_percent

_BOTH: Final[Table] = (("MaxUnavailable", "maxUnavailable", 0), ("MaxSurge", "maxSurge", 0))
DEPLOYMENT: Final[Table] = (("Type", "type", ""), ("RollingUpdate", "rollingUpdate", Pointer(_BOTH)))
"""The strategy of a Deployment or DaemonSet as errors show it."""
PARTITION: Final[Table] = (("Partition", "partition", 0), ("MaxUnavailable", "maxUnavailable", None))
STATEFUL: Final[Table] = (("Type", "type", ""), ("RollingUpdate", "rollingUpdate", Pointer(PARTITION)))
"""That of a StatefulSet, and the part of it for rolling updates."""


def given(rolling: Obj, key: str) -> int | str:
    """What is said of one of them; nothing is 0."""
    value: int | str | None = rolling.get(key)
    return 0 if value is None else value


def amount(value: int | str) -> int:
    """The number, or how many percent; what is neither is 0."""
    if isinstance(value, int):
        return value
    if PERCENT_RE.fullmatch(value):
        return int(value[:-1])
    digits = value[1:] if value[:1] in ("+", "-") else value
    return int(value) if digits.isascii() and digits.isdigit() else 0


def check_ranges(rolling: Obj, at: str) -> Errors:
    """maxUnavailable and maxSurge are numbers of at least 0 or percentages."""
    errors = check_int_or_percent(given(rolling, "maxUnavailable"), f"{at}.maxUnavailable")
    return errors + check_int_or_percent(given(rolling, "maxSurge"), f"{at}.maxSurge")
