"""STRATEGIES: which kinds have a strategy of their own, by group and kind."""

from collections.abc import Mapping

from sampan.api.resource import Strategy

STRATEGIES: Mapping[tuple[str, str], Strategy] = {}
