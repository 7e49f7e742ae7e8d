"""Which deliveries there can be; upstream's texts."""

from dataclasses import replace
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.apiserver.audit.backend import Forgiving, Several
from sampan.apiserver.audit.delivery import LOG, WEBHOOK, errors_of


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, []),
        (
            {"mode": "later"},
            ['invalid audit webhook mode later, allowed modes are "batch,blocking,blocking-strict"'],
        ),
        ({"batch_buffer_size": 0}, ["invalid audit batch webhook buffer size 0, must be a positive number"]),
        ({"batch_max_size": -1}, ["invalid audit batch webhook max batch size -1, must be a positive number"]),
        ({"batch_throttle_qps": 0.0}, ["invalid audit batch webhook throttle QPS 0, must be a positive number"]),
        ({"batch_throttle_burst": 0}, ["invalid audit batch webhook throttle burst 0, must be a positive number"]),
        ({"batch_throttle_burst": 0, "batch_throttle_enable": False}, []),
        ({"batch_buffer_size": 0, "mode": "blocking"}, []),
        (
            {"truncate_max_event_size": 0},
            ["invalid audit truncate webhook max event size 0, must be a positive number"],
        ),
        (
            {"truncate_max_event_size": 11, "truncate_max_batch_size": 10},
            ["invalid audit truncate webhook max batch size 10, must be greater than max event size (11)"],
        ),
    ],
)
def test_what_is_wrong(changes: dict[str, Any], why: list[str]) -> None:
    assert list(errors_of("webhook", replace(WEBHOOK, **changes))) == why
    assert list(errors_of("log", LOG)) == []


async def test_failures_that_do_not_concern_requests(memory: Any, events: list[Obj]) -> None:
    memory.good = False
    assert await Forgiving(memory).process(events[:1])
    assert not await Several((memory, Forgiving(memory))).process(events[:1])
    assert memory.batches == [["0"], ["0"], ["0"]]
