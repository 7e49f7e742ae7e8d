"""Texts as Go prints them with %q, and JSON in texts as Go writes it."""

import re
from typing import Any

from sampan.api.json import dumps

SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def go_quoted(text: str) -> str:
    """A text in quotes, with Go's escapes. A lone surrogate stands for a byte that is not UTF-8 (PEP 383)."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in ESCAPES:
        return ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80 or 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def without_surrogates(text: str) -> str:
    """With U+FFFD for what was not UTF-8, as Go's JSON encoder writes it."""
    return text if text.isascii() else SURROGATE.sub("\ufffd", text)


def go_json(value: Any) -> str:
    """JSON as Go's encoder writes it into texts: with what HTML could take for its own escaped."""
    text = dumps(value).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
