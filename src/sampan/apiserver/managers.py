"""Who wrote which fields: the seam to server-side apply's bookkeeping in api/patch/apply.py."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

MANAGER_LIMIT = 128


def manager_of(field_manager: str, user_agent: str) -> str:
    """The field manager of a request: its parameter, or the product in the User-Agent."""
    if field_manager:
        return field_manager
    name = user_agent.partition("/")[0]
    return "".join(char for char in name if char.isprintable())[:MANAGER_LIMIT] or "unknown"


def apply_module() -> Any:
    """api/patch/apply.py, or None where it is not."""
    return import_module("sampan.api.patch.apply") if find_spec("sampan.api.patch.apply") is not None else None


APPLY = apply_module()
