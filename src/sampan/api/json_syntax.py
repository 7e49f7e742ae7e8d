"""What is wrong with JSON text, in the words of Go's encoding/json, which reads it byte by byte."""

import re

from sampan.api.quote import go_quoted

DEEPEST = 10_000
"""Nesting beyond which Go gives up."""
END = "unexpected end of JSON input"
SPACE = re.compile(rb"[ \t\r\n]*")
TEXT = re.compile(rb'[^"\\\x00-\x1f]*')
LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
DIGITS = frozenset(b"0123456789")
HEX = frozenset(b"0123456789abcdefABCDEF")


class _Wrong(Exception):
    """At which byte, and where that is; no place: the end came too early."""

    def __init__(self, at: int, context: str = "") -> None:
        super().__init__(context)
        self.at, self.context = at, context


def syntax_error(data: bytes) -> str:
    """Go's error for the first thing that is wrong; empty for good JSON."""
    wrong = _first_wrong(data)
    if wrong is not None and wrong.at >= len(data):  # Go tries a space then, which may be wrong in itself
        data += b" "
        wrong = _first_wrong(data)
        if wrong is None or wrong.at >= len(data):
            return END
    if wrong is None:
        return ""
    char = chr(data[wrong.at])
    shown = "'\\''" if char == "'" else "'\"'" if char == '"' else f"'{go_text(char)}'"
    return f"invalid character {shown} {wrong.context}"


def _first_wrong(data: bytes) -> "_Wrong | None":
    try:
        _Scanner(data).document()
    except _Wrong as wrong:
        return wrong
    return None


def go_text(char: str) -> str:
    """A byte as Go quotes it: as the character of that number."""
    if 0x80 <= ord(char) < 0x100 and not char.isprintable():
        return f"\\u{ord(char):04x}"
    return go_quoted(char)[1:-1]


class _Scanner:
    """Walks over the text once; what is open is a stack, so that depth costs no recursion."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def document(self) -> None:
        opened: list[bool] = []  # True for an object
        self.space()
        while True:
            if self.value(opened):
                continue
            while opened:
                if self.more(opened):
                    break
            else:
                self.space()
                if self.at < len(self.data):
                    raise _Wrong(self.at, "after top-level value")
                return

    def space(self) -> None:
        match = SPACE.match(self.data, self.at)
        self.at = match.end() if match else self.at

    def peek(self) -> int:
        if self.at >= len(self.data):
            raise _Wrong(len(self.data))
        return self.data[self.at]

    def value(self, opened: list[bool]) -> bool:
        """Read the beginning of a value; whether it is a container with something in it."""
        self.space()
        char = self.peek()
        if char in b"{[":
            if len(opened) >= DEEPEST:
                raise _Wrong(self.at, "exceeded max depth")
            self.at += 1
            self.space()
            if self.peek() == (ord("}") if char == ord("{") else ord("]")):
                self.at += 1
                return False
            opened.append(char == ord("{"))
            if opened[-1]:
                self.key()
            return True
        if char == ord('"'):
            self.string()
        elif char in LITERALS:
            self.literal(LITERALS[char])
        elif char == ord("-") or char in DIGITS:
            self.number()
        else:
            raise _Wrong(self.at, "looking for beginning of value")
        return False

    def more(self, opened: list[bool]) -> bool:
        """After a value in a container: whether another one follows; else the container is closed."""
        self.space()
        char = self.peek()
        self.at += 1
        if char == ord(","):
            if opened[-1]:
                self.key()
            return True
        if char == (ord("}") if opened[-1] else ord("]")):
            opened.pop()
            return False
        raise _Wrong(self.at - 1, "after object key:value pair" if opened[-1] else "after array element")

    def key(self) -> None:
        self.space()
        if self.peek() != ord('"'):
            raise _Wrong(self.at, "looking for beginning of object key string")
        self.string()
        self.space()
        if self.peek() != ord(":"):
            raise _Wrong(self.at, "after object key")
        self.at += 1

    def string(self) -> None:
        self.at += 1
        while True:
            match = TEXT.match(self.data, self.at)
            self.at = match.end() if match else self.at
            char = self.peek()
            self.at += 1
            if char == ord('"'):
                return
            if char != ord("\\"):
                raise _Wrong(self.at - 1, "in string literal")
            if self.peek() not in b'bfnrt\\/"u':
                raise _Wrong(self.at, "in string escape code")
            self.at += 1
            if self.data[self.at - 1] == ord("u"):
                for _ in range(4):
                    if self.peek() not in HEX:
                        raise _Wrong(self.at, "in \\u hexadecimal character escape")
                    self.at += 1

    def literal(self, word: bytes) -> None:
        for index, char in enumerate(word):
            if self.peek() != char:
                raise _Wrong(self.at, f"in literal {word.decode()} (expecting '{chr(word[index])}')")
            self.at += 1

    def number(self) -> None:
        if self.peek() == ord("-"):
            self.at += 1
        if self.peek() == ord("0"):
            self.at += 1
        else:
            self.digits("in numeric literal")
        if self.data[self.at : self.at + 1] == b".":
            self.at += 1
            self.digits("after decimal point in numeric literal")
        if self.data[self.at : self.at + 1] in (b"e", b"E"):
            self.at += 1
            if self.peek() in b"+-":
                self.at += 1
            self.digits("in exponent of numeric literal")

    def digits(self, where: str) -> None:
        if self.peek() not in DIGITS:
            raise _Wrong(self.at, where)
        while self.data[self.at : self.at + 1].isdigit():
            self.at += 1
