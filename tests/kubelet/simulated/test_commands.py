"""exec and attach in simulated containers."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from sampan.aio.clock import RealClock
from sampan.kubelet.runtime import Command, ContainerConfig, CriError, SandboxConfig
from sampan.kubelet.simulated import SimulatedRuntime


class Typed:
    """A terminal at which these lines are typed."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = list(lines)
        self.shown: list[tuple[int, bytes]] = []

    async def read(self) -> bytes:
        return self._lines.pop(0) if self._lines else b""

    async def write(self, stream: int, data: bytes) -> None:
        self.shown.append((stream, data))


@pytest.fixture
async def runtime() -> AsyncIterator[SimulatedRuntime]:
    runtime = SimulatedRuntime("10.0.0.0/24", RealClock(), random.Random(1))
    yield runtime
    await runtime.close()


async def running(runtime: SimulatedRuntime) -> str:
    """The id of a container that runs."""
    sandbox = SandboxConfig("uid", "p", "default", 0)
    box = await runtime.run_sandbox(sandbox)
    container = await runtime.create_container(box, ContainerConfig("c", 0, "web:1", "web:1"), sandbox)
    await runtime.start_container(container)
    return container


@pytest.mark.parametrize(
    ("words", "typed", "code", "shown"),
    [
        (("echo", "hi"), (), 0, [(1, b"hi\n")]),
        (("sh", "-c", "echo a; exit 3"), (), 3, [(1, b"a\n")]),
        (("cat",), (b"one", b"two"), 0, [(1, b"one"), (1, b"two")]),
        (("ls",), (), 127, [(2, b"ls: not known to a simulated container\n")]),
    ],
)
async def test_the_words_that_are_known(
    runtime: SimulatedRuntime, words: tuple[str, ...], typed: tuple[bytes, ...], code: int, shown: object
) -> None:
    asked = Command(await running(runtime), words, stdin=True, stdout=True, stderr=True)
    terminal = Typed(*typed)
    assert await (await runtime.open_command(asked))(terminal) == code
    assert terminal.shown == shown


@pytest.mark.parametrize("words", [None, ("sleep", "infinity")], ids=["attach", "exec"])
async def test_the_end_of_the_container_is_the_end_of_what_is_done_in_it(
    runtime: SimulatedRuntime, words: tuple[str, ...] | None
) -> None:
    container = await running(runtime)
    job = asyncio.ensure_future((await runtime.open_command(Command(container, words, stdout=True)))(Typed()))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not job.done()
    runtime.kill(container, 7)
    assert await job == 7


async def test_what_does_not_run_takes_no_commands(runtime: SimulatedRuntime) -> None:
    container = await running(runtime)
    runtime.kill(container)
    with pytest.raises(CriError) as stopped:
        await runtime.open_command(Command(container, ("true",), stdout=True))
    assert stopped.value.code == "FAILED_PRECONDITION"
    with pytest.raises(CriError) as unknown:
        await runtime.open_command(Command("other", None, stdout=True))
    assert unknown.value.code == "NOT_FOUND"
    with pytest.raises(CriError) as ports:
        await runtime.open_ports("box", (80,))
    assert ports.value.code == "UNIMPLEMENTED"
