"""Numbers against their schema: ranges of formats, minimum, maximum and multipleOf, as kube-openapi compares them."""

from typing import Final

from sampan.api.schema.findings import Found, invalid, nowhere, shown_number
from sampan.api.schema.nodes import Node

_LIMITS: Final = {"int32": 2**31, "int64": 2**63}
_LARGEST_FLOAT: Final = 3.4028234663852886e38


def check_number(value: float, node: Node, types: tuple[str, ...], form: str, path: str) -> list[Found]:
    """What is wrong with a number, in upstream's order."""
    kind = types[0] if len(types) == 1 and types[0] in ("integer", "number") else ""
    form = form if kind else ""
    found: list[Found] = []

    def in_range(number: float, what: str) -> bool:
        if _fits(number, kind, form):
            return True
        told = f"with format {form}" if form else "(default format)"
        found.append(nowhere(f"{what} value must be of type {kind} {told} in {path}"))
        return False

    in_range(value, "Checked")
    step, least, most = (node.extra.get(key) for key in ("multipleOf", "minimum", "maximum"))
    if step is not None:
        native = in_range(step, "MultipleOf") and isinstance(value, int)
        factor: float = int(step) if native else float(step)
        if factor <= 0:
            text = f"factor MultipleOf declared for {path} must be positive: {shown_number(factor)}"
            found.append(invalid(factor, path, text))
        elif not _divides(factor, value):
            found.append(invalid(value, path, f"{path} in body should be a multiple of {shown_number(factor)}"))
    for limit, what, sign in ((least, "minimum", -1), (most, "maximum", 1)):
        if limit is None:
            continue
        native = in_range(limit, f"{what.title()} boundary") and isinstance(value, int)
        bound: float = int(limit) if native else float(limit)
        exclusive = bool(node.extra.get(f"exclusive{what.title()}"))
        if sign * value > sign * bound or (exclusive and value == bound):
            words = ("less than" if sign > 0 else "greater than") + ("" if exclusive else " or equal to")
            found.append(invalid(value, path, f"{path} in body should be {words} {shown_number(bound)}"))
    return found


def _fits(number: float, kind: str, form: str) -> bool:
    if kind == "integer":
        limit = _LIMITS.get(form, 2**63)
        return float(number).is_integer() and -limit <= number < limit
    return form != "float" or abs(number) <= _LARGEST_FLOAT


def _divides(factor: float, value: float) -> bool:
    if isinstance(factor, int) and isinstance(value, int):
        return value % factor == 0
    times = 1 / factor * value if factor < 1 else value / factor
    return abs(times - round(times)) < 1e-9 * max(1.0, abs(times))
