"""The benchmark of many pods runs, small."""

import json

import pytest
from click.testing import CliRunner

from sampan.bench.scale import measure
from sampan.cli.main import cli


async def test_few_pods() -> None:
    made = await measure(nodes=3, pods=7, deployments=2)
    assert (made.pods, made.nodes) == (7, 3)
    assert made.rate > 0
    assert "7 pods on 3 simulated nodes" in made.words()


def test_the_verb() -> None:
    answer = CliRunner().invoke(cli, ["bench", "scale", "--nodes", "2", "--pods", "3", "-o", "json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.output)["pods"] == 3


def test_the_other_verbs_say_what_they_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sampan.bench.pleg.ROUNDS", 1)
    answer = CliRunner().invoke(cli, ["bench", "pleg"])
    assert answer.exit_code == 0, answer.output
    assert "kill to PLEG event, simulated, events" in answer.output
