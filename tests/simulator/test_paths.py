"""Key paths of selectors."""

from typing import Any

import pytest

from sampan.simulator.paths import PathError, compile_path

OBJ = {
    "a": {"b.c/d": 1, "list": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
    "n": 0,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".n", [0]),
        (".x.y", [None]),
        ('.a["b.c/d"]', [1]),
        (".a.list[1].type", ["Other"]),
        (".a.list[9]", [None]),
        (".a.list[].type", ["Ready", "Other"]),
        (".a.list.[].type", ["Ready", "Other"]),
        ('.a.list.[] | select( .type == "Ready" ) | .status', ["True"]),
        ('.a.list[] | select(.type != "Ready") | .status', ["False"]),
        (".n[]", []),
        (". | .n", [0]),
    ],
)
def test_what_a_path_finds(path: str, found: list[Any]) -> None:
    assert compile_path(path)(OBJ) == found


@pytest.mark.parametrize("path", ["", "a", ".a | length", ".a + 1", ".a[", "..a", "select(.a)"])
def test_paths_that_are_not_simple(path: str) -> None:
    with pytest.raises(PathError):
        compile_path(path)
