"""Which stage is next, and when."""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.simulator.decide import decide
from sampan.simulator.defaults import DEFAULTS
from sampan.simulator.paths import compile_path
from sampan.simulator.stage import Amount, Next, Selector, Stage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNOTATED = compile_path('.metadata.annotations["d"]')


def stage(name: str, weight: int = 0, delay: Amount = Amount(0.0), jitter: Amount | None = None, **more: Any) -> Stage:  # noqa: B008
    return Stage(name, "Pod", more.pop("selector", Selector()), Next(), weight, delay=delay, jitter=jitter, **more)


def pod(**more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", **more.pop("metadata", {})}, **more}


def test_nothing_matches() -> None:
    assert decide([stage("a", selector=Selector({"x": "y"}))], pod(), NOW, random.Random(1)) is None


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(0, 2**32))
def test_a_stage_without_weight_is_never_drawn_beside_others_with_one(weights: list[int], seed: int) -> None:
    stages = [stage(str(n), weight) for n, weight in enumerate(weights)]
    chosen = decide(stages, pod(), NOW, random.Random(seed))
    assert chosen is not None
    assert chosen.stage.weight or not any(weights)


def test_weights_are_shares() -> None:
    dice, stages = random.Random(7), [stage("a", 1), stage("b", 3)]
    drawn = Counter(c.stage.name for _ in range(4000) if (c := decide(stages, pod(), NOW, dice)))
    assert 0.22 < drawn["a"] / 4000 < 0.28


def test_a_weight_from_the_object() -> None:
    stages = [stage("a", 1), stage("b", 0, weight_from=ANNOTATED)]
    drawn = decide(stages, pod(metadata={"annotations": {"d": "1000000000"}}), NOW, random.Random(1))
    assert drawn is not None
    assert drawn.stage.name == "b"


@given(st.floats(0, 100), st.floats(0, 100), st.integers(0, 2**32))
def test_a_delay_lies_between_duration_and_jitter(least: float, most: float, seed: int) -> None:
    chosen = decide([stage("a", 0, Amount(least), Amount(most))], pod(), NOW, random.Random(seed))
    assert chosen is not None
    assert min(least, most) <= chosen.seconds <= most


@pytest.mark.parametrize(
    ("annotation", "seconds"),
    [("3s", 3.0), ("1m30s", 90.0), ("2026-01-01T00:00:07Z", 7.0), ("2025-01-01T00:00:00Z", 0.0), ("soon", 1.0)],
)
def test_a_delay_from_the_object(annotation: str, seconds: float) -> None:
    stages = [stage("a", 0, Amount(1.0, ANNOTATED))]
    chosen = decide(stages, pod(metadata={"annotations": {"d": annotation}}), NOW, random.Random(1))
    assert chosen is not None
    assert chosen.seconds == seconds


JOB = {"ownerReferences": [{"kind": "Job", "name": "j", "controller": True}]}
GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
HELD = {**GOING, "finalizers": ["x.io/y"]}


@pytest.mark.parametrize(
    ("metadata", "phase", "name"),
    [
        ({}, None, "pod-running"),
        ({}, "Pending", "pod-running"),
        ({}, "Running", None),
        (JOB, "Running", "pod-complete"),
        (JOB, "Succeeded", None),
        (GOING, "Running", "pod-deleted"),
        (GOING, "Pending", "pod-deleted"),
        (HELD, "Running", "pod-stopped"),
        (HELD, "Failed", "pod-stopped-deleted"),
        ({**HELD, "deletionGracePeriodSeconds": 0}, "Failed", None),
    ],
)
def test_the_built_in_stages(metadata: dict[str, Any], phase: str | None, name: str | None) -> None:
    obj = pod(metadata=metadata, status={"phase": phase} if phase else {})
    chosen = decide(DEFAULTS, obj, NOW, random.Random(1))
    assert (chosen.stage.name if chosen else None) == name
