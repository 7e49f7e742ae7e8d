"""The tokens of a CEL expression."""

import re
from typing import Any, NamedTuple

from sampan.api.cel.syntax import Problem
from sampan.api.cel.values import UInt


class Token(NamedTuple):
    """`kind` is the text itself for operators and keywords, else IDENT, CONST or EOF."""

    kind: str
    offset: int
    text: str
    value: Any = None


PATTERN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
  | (?P<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
  | (?P<int>0[xX][0-9a-fA-F]+[uU]?|[0-9]+[uU]?)
  | (?P<text>[rRbB]{0,2}(?:\"\"\"(?s:\\.|.)*?\"\"\"|'''(?s:\\.|.)*?'''|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))
  | (?P<raw>[rR](?:"[^"\n\r]*"|'[^'\n\r]*'))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<quoted>`[A-Za-z0-9_.\-/ ]+`)
  | (?P<op>\.\?|\[\?|\{\?|==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
RAW = re.compile(r"""[rR](?:\"\"\"(?s:.)*?\"\"\"|'''(?s:.)*?'''|"[^"\n\r]*"|'[^'\n\r]*')""")
CONSTANTS = {"true": True, "false": False, "null": None}
RESERVED = frozenset(
    ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
     "namespace", "return", "var", "void", "while")
)  # fmt: skip
SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.S,
)
MOST_INT, MOST_UINT = 2**63, 2**64


def tokens(source: str) -> tuple[list[Token], list[Problem]]:
    """The tokens of a text, the last of kind EOF, and what in it is none. Raises Problem for wrong literals."""
    made: list[Token] = []
    problems: list[Problem] = []
    at = 0
    while at < len(source):
        raw = RAW.match(source, at)
        found = raw or PATTERN.match(source, at)
        end = found.end() if found is not None else 0
        if found is None or (not raw and found.lastgroup == "text" and not _escapes(found.group())):
            end = _unknown(source, at)
            problems.append(Problem(at, f"Syntax error: token recognition error at: '{source[at:end]}'"))
            at = end
            continue
        text, kind = found.group(), "text" if raw else found.lastgroup
        if kind == "name":
            made.append(_name(at, text))
        elif kind in ("op", "quoted"):
            made.append(Token(text if kind == "op" else "QUOTED", at, text))
        elif kind != "space":
            made.append(Token("CONST", at, text, _constant(at, text, kind or "")))
        at = end
    made.append(Token("EOF", len(source), "<EOF>"))
    return made, problems


GOOD_ESCAPE = re.compile(r"""\\(?:[abfnrtv\\'"`?]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})""")
START_OF_ESCAPE = re.compile(r"""\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|[0-3][0-7]?)?""")


def _escapes(text: str) -> bool:
    """Whether all escapes of a literal are such."""
    if "\\" not in text or text[:2].lower() in ("rb", "br") or text[0] in "rR":
        return True
    at = text.find("\\")
    while at >= 0:
        good = GOOD_ESCAPE.match(text, at)
        if good is None:
            return False
        at = text.find("\\", good.end())
    return True


def _unknown(source: str, at: int) -> int:
    """Where what is no token ends: with the first character that could not be read on from the start."""
    if source[at] in "=&|":
        return min(at + 2, len(source))
    start = at
    while start < len(source) and source[start] in "rRbB":
        start += 1
    if start >= len(source) or source[start] not in "\"'":
        return at + 1
    here = start + 1
    while here < len(source):
        char = source[here]
        if char == "\\":
            good = GOOD_ESCAPE.match(source, here)
            if good is None:
                begun = START_OF_ESCAPE.match(source, here)
                assert begun is not None
                return min(begun.end() + 1, len(source))
            here = good.end()
            continue
        here += 1
        if char in "\r\n" or char == source[start]:
            break
    return here


def _name(at: int, text: str) -> Token:
    if text in CONSTANTS:
        return Token("CONST", at, text, CONSTANTS[text])
    return Token("in", at, text) if text == "in" else Token("IDENT", at, text)


def _constant(at: int, text: str, kind: str) -> Any:
    if kind == "float":
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise Problem(at, "invalid double literal")
        return number
    if kind == "int":
        unsigned = text[-1] in "uU"
        digits = text[:-1] if unsigned else text
        number = int(digits, 16 if digits[:2].lower() == "0x" else 10)
        if unsigned:
            if number >= MOST_UINT:
                raise Problem(at, "invalid uint literal")
            return UInt(number)
        return number  # its bounds depend on the sign before it
    return _text(at, text)


def _text(at: int, text: str) -> str | bytes:
    start = next(i for i, c in enumerate(text) if c in "\"'")
    prefix, rest = text[:start].lower(), text[start:]
    width = 3 if rest[:3] in ('"""', "'''") else 1
    body = rest[width:-width]
    if "b" in prefix:
        return _bytes(at, body) if "r" not in prefix else body.encode()
    if "r" in prefix:
        return body

    def one(found: re.Match[str]) -> str:
        simple, hex2, hex4, hex8, octal, _ = found.groups()
        if simple:
            return SIMPLE_ESCAPES[simple]
        digits = hex2 or hex4 or hex8
        code = int(digits, 16) if digits else int(octal, 8) if octal else -1
        if code < 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise Problem(at, f"invalid syntax: {text}")
        return chr(code)

    return ESCAPE.sub(one, body)


def _bytes(at: int, body: str) -> bytes:
    made = b""
    last = 0
    for found in ESCAPE.finditer(body):
        made += body[last : found.start()].encode()
        simple, hex2, _, _, octal, _ = found.groups()
        if simple:
            made += SIMPLE_ESCAPES[simple].encode()
        elif hex2 or octal:
            made += bytes([int(hex2, 16) if hex2 else int(octal, 8)])
        else:
            raise Problem(at, "unable to unescape string")
        last = found.end()
    return made + body[last:].encode()
