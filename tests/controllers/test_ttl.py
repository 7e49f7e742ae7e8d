"""How long nodes may keep what they were told: upstream's boundaries, and no flapping between them."""

import pytest

from sampan.controllers.ttl import Seen, decide, seconds


@pytest.mark.parametrize(
    ("before", "nodes", "wanted"),
    [
        (None, 1, 0),
        (None, 100, 0),
        (None, 101, 15),
        ("0", 100, 0),
        ("0", 101, 15),
        ("15", 90, 15),
        ("15", 89, 0),
        ("15", 500, 15),
        ("15", 501, 30),
        ("30", 450, 30),
        ("30", 449, 15),
        ("30", 1001, 60),
        ("60", 899, 30),
        ("60", 2001, 300),
        ("300", 1799, 60),
        ("300", 1800, 300),
        ("300", 5, 0),
        ("0", 5000, 300),
        ("no number", 1, 0),
    ],
)
def test_seconds(before: str | None, nodes: int, wanted: int) -> None:
    assert seconds(before, nodes) == wanted


def test_nothing_is_written_that_is_there() -> None:
    node = {"metadata": {"name": "n", "annotations": {"node.alpha.kubernetes.io/ttl": "0"}}}
    assert decide(Seen(node, 3)) == ()
    assert len(decide(Seen(node, 200))) == 1
