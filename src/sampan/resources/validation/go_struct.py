"""Parts of objects as upstream's errors show them: Go's structs of the internal API, which have no JSON names.

A table is a tuple of fields in Go's order: (Go name, JSON name, what stands for an absent one). What stands for an
absent one is a value, or the table of a struct that is always there, or `Pointer` or `Each` of a table, or `Sorted`.
"""

from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Shown, marshalled


class Pointer(NamedTuple):
    """A struct that may be absent."""

    table: "Table"


class Each(NamedTuple):
    """A list of structs."""

    table: "Table"


class Sorted(NamedTuple):
    """A map, which Go's encoder writes in the order of its keys."""


Field = tuple[str, str, Any]
Table = tuple[Field, ...]


def go_struct(value: Obj | None, table: Table) -> Obj:
    """A struct with all its fields under Go's names."""
    have = value or {}
    return {name: _field(have.get(key), kind) for name, key, kind in table}


def _field(value: Any, kind: Any) -> Any:
    if isinstance(kind, Pointer):
        return None if value is None else go_struct(value, kind.table)
    if isinstance(kind, Sorted):
        return None if value is None else dict(sorted(value.items()))
    if isinstance(kind, Each):
        return None if value is None else [go_struct(one, kind.table) for one in value]
    if isinstance(kind, tuple):
        return go_struct(value, kind)
    return kind if value is None else value


def shown_struct(value: Obj | None, table: Table, *, pointer: bool = False) -> Shown:
    """As an error shows it; a `pointer` may be null."""
    return Shown(marshalled(None if pointer and value is None else go_struct(value, table)))
