"""What is wrong with readiness gates and scheduling gates (core validation; KEP-580, KEP-3521)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_qualified_name
from sampan.resources.strategies.checks import Errors, duplicate, invalid


def check_readiness_gates(gates: Iterable[Obj], at: str) -> Errors:
    """Types of conditions."""
    errors: Errors = []
    for index, gate in enumerate(gates):
        kind = gate.get("conditionType") or ""
        errors += [invalid(f"{at}[{index}].conditionType", kind, problem) for problem in is_qualified_name(kind)]
    return errors


def check_scheduling_gates(gates: Iterable[Obj], at: str) -> Errors:
    """Names, each once."""
    errors: Errors = []
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        name = gate.get("name") or ""
        errors += [invalid(f"{at}[{index}]", name, problem) for problem in is_qualified_name(name)]
        if name in seen:
            errors.append(duplicate(f"{at}[{index}]", name))
        seen.add(name)
    return errors
