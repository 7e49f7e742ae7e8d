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
  | (?P<op>\.\?|\[\?|\{\?|==|!=|<=|>=|&&|\|\||[-+*/%<>=!?:.,()\[\]{}])
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


def tokens(source: str) -> list[Token]:
    """The tokens of a text, the last of kind EOF. Raises Problem."""
    made: list[Token] = []
    at = 0
    while at < len(source):
        raw = RAW.match(source, at)
        found = raw or PATTERN.match(source, at)
        if found is None:
            raise Problem(at, f"Syntax error: token recognition error at: '{source[at]}'")
        text, kind = found.group(), "text" if raw else found.lastgroup
        if kind == "name":
            made.append(_name(at, text))
        elif kind == "op":
            made.append(Token(text, at, text))
        elif kind != "space":
            made.append(Token("CONST", at, text, _constant(at, text, kind or "")))
        at = found.end()
    made.append(Token("EOF", len(source), "<EOF>"))
    return made


def _name(at: int, text: str) -> Token:
    if text in CONSTANTS:
        return Token("CONST", at, text, CONSTANTS[text])
    return Token("in", at, text) if text == "in" else Token("IDENT", at, text)


def _constant(at: int, text: str, kind: str) -> Any:
    if kind == "float":
        return float(text)
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
        simple, hex2, _, _, octal, other = found.groups()
        if simple:
            made += SIMPLE_ESCAPES[simple].encode()
        elif hex2 or octal:
            made += bytes([int(hex2, 16) if hex2 else int(octal, 8)])
        else:
            raise Problem(at, f"invalid escape in bytes: \\{other}")
        last = found.end()
    return made + body[last:].encode()
