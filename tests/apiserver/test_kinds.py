"""What a real 1.36 API server says of objects whose fields are wrong in turn: created, updated, their status.

golden/more/kinds.jsonl.gz has objects of the core group without pods, and of networking, discovery, policy, node,
coordination and events, with the answers.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sampan.apiserver.app import App

FILE = Path(__file__).parent.parent / "golden" / "more" / "kinds.jsonl.gz"
CASES: list[dict[str, Any]] = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_answers_as_a_real_server(case: dict[str, Any], served: App, replay: Any) -> None:
    problems = await replay(served, case).run()
    assert not problems, "\n".join(problems)
