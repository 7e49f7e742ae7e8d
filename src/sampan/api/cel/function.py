"""Overloads: a function's signature as CEL knows it, and what runs for it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sampan.api.cel.types import Type, parse_type


class Overload(NamedTuple):
    """`params` starts with the target of a member function. `run` gets the values, and raises EvalError."""

    name: str
    member: bool
    params: tuple[Type, ...]
    result: Type
    run: Callable[..., Any]
    kinds: tuple[str, ...]
    """Kinds that values must have at run time; empty for any."""


def fn(name: str, signature: str, run: Callable[..., Any]) -> Overload:
    """A function called as `name(...)`: signature `(string, list(A)) -> bool`."""
    return _make(name, False, signature, run)


def member(name: str, signature: str, run: Callable[..., Any]) -> Overload:
    """A function called as `x.name(...)`: the first type of the signature is that of x."""
    return _make(name, True, signature, run)


def _make(name: str, is_member: bool, signature: str, run: Callable[..., Any]) -> Overload:
    given, result = signature.rsplit(" -> ", 1)
    params = tuple(parse_type(part) for part in _split(given.strip()[1:-1]))
    return Overload(name, is_member, params, parse_type(result), run, tuple(kind_name(p) for p in params))


def kind_name(one: Type) -> str:
    """What `kind_of` says of values of a type; empty if they may be anything."""
    if one.kind in ("dyn", "param"):
        return ""
    return one.name if one.kind in ("opaque", "object") else one.kind


def _split(text: str) -> list[str]:
    parts, depth, last = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            parts.append(text[last:at])
            last = at + 1
    return [*parts, text[last:]] if text.strip() else []
