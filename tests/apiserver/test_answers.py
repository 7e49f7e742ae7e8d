"""Answers of a real API server about pods' subresources and statuses of Jobs that the golden recordings do not have."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.apiserver.app import App

FILES = sorted((Path(__file__).parent / "answers").glob("*.yaml"))
SCENARIOS = [one for file in FILES for one in yaml.safe_load(file.read_text())]


@pytest.mark.parametrize("answers", SCENARIOS, ids=[one["name"] for one in SCENARIOS])
async def test_answers_are_those_of_a_real_server(served: App, replay: Any, answers: dict[str, Any]) -> None:
    assert await replay(served, answers).run() == []
