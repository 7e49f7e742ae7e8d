"""PRINTERS: group and kind to the columns and the row function of its Table, as upstream's printers print it."""

from collections.abc import Callable, Mapping

from sampan.api.json import Obj
from sampan.api.resource import Column

Printer = tuple[tuple[Column, ...], Callable[[Obj, str], list[object]] | None]

PRINTERS: Mapping[tuple[str, str], Printer] = {}
