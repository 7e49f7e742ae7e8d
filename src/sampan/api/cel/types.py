"""CEL's static types: what may be assigned to what, and how types are written in messages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Type:
    """A type. `kind` is `object` for types with fields, `opaque` for named ones without, `param` for type variables."""

    kind: str
    params: tuple["Type", ...] = ()
    name: str = ""
    fields: "Mapping[str, Field] | None" = field(default=None, compare=False, hash=False)

    def __str__(self) -> str:
        return self.written(PROTO)

    def written(self, names: Mapping[str, str]) -> str:
        """The type in a message."""
        own = names.get(self.kind) or self.name or self.kind
        return f"{own}({', '.join(p.written(names) for p in self.params)})" if self.params else own

    def shown(self) -> str:
        """As in the checker's messages."""
        return self.written(CHECKER)


class Field(NamedTuple):
    """A field of an object type. `key` is its name in the data."""

    key: str
    type: Type


PROTO = {
    "free": "dyn",
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
CHECKER = {"error": "!error!", "free": "dyn"}

DYN, ERROR, NULL = Type("dyn"), Type("error"), Type("null")
FREE = Type("free")
"""The type of the items of an empty list: whatever they are compared with."""
ANY = Type("any")
"""As dyn, but nothing can be said about all that is in it."""
LOOSE = ("dyn", "error", "free", "any")
BOOL, INT, UINT, DOUBLE = Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES = Type("string"), Type("bytes")
TIMESTAMP, DURATION = Type("timestamp"), Type("duration")
SIMPLE = {
    t.kind: t for t in (DYN, NULL, BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION)
} | {"null_type": NULL}  # fmt: skip
NULLABLE = ("object", "opaque", "timestamp", "duration", "null")


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(item: Type) -> Type:
    return Type("opaque", (item,), "optional_type")


def type_of(item: Type) -> Type:
    return Type("type", (item,))


def is_optional(one: Type) -> bool:
    return one.name == "optional_type"


class AnyField(Mapping[str, Field]):
    """The fields of a type that has any field one asks for, each of unknown type."""

    def __getitem__(self, name: str) -> Field:
        return Field(name, DYN)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


# --- written types: "map(string, list(A))", "kubernetes.URL"

TOKEN = re.compile(r"\s*([A-Za-z_][\w.]*|[(),])")


@lru_cache(maxsize=512)
def parse_type(text: str) -> Type:
    """A type from its text; single capital letters are type variables."""
    tokens = TOKEN.findall(text)
    made, rest = _parse(tokens)
    if rest:
        raise ValueError(f"not a type: {text}")
    return made


def _parse(tokens: list[str]) -> tuple[Type, list[str]]:
    name, rest = tokens[0], tokens[1:]
    params: list[Type] = []
    if rest and rest[0] == "(":
        while rest[0] != ")":
            one, rest = _parse(rest[1:])
            params.append(one)
        rest = rest[1:]
    if name in ("list", "map", "type"):
        return Type(name, tuple(params)), rest
    if name in SIMPLE:
        return SIMPLE[name], rest
    if len(name) == 1 and name.isupper():
        return Type("param", (), name), rest
    return Type("opaque", tuple(params), name), rest


# --- assignment

Bound = dict[str, Type]


def assign(formal: Type, given: Type, bound: Bound) -> bool:
    """Whether a value of one type may stand where another is wanted; binds type variables."""
    if formal.kind == "param":
        known = bound.get(formal.name)
        if given.kind == "free" and known is not None:
            return True
        if known is not None and known.kind == "null" and given.kind not in (*NULLABLE, *LOOSE):
            return False
        if known is None or known.kind in ("dyn", "free", "null") or (known.kind != "dyn" and wider(given, known)):
            bound[formal.name] = given if known is None or known.kind in ("free", "null") else known
            if known is not None and known.kind != "dyn" and wider(given, known):
                bound[formal.name] = given
            return True
        return assign(known, given, bound)
    if formal.kind in LOOSE or given.kind in LOOSE:
        return True
    if given.kind == "null":
        return formal.kind in NULLABLE
    if formal.kind != given.kind or formal.name != given.name:
        return False
    if formal.kind == "type":
        return True
    if len(formal.params) != len(given.params):
        return False
    return all(assign(f, g, bound) for f, g in zip(formal.params, given.params, strict=True))


def wider(one: Type, than: Type) -> bool:
    """Whether the first is the second with unknown parts (`list(dyn)` for `list(int)`)."""
    if one == than or one.kind == "free":
        return False
    if one.kind == "dyn" or than.kind == "free":
        return True
    if (one.kind, one.name, len(one.params)) != (than.kind, than.name, len(than.params)) or not one.params:
        return False
    return all(o == t or wider(o, t) for o, t in zip(one.params, than.params, strict=True))


def common(one: Type, other: Type) -> Type | None:
    """The type that both are when what is not known of one is known of the other; None: they differ."""
    if one == other or other.kind == "free":
        return one
    if one.kind == "free":
        return other
    if (one.kind, one.name, len(one.params)) != (other.kind, other.name, len(other.params)) or not one.params:
        return None
    params = [common(mine, theirs) for mine, theirs in zip(one.params, other.params, strict=True)]
    known = tuple(param for param in params if param is not None)
    return Type(one.kind, known, one.name, one.fields) if len(known) == len(params) else None


def fill(one: Type, bound: Bound) -> Type:
    """A type with its variables filled in; unbound ones stay free."""
    if one.kind == "param":
        return bound.get(one.name, FREE)
    if not one.params:
        return one
    return Type(one.kind, tuple(fill(p, bound) for p in one.params), one.name, one.fields)


def join(types: list[Type]) -> Type:
    """The type of values of all these types."""
    known = [t for t in types if t.kind not in ("null", "error")] or types
    if not known:
        return FREE
    known = [t for t in known if not _is_free(t)] or known
    first = known[0]
    if any(t != first for t in known):
        return DYN
    return first if all(t == first or _is_free(t) or first.kind in NULLABLE for t in types) else DYN


def _is_free(one: Type) -> bool:
    return one.kind == "free" or any(map(_is_free, one.params))
