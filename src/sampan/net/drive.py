"""Run a coroutine up to its first wait without a Task, and go on in one only if it does wait."""

import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def resume(coroutine: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine whose `send(None)` yielded `waits_for`: to be awaited in a Task.

    What is thrown in (cancellation above all) reaches the coroutine at the place where it waits. Before its first
    wait there is no current task: a coroutine that needs one there (asyncio.timeout, TaskGroup) awaits
    `asyncio.sleep(0)` first. Context variables set before it are those of whoever called `send`.
    """
    while True:
        try:
            yield waits_for
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:
            try:
                waits_for = coroutine.throw(error)
            except StopIteration as stop:
                result: T = stop.value
                return result
        else:
            outcome: T = yield from coroutine
            return outcome
