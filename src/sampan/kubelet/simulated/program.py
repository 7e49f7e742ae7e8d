"""What a simulated container does: prints, runs for a while or for ever, exits. A few shell words are understood."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

SHELLS = {"sh", "ash", "bash", "/bin/sh", "/bin/ash", "/bin/bash"}
FOREVER = {"infinity", "inf"}
ENDS = re.compile(r"[;&|<>()\n]+")
"""What ends a word in a script without a blank."""


@dataclass(frozen=True, slots=True)
class Program:
    """How a run goes. `seconds` is None when it ends only when it is stopped."""

    seconds: float | None = None
    exit_code: int = 0
    output: tuple[str, ...] = ()
    known: bool = True
    """Whether every command in it was understood; others count as servers that run for ever."""


def program(command: Sequence[str], args: Sequence[str] = ()) -> Program:
    """How a container with this command goes; without one it is taken for a server."""
    words = [*command, *args]
    if not words:
        return Program()
    if words[0] in SHELLS and len(words) >= 3 and words[1].startswith("-") and words[1].endswith("c"):
        return _script(words[2])
    return _steps([(";", words)])


def _script(text: str) -> Program:
    """A list of simple commands with `;`, `&&`, `||` and line ends between them; nothing else of a shell."""
    lexer = shlex.shlex(text.strip(), posix=True, punctuation_chars=";&|<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    steps: list[tuple[str, list[str]]] = [(";", [])]
    try:
        for word in lexer:
            if not ENDS.fullmatch(word):
                steps[-1][1].append(word)
            elif (between := word.strip("\n") or ";") in (";", "&&", "||"):
                steps.append((between, []))
            else:
                return Program(known=False)
    except ValueError:
        return Program(known=False)
    return _steps([(how, words[1:] if words[:1] == ["exec"] else words) for how, words in steps if words])


def _steps(steps: Sequence[tuple[str, Sequence[str]]]) -> Program:
    seconds, output, code = 0.0, [], 0
    for how, words in steps:
        if (how == "&&" and code) or (how == "||" and not code):
            continue
        match words:
            case ["echo", "-n", *rest] | ["echo", *rest]:
                output.append(" ".join(rest))
                code = 0
            case ["sleep", length]:
                if length in FOREVER:
                    return Program(None, 0, tuple(output))
                pause = _seconds(length)
                seconds, code = seconds + (pause or 0.0), int(pause is None)
            case ["true"] | [":"] | ["cat"] | ["cat", "/dev/null"]:
                code = 0
            case ["false"]:
                code = 1
            case ["exit", number] if number.isdigit():
                return Program(seconds, int(number) % 256, tuple(output))
            case ["exit"]:
                return Program(seconds, code, tuple(output))
            case _:
                return Program(None, 0, tuple(output), known=False)
    return Program(seconds, code, tuple(output))


def _seconds(text: str) -> float | None:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    scale = units.get(text[-1:], 0.0)
    try:
        return float(text[:-1]) * scale if scale else float(text)
    except ValueError:
        return None
