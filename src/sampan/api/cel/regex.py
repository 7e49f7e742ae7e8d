"""Regular expressions as RE2 has them, in linear time whatever the pattern."""

from functools import lru_cache
from typing import Any

from sampan.api.cel.values import EvalError


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    """The compiled pattern. Raises EvalError."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0]
        shown = text.decode() if isinstance(text, bytes) else str(text)
        raise EvalError(f"error parsing regexp: {_as_go(shown)}") from None


GO_TEXTS = (
    ("missing ]: ", "missing closing ]: "),
    ("missing ): ", "missing closing ): "),
    ("unexpected ): ", "unexpected ): "),
    ("no argument for repetition operator: ", "missing argument to repetition operator: "),
    ("bad repetition operator: ", "invalid nested repetition operator: "),
    ("invalid repetition size: ", "invalid repeat count: "),
    ("invalid character class range: ", "invalid character class range: "),
    ("invalid escape sequence: ", "invalid escape sequence: "),
    ("invalid perl operator: ", "invalid or unsupported Perl syntax: "),
    ("invalid named capture group: ", "invalid named capture: "),
    ("trailing \\", "trailing backslash at end of expression: ``"),
)
"""How Go's regexp puts what RE2 says."""


def _as_go(text: str) -> str:
    for given, wanted in GO_TEXTS:
        if text.startswith(given):
            return wanted if wanted.endswith("``") else f"{wanted}`{text[len(given) :]}`"
    return text


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return compiled(pattern).search(text) is not None
