"""CEL's strings extension (version 2, as Kubernetes has it) and Kubernetes' find and findAll."""

from typing import Any

from sampan.api.cel import regex
from sampan.api.cel.function import Overload, fn, member
from sampan.api.cel.library.formatting import formatted
from sampan.api.cel.values import EvalError, OutOfBudget

LARGEST = 10_000_000
"""Characters that one replacement may make."""
LOWER = str.maketrans({c: c + 32 for c in range(65, 91)})
UPPER = str.maketrans({c: c - 32 for c in range(97, 123)})
QUOTED = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
)


def _char_at(text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise EvalError(f"index out of range: {at}")
    return text[at : at + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if start < 0:
        raise EvalError(f"index out of range: {start}")
    return text.find(part, start)


def _last_index_of(text: str, part: str, start: int | None = None) -> int:
    if start is None:
        return text.rfind(part)
    if not part:
        return start
    if start < 0:
        raise EvalError(f"index out of range: {start}")
    return text.rfind(part, 0, start + len(part)) if start < len(text) else -1


def _replace(text: str, old: str, new: str, most: int = -1) -> str:
    count = text.count(old) if most < 0 else min(most, text.count(old))
    if len(text) + count * len(new) > LARGEST:
        raise OutOfBudget()
    return text.replace(old, new, most)


def _split(text: str, by: str, most: int = -1) -> list[str]:
    if most == 0:
        return []
    if most == 1:
        return [text]
    if not by:
        pieces = list(text)
        return pieces if most < 0 or len(pieces) <= most else [*pieces[: most - 1], "".join(pieces[most - 1 :])]
    return text.split(by, most - 1 if most > 0 else -1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    last = len(text) if end is None else end
    if end is not None and start > end:
        raise EvalError(f"invalid substring range. start: {start}, end: {end}")
    if not 0 <= start <= len(text):
        raise EvalError(f"index out of range: {start}")
    if not 0 <= last <= len(text):
        raise EvalError(f"index out of range: {last}")
    return text[start:last]


SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _find(text: str, pattern: str) -> str:
    found = _pattern(pattern).search(text)
    return found.group() if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    made: list[str] = []
    for found in _pattern(pattern).finditer(text):
        if len(made) == most:
            break
        made.append(found.group())
    return made


def _pattern(pattern: str) -> Any:
    try:
        return regex.compiled(pattern)
    except EvalError as error:
        raise EvalError(f"Illegal regex: {error}") from None


FUNCTIONS: tuple[Overload, ...] = (
    member("charAt", "(string, int) -> string", _char_at),
    member("indexOf", "(string, string) -> int", _index_of),
    member("indexOf", "(string, string, int) -> int", _index_of),
    member("lastIndexOf", "(string, string) -> int", _last_index_of),
    member("lastIndexOf", "(string, string, int) -> int", _last_index_of),
    member("join", "(list(string)) -> string", lambda parts: _join(parts, "")),
    member("join", "(list(string), string) -> string", lambda parts, between: _join(parts, between)),
    member("lowerAscii", "(string) -> string", lambda text: text.translate(LOWER)),
    member("upperAscii", "(string) -> string", lambda text: text.translate(UPPER)),
    member("replace", "(string, string, string) -> string", _replace),
    member("replace", "(string, string, string, int) -> string", _replace),
    member("split", "(string, string) -> list(string)", _split),
    member("split", "(string, string, int) -> list(string)", _split),
    member("substring", "(string, int) -> string", _substring),
    member("substring", "(string, int, int) -> string", _substring),
    member("trim", "(string) -> string", lambda text: text.strip(SPACE)),
    member("format", "(string, list(dyn)) -> string", formatted),
    fn("strings.quote", "(string) -> string", lambda text: f'"{text.translate(QUOTED)}"'),
    member("find", "(string, string) -> string", _find),
    member("findAll", "(string, string) -> list(string)", _find_all),
    member("findAll", "(string, string, int) -> list(string)", _find_all),
)


def _join(parts: list[Any], between: str) -> str:
    if not all(isinstance(part, str) for part in parts):
        raise EvalError("no such overload")
    if sum(map(len, parts)) + len(between) * len(parts) > LARGEST:
        raise OutOfBudget()
    return between.join(parts)
