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
        raise EvalError(f"error parsing regexp: {shown}") from None


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return compiled(pattern).search(text) is not None
