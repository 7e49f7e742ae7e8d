"""Strategies are named in words: every name leads to one."""

from importlib import import_module

import pytest

from sampan.resources.late import late
from sampan.resources.strategies import STRATEGIES
from sampan.resources.strategies.rules import NONE


@pytest.mark.parametrize("named", sorted(set(STRATEGIES.values())))
def test_every_name_leads_to_a_strategy(named: str) -> None:
    module, _, name = named.partition(".")
    strategy = getattr(import_module(f"sampan.resources.strategies.{module}"), name)
    assert all(hasattr(strategy, method) for method in ("default", "validate_create", "prepare_update", "warnings"))


def test_it_is_loaded_once_and_when_asked() -> None:
    loads: list[int] = []

    def load() -> object:
        loads.append(1)
        return NONE

    strategy = late(load)  # type: ignore[arg-type]
    assert loads == []
    assert strategy.validate_create({}) == []
    assert strategy.warnings({}) == []
    assert loads == [1]
