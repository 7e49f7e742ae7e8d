"""The back-off of containers that crash; what is to be done stands in cases/actions."""

from sampan.kubelet.actions import Crash, crashed, may_restart


def test_a_first_end_does_not_wait() -> None:
    assert may_restart(None, 100.0) == 100.0


def test_waits_double_up_to_five_minutes() -> None:
    crash: Crash | None = None
    now, waits = 0.0, []
    for _ in range(8):
        allowed = may_restart(crash, now)
        waits.append(allowed - now)
        crash = crashed(crash, now, allowed)
        now = allowed + 1
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_ten_quiet_minutes_forget_it() -> None:
    crash = Crash(300.0, raised_at=1000.0)
    assert may_restart(crash, 1600.0) == 1900.0
    assert may_restart(crash, 1601.0) == 1601.0
    assert crashed(crash, 1601.0, 1601.0) == Crash(10.0, 1601.0)
