"""What is wrong with values that are a number or a percentage (apps validation)."""

import re

from sampan.api.meta import regex_error
from sampan.resources.strategies.checks import Errors, Shown, invalid, marshalled, not_negative

PERCENT = "[0-9]+%"
PERCENT_RE = re.compile(PERCENT)
PERCENT_TEXT = "a valid percent string must be a numeric string followed by an ending '%'"


def check_int_or_percent(value: int | str, at: str) -> Errors:
    """A number of at least 0, or a percentage."""
    if isinstance(value, int):
        return not_negative(at, value)
    if PERCENT_RE.fullmatch(value):
        return []
    return [invalid(at, Shown(marshalled(value)), regex_error(PERCENT_TEXT, PERCENT, "1%", "93%"))]


def check_most_hundred(value: int | str, at: str) -> Errors:
    """A percentage is 100 % at most."""
    if isinstance(value, str) and PERCENT_RE.fullmatch(value) and int(value[:-1]) > 100:
        return [invalid(at, Shown(marshalled(value)), "must not be greater than 100%")]
    return []
