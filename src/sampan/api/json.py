"""JSON in and out: the one file that knows the JSON library."""

from typing import Any

import orjson

Obj = dict[str, Any]
"""A Kubernetes object in hand: a plain dict tree, never mutated once shared; a change makes a new one."""

JSONDecodeError = orjson.JSONDecodeError


def loads(data: bytes | str) -> Any:
    """Parse JSON; raises JSONDecodeError."""
    return orjson.loads(data)


def dumps(value: Any) -> bytes:
    """Compact JSON bytes, keys in insertion order."""
    return orjson.dumps(value)


def dumps_pretty(value: Any) -> bytes:
    """JSON indented by two spaces, for people."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


def dumps_sorted(value: Any) -> bytes:
    """Compact JSON bytes, keys in order: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
