"""Printer columns of custom kinds: from additionalPrinterColumns, else the age."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sampan.api.json import Obj, dumps
from sampan.api.resource import Column
from sampan.api.table import AGE_TEXT, NAME_TEXT, age
from sampan.api.times import parse_time
from sampan.resources.custom.paths import Reader, compile_path

NAME = Column("Name", "string", "name", NAME_TEXT)
AGE = Column("Age", "date", "", AGE_TEXT, path=".metadata.creationTimestamp")
Rows = Callable[[Obj, str], list[object]]


def columns_of(version: Obj) -> tuple[Column, ...]:
    """The header of a version's Table."""
    given = version.get("additionalPrinterColumns")
    if not given:
        return NAME, AGE
    made = [
        Column(
            c["name"], c["type"], c.get("format", ""),
            c.get("description") or f"Custom resource definition column (in JSONPath format): {c['jsonPath']}",
            c.get("priority", 0), c["jsonPath"],
        )
        for c in given
    ]  # fmt: skip
    return NAME, *made


def rows_of(columns: Sequence[Column]) -> Rows:
    """The function that fills rows under these columns."""
    readers: list[tuple[str, Reader]] = [(column.type, compile_path(column.path)) for column in columns[1:]]

    def rows(obj: Obj, now: str) -> list[object]:
        moment = parse_time(now)
        return [obj["metadata"].get("name", ""), *(_cell(kind, read(obj), moment) for kind, read in readers)]

    return rows


def _cell(kind: str, found: list[Any], now: datetime) -> object:
    """Upstream prints the first value, if it has the column's type."""
    if not found or found[0] is None:
        return None
    value = found[0]
    match kind:
        case "integer":
            return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            try:
                return age(value, now) if isinstance(value, str) else None
            except ValueError:
                return "<invalid>"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else dumps(value).decode()
