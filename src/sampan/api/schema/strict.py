"""Strict decoding: fields written twice in one JSON object, and the texts for what strict decoding finds."""

import json as stdlib_json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sampan.api import json

_KEY_END = re.compile(rb'"\s*:')


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its repetitions."""


def duplicate_fields(body: bytes, decoded: Any) -> list[str]:
    """Paths of the fields that `body` writes more than once, in the order in which they stand.

    `decoded` is the parsed body: when both have the same number of keys, there is nothing to look for.
    """
    if len(_KEY_END.findall(body)) == json.dumps(decoded).count(b'":'):
        return []
    found: list[str] = []
    _collect(stdlib_json.loads(body, object_pairs_hook=_Pairs), "", found)
    return found


def _collect(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, child in value:
            inner = f"{path}.{key}" if path else key
            if key in seen and inner not in found:
                found.append(inner)
            seen.add(key)
            _collect(child, inner, found)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _collect(child, f"{path}[{index}]", found)


def merged_repeats(body: bytes) -> Any:
    """The parsed body where a repeated field's objects are merged, as Go decodes into what is there already."""
    return stdlib_json.loads(body, object_pairs_hook=_merge_pairs)


def _merge_pairs(pairs: list[tuple[str, Any]]) -> json.Obj:
    made: json.Obj = {}
    for key, value in pairs:
        before = made.get(key)
        made[key] = _merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return made


def _merge(before: json.Obj, after: json.Obj) -> json.Obj:
    return _merge_pairs([*before.items(), *after.items()])


def strict_problems(duplicates: Iterable[str], unknown: Iterable[str]) -> list[str]:
    """One text per problem, as Warning headers carry them with fieldValidation=Warn."""
    return [f'duplicate field "{path}"' for path in duplicates] + [f'unknown field "{path}"' for path in unknown]


def strict_message(problems: Sequence[str]) -> str:
    """What fieldValidation=Strict answers after `... cannot be handled as a Kind: `."""
    return f"strict decoding error: {', '.join(problems)}"


def cannot_handle(kind: str, version: str, why: str) -> str:
    """The message of the 400 for a body that cannot be decoded."""
    return f'{kind} in version "{version}" cannot be handled as a {kind}: {why}'
