"""The table of the event stream's states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.kubelet.pleg.stream import (
    BACKOFF,
    LIVED,
    NEVER,
    SETTLE,
    Command,
    Input,
    Periods,
    Phase,
    StreamState,
    step,
)

PERIODS = Periods()
C, S, R = Phase.CONNECTING, Phase.STREAMING, Phase.RELISTING
RELIST, CONNECT = Command.RELIST, Command.CONNECT


@pytest.mark.parametrize(
    ("phase", "seen", "then", "commands"),
    [
        (C, Input.START, C, (RELIST, CONNECT)),
        (C, Input.OPENED, S, (RELIST,)),
        (C, Input.BROKE, C, ()),
        (C, Input.UNIMPLEMENTED, R, (RELIST,)),
        (C, Input.TIME, C, ()),
        (S, Input.START, S, ()),
        (S, Input.OPENED, S, ()),
        (S, Input.BROKE, C, (RELIST,)),
        (S, Input.UNIMPLEMENTED, R, (RELIST,)),
        (S, Input.TIME, S, ()),
        (R, Input.START, R, ()),
        (R, Input.OPENED, R, ()),
        (R, Input.BROKE, R, ()),
        (R, Input.UNIMPLEMENTED, R, ()),
        (R, Input.TIME, R, ()),
    ],
)
def test_every_state_and_input(phase: Phase, seen: Input, then: Phase, commands: tuple[Command, ...]) -> None:
    state, told = step(StreamState(phase, relist_at=100.0), seen, 10.0, PERIODS)
    assert (state.phase, told) == (then, commands)


@pytest.mark.parametrize(("phase", "period"), [(C, 1.0), (S, 300.0), (R, 1.0)])
def test_the_period_of_relists(phase: Phase, period: float) -> None:
    state, told = step(StreamState(phase, relist_at=10.0), Input.TIME, 10.0, PERIODS)
    assert told == (RELIST,)
    assert state.relist_at == 10.0 + period


def test_a_relist_follows_when_the_stream_has_settled() -> None:
    state, _ = step(StreamState(C, connect_at=5.0), Input.OPENED, 10.0, PERIODS)
    assert (state.relist_at, state.connect_at) == (10.0 + SETTLE, NEVER)


def test_failures_in_a_row_wait_longer_each_time() -> None:
    state, waits = StreamState(), []
    for _ in range(len(BACKOFF) + 2):
        state, _ = step(state, Input.BROKE, 0.0, PERIODS)
        waits.append(state.connect_at)
        state, told = step(state, Input.TIME, state.connect_at, PERIODS)
        assert told == (CONNECT,)
        assert state.connect_at == NEVER
    assert waits == [*BACKOFF, BACKOFF[-1], BACKOFF[-1]]


@pytest.mark.parametrize(("lived", "wait"), [(LIVED - 1, 16.0), (LIVED, 0.0)])
def test_a_stream_that_lived_forgets_earlier_failures(lived: float, wait: float) -> None:
    state, _ = step(StreamState(S, failures=5, opened_at=0.0), Input.BROKE, lived, PERIODS)
    assert state.connect_at == lived + wait


@given(st.lists(st.tuples(st.sampled_from(list(Input)), st.floats(0, 400))))
def test_whatever_happens_a_relist_is_always_ahead(history: list[tuple[Input, float]]) -> None:
    now = 0.0
    state, _ = step(StreamState(), Input.START, now, PERIODS)
    for seen, pause in history:
        now += pause
        state, _ = step(state, seen, now, PERIODS)
        assert state.relist_at - now <= (PERIODS.slow if state.phase is S else PERIODS.relist) + 1e-6
        if state.phase is R:
            assert state.connect_at == NEVER
    state, told = step(state, Input.TIME, state.relist_at, PERIODS)
    assert RELIST in told
