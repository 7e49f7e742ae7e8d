"""Durations as options take them: Go's `1m30s`."""

from typing import Any, Final

import click

from sampan.api.times import parse_duration


class Duration(click.ParamType[float]):
    """Go's `1m30s` as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; fails for what is no duration."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION: Final = Duration()
