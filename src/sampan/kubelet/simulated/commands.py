"""What exec and attach do in a simulated container: the few words its programs know, and `cat`."""

import asyncio
from collections.abc import Awaitable, Callable

from sampan.kubelet.runtime import Command, Terminal
from sampan.kubelet.simulated.program import program

STDOUT, STDERR = 1, 2
NOT_FOUND = 127


async def perform(
    asked: Command, terminal: Terminal, sleep: Callable[[float], Awaitable[None]], over: Callable[[], Awaitable[int]]
) -> int:
    """Carry out a Command; its exit code. `over` waits for the end of the container, which ends every command in it."""
    if asked.command is None:
        return await over()  # all that a simulated container prints, it prints at its start
    work = asyncio.ensure_future(_run(asked.command, asked, terminal, sleep))
    end = asyncio.ensure_future(over())
    try:
        await asyncio.wait((work, end), return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else end.result()
    finally:
        for task in (work, end):
            task.cancel()
        await asyncio.gather(work, end, return_exceptions=True)


async def _run(
    command: tuple[str, ...], asked: Command, terminal: Terminal, sleep: Callable[[float], Awaitable[None]]
) -> int:
    if command == ("cat",):
        while asked.stdin and (data := await terminal.read()):
            await terminal.write(STDOUT, data)
        return 0
    does = program(command)
    if not does.known:
        line = f"{command[0] if command else ''}: not known to a simulated container\n"
        await terminal.write(STDERR, line.encode())
        return NOT_FOUND
    if does.output:
        await terminal.write(STDOUT, "".join(f"{line}\n" for line in does.output).encode())
    if does.seconds is None:
        await asyncio.get_running_loop().create_future()
    await sleep(does.seconds or 0.0)
    return does.exit_code
