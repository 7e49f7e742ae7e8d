"""What simulated containers use, and how it adds up."""

import random
from typing import TYPE_CHECKING

import pytest

from sampan.kubelet.simulated import SimulatedRuntime
from sampan.kubelet.simulated.load import CPU, DEFAULT_CPU, DEFAULT_MEMORY, MEMORY, asked
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.kubelet.conftest import Pods

    from sampan.kubelet.runtime import Runtime


@pytest.mark.parametrize(
    ("annotations", "running", "want"),
    [
        ({}, 2, (DEFAULT_CPU, DEFAULT_MEMORY)),
        ({CPU: "500m", MEMORY: "64Mi"}, 1, (500_000_000, 64 << 20)),
        ({CPU: "2", MEMORY: "64Mi"}, 2, (1_000_000_000, 32 << 20)),
        ({CPU: "much"}, 1, (DEFAULT_CPU, DEFAULT_MEMORY)),
        ({CPU: "-1"}, 1, (0, DEFAULT_MEMORY)),
    ],
)
def test_what_a_pod_asks_for(annotations: dict[str, str], running: int, want: tuple[int, int]) -> None:
    assert asked(annotations, running) == want


async def test_cpu_time_adds_up_at_the_rate_of_the_time(
    runtime: SimulatedRuntime, pods: "Pods", clock: FakeClock
) -> None:
    load = {CPU: "500m"}
    runtime.annotations_of = lambda uid: load
    await pods.run("u", await pods.sandbox("u"), "a")
    await runtime.usage()
    await clock.advance(10)
    (pod,) = await runtime.usage()
    assert pod.containers[0].cpu is not None
    assert (pod.containers[0].cpu.total, pod.containers[0].cpu.rate) == (5_000_000_000, 500_000_000)
    load[CPU] = "1"
    await clock.advance(10)
    (pod,) = await runtime.usage()
    assert pod.cpu is not None
    assert (pod.cpu.total, pod.cpu.rate) == (15_000_000_000, 1_000_000_000)


async def test_what_was_used_is_kept(clock: FakeClock, pods_in: "Callable[[Runtime], Pods]", tmp_path: "Path") -> None:
    first = SimulatedRuntime("10.0.0.0/24", clock, random.Random(1), tmp_path / "state")
    first.annotations_of = lambda uid: {CPU: "1"}
    made = pods_in(first)
    await made.run("u", await made.sandbox("u"), "a")
    await clock.advance(10)
    await first.usage()
    await first.close()
    again = SimulatedRuntime("10.0.0.0/24", clock, random.Random(1), tmp_path / "state")
    again.annotations_of = lambda uid: {CPU: "1"}
    await clock.advance(5)
    (pod,) = await again.usage()
    assert pod.cpu is not None
    assert pod.cpu.total == 15_000_000_000
    await again.close()
