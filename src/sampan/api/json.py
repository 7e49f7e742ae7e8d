"""JSON in and out: the one file that knows the JSON library."""

from typing import Any

import orjson

Obj = dict[str, Any]
"""A Kubernetes object in hand: a plain dict tree, never mutated once shared; a change makes a new one."""

JSONDecodeError = orjson.JSONDecodeError


class TooDeep(ValueError):
    """A value is nested too deeply to be written (more than 254 levels)."""


def loads(data: bytes | str) -> Any:
    """Parse JSON; raises JSONDecodeError."""
    return orjson.loads(data)


def dumps(value: Any) -> bytes:
    """Compact JSON bytes, keys in insertion order. Raises TooDeep."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise _explained(error) from None


def dumps_pretty(value: Any) -> bytes:
    """JSON indented by two spaces, for people."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def dumps_sorted(value: Any) -> bytes:
    """Compact JSON bytes, keys in order: equal values give equal bytes. Raises TooDeep."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise _explained(error) from None


def _explained(error: TypeError) -> Exception:
    return TooDeep("exceeded max depth") if "Recursion limit" in str(error) else error
