"""late: a strategy whose module is loaded when it is first asked: loading all takes longer than anything else."""

from collections.abc import Callable
from typing import Any, cast

from sampan.api.resource import Strategy


class _Late:
    """Turns into the strategy, method by method: what was asked once is found here from then on."""

    def __init__(self, load: Callable[[], Strategy]) -> None:
        self._load = load
        self._made: Strategy | None = None

    def __getattr__(self, name: str) -> Any:
        made = self.__dict__.get("_made")
        if made is None:
            made = self._made = self._load()
        value = getattr(made, name)
        setattr(self, name, value)
        return value


def late(load: Callable[[], Strategy]) -> Strategy:
    """What `load` gives, asked for at the first use."""
    return cast(Strategy, _Late(load))
