"""What a real 1.36 API server says of objects whose fields are wrong in turn: created, updated, their status.

golden/more has the objects with the answers. kinds.jsonl.gz: the core group without pods, networking, discovery,
policy, node, coordination and events. groups.jsonl.gz: apps, batch, autoscaling, RBAC, storage and flow control.
devices.jsonl.gz: claims on devices, classes and slices. admission.jsonl.gz: webhooks, policies and bindings.
requests.jsonl.gz: each kind's fields replaced at random in creates and in all three kinds of patches, and one
walk through the verbs of each kind. managers.jsonl.gz: three managers that apply and update the same object in turn.
lists.jsonl.gz: parameters of lists, put together at random. custom.jsonl.gz: CustomResourceDefinitions with random
mistakes, and objects of random schemas with random values (of steps with several errors, which a real server tells in
random order, only the status is compared).
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sampan.apiserver.app import App

FILES = sorted((Path(__file__).parent.parent / "golden" / "more").glob("*.jsonl.gz"))
CASES: list[dict[str, Any]] = [
    json.loads(line) for file in FILES for line in gzip.decompress(file.read_bytes()).splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_answers_as_a_real_server(case: dict[str, Any], served: App, replay: Any) -> None:
    problems = await replay(served, case).run()
    assert not problems, "\n".join(problems)
