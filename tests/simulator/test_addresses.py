"""Addresses of simulated pods."""

from hypothesis import given
from hypothesis import strategies as st

from sampan.simulator.addresses import Addresses


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), max_size=60))
def test_no_address_is_had_twice(turns: list[tuple[bool, int]]) -> None:
    addresses, have = Addresses("10.0.0.0/28"), dict[str, str]()
    for gives, number in turns:
        uid = str(number)
        if gives:
            given_now = addresses.give(uid)
            assert given_now == have.get(uid, given_now)
            if given_now:
                have[uid] = given_now
            else:
                assert len(have) == 13
        else:
            addresses.free(uid)
            have.pop(uid, None)
        assert len(set(have.values())) == len(have)


def test_those_that_are_known_are_not_given_again() -> None:
    addresses = Addresses("10.0.0.0/24")
    addresses.known("old", "10.0.0.2")
    addresses.known("odd", "192.0.2.1")
    assert addresses.give("new") == "10.0.0.3"
    assert addresses.give("old") == "10.0.0.2"
