"""Large events are cut, larger ones lost, large batches split."""

from typing import Any

from sampan.api.json import Obj
from sampan.apiserver.audit.truncate import Truncating, cut, size_of


async def test_what_was_sent_and_answered_goes(memory: Any, counts: Any, events: list[Obj]) -> None:
    big = {**events[0], "level": "RequestResponse", "requestObject": {"a": "x" * 500}, "responseObject": {"b": 1}}
    small = {**events[1], "level": "Request", "requestObject": {"a": "x"}}
    truncating = Truncating(memory, 400, 10_000, counts)
    assert await truncating.process((big, small))
    kept = {key: value for key, value in big.items() if not key.endswith("Object")}
    assert memory.events == [{**kept, "annotations": {"audit.k8s.io/truncated": "true"}}, small]
    assert counts.errors() == {}
    await truncating.close()
    assert memory.closed


async def test_what_is_too_large_all_the_same_is_lost(memory: Any, counts: Any, events: list[Obj]) -> None:
    metadata = {**events[0], "userAgent": "x" * 500}
    request = {**metadata, "level": "Request", "requestObject": {}}
    assert await Truncating(memory, 400, 10_000, counts).process((metadata, request, events[1]))
    assert memory.batches == [["1"]]
    assert counts.errors() == {"truncate": 2}


async def test_batches_are_split(memory: Any, counts: Any, events: list[Obj]) -> None:
    size = size_of(events[0])
    memory.good = False
    assert not await Truncating(memory, size, 3 * size, counts).process(events[:7])
    assert memory.batches == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


def test_other_annotations_stay(events: list[Obj]) -> None:
    given = {**events[0], "annotations": {"a": "b"}}
    assert cut(given)["annotations"] == {"a": "b", "audit.k8s.io/truncated": "true"}
    assert given["annotations"] == {"a": "b"}
