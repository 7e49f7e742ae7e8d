"""How to live with a stream that may break: one table of three states. Only "unimplemented" is final.

| state      | stream opens           | stream breaks        | unimplemented | relist every | while idle              |
|------------|------------------------|----------------------|---------------|--------------|-------------------------|
| CONNECTING | STREAMING, relist, and | stay, back off       | RELISTING     | 1 s          | relists carry the truth |
|            | again when settled     |                      |               |              |                         |
| STREAMING  | -                      | CONNECTING, relist   | RELISTING     | 300 s        | nothing: who waits asks |
|            |                        | now, connect again   |               |              | for its one pod         |
| RELISTING  | -                      | -                    | -             | 1 s          | final: no events here   |
"""

from dataclasses import dataclass, replace
from enum import Enum

BACKOFF = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds before the next attempt, by failures in a row; the last one stays."""
LIVED = 60.0
"""Seconds after which a stream that breaks is no failure in a row any more."""
SETTLE = 1.0
"""Seconds between opening a stream and being sure that the runtime has subscribed us."""
NEVER = float("inf")


class Phase(Enum):
    CONNECTING = "connecting"
    STREAMING = "streaming"
    RELISTING = "relisting"


class Input(Enum):
    """What can happen."""

    START = "start"
    OPENED = "opened"
    BROKE = "broke"
    UNIMPLEMENTED = "unimplemented"
    TIME = "time"
    """Nothing but time has passed."""


class Command(Enum):
    """What to do."""

    CONNECT = "connect"
    RELIST = "relist"


@dataclass(frozen=True, slots=True)
class StreamState:
    """Times are seconds on a clock that never goes back."""

    phase: Phase = Phase.CONNECTING
    failures: int = 0
    opened_at: float = 0.0
    connect_at: float = NEVER
    relist_at: float = NEVER

    @property
    def wake_at(self) -> float:
        """When TIME is due."""
        return min(self.connect_at, self.relist_at)


@dataclass(frozen=True, slots=True)
class Periods:
    """Seconds between relists without and with events."""

    relist: float = 1.0
    slow: float = 300.0


def step(state: StreamState, seen: Input, now: float, periods: Periods) -> tuple[StreamState, tuple[Command, ...]]:
    """The table above. Returns the new state and what to do, in order."""
    match state.phase, seen:
        case Phase.CONNECTING, Input.START:
            return replace(state, relist_at=now + periods.relist), (Command.RELIST, Command.CONNECT)
        case Phase.CONNECTING, Input.OPENED:
            opened = replace(state, phase=Phase.STREAMING, opened_at=now, connect_at=NEVER, relist_at=now + SETTLE)
            return opened, (Command.RELIST,)
        case Phase.CONNECTING, Input.BROKE:
            return _retry(state, now), ()
        case Phase.STREAMING, Input.BROKE:
            lived = now - state.opened_at >= LIVED
            broken = replace(state, phase=Phase.CONNECTING, failures=0 if lived else state.failures)
            return _retry(replace(broken, relist_at=now + periods.relist), now), (Command.RELIST,)
        case ((Phase.CONNECTING | Phase.STREAMING), Input.UNIMPLEMENTED):
            final = StreamState(Phase.RELISTING, state.failures + 1, relist_at=now + periods.relist)
            return final, (Command.RELIST,)
        case _, Input.TIME:
            return _time(state, now, periods)
        case _:
            return state, ()


def _retry(state: StreamState, now: float) -> StreamState:
    delay = BACKOFF[min(state.failures, len(BACKOFF) - 1)]
    return replace(state, failures=state.failures + 1, connect_at=now + delay)


def _time(state: StreamState, now: float, periods: Periods) -> tuple[StreamState, tuple[Command, ...]]:
    commands: list[Command] = []
    if now >= state.relist_at:
        period = periods.slow if state.phase is Phase.STREAMING else periods.relist
        state = replace(state, relist_at=now + period)
        commands.append(Command.RELIST)
    if now >= state.connect_at:
        state = replace(state, connect_at=NEVER)
        commands.append(Command.CONNECT)
    return state, tuple(commands)
