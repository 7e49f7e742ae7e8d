"""Duplicate fields of a JSON body."""

import pytest

from sampan.api import json
from sampan.api.schema.strict import duplicate_fields, strict_message, strict_problems


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"a":1,"b":[{"c":1}]}', []),
        (b'{"metadata":{"name":"x","name":"y"},"data":{"a":"1","a":"2"},"data":{"b":"1"}}',
         ["metadata.name", "data.a", "data"]),
        (b'{"a" :1, "a"\n: 2}', ["a"]),
        (b'{"l":[{"x":1},{"x":1,"x":2}]}', ["l[1].x"]),
        (b'{"a":"\\":","b":"\\u0022:"}', []),
    ],
)  # fmt: skip
def test_duplicate_fields(body: bytes, paths: list[str]) -> None:
    assert duplicate_fields(body, json.loads(body)) == paths


def test_message_lists_all_problems() -> None:
    problems = strict_problems(["a"], ["b.c"])
    assert problems == ['duplicate field "a"', 'unknown field "b.c"']
    assert strict_message(problems) == 'strict decoding error: duplicate field "a", unknown field "b.c"'
