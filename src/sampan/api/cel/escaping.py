"""Field names that CEL cannot spell, and how they are written instead (`__dash__`, `__namespace__`)."""

import re

KEYWORDS = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
     "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
PARTS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
SPELLABLE = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
EXPAND = re.compile(r"__|[-./]")


def escape(name: str) -> str | None:
    """The name in CEL, or None if it has none."""
    if SPELLABLE.fullmatch(name) is None:
        return None
    if name in KEYWORDS:
        return f"__{name}__"
    return EXPAND.sub(lambda found: PARTS[found.group()], name)
