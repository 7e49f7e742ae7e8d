"""RFC 7386 JSON merge patches. Only what a patch touches is copied."""

from typing import Any


def apply(target: Any, patch: Any) -> Any:
    """The patched value: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = apply(made.get(key), value)
        else:
            made[key] = value
    return made
