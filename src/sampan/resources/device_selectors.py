"""CEL expressions over a device: where DRA selectors are compiled (dynamic-resource-allocation: cel)."""

from functools import cache

from sampan.api.cel.cost import most_steps
from sampan.api.cel.environment import Environment, Program
from sampan.api.cel.shapes import Shape
from sampan.api.cel.syntax import CompileError, PlanError
from sampan.api.cel.types import BOOL, DYN, STRING, Field, Type, map_of

MOST_STEPS = 1_000_000
DOMAIN, IDENTIFIER, VALUE, ENTRIES = 63, 32, 64, 32
QUANTITY = Type("opaque", (), "kubernetes.Quantity")
FIELDS = {
    "driver": STRING,
    "allowMultipleAllocations": BOOL,
    "attributes": map_of(STRING, map_of(STRING, DYN)),
    "capacity": map_of(STRING, map_of(STRING, QUANTITY)),
}
DEVICE = Type("object", (), "kubernetes.DRADevice", {name: Field(name, kind) for name, kind in FIELDS.items()})


class Selector:
    """A compiled selector, or in `wrong` why it is none; `costly`: it may take more steps than it has."""

    def __init__(self, source: str) -> None:
        self.program: Program | None = None
        self.wrong, self.costly, self.internal = "", False, False
        try:
            program = environment().compile(source)
        except PlanError as error:
            self.wrong, self.internal = str(error), True
            return
        except CompileError as error:
            self.wrong = f"compilation failed: {error}"
            return
        if program.type not in (BOOL, DYN):
            self.wrong = f"must evaluate to bool or the unknown type, not {program.type}"
            return
        self.program = program
        self.costly = most_steps(program.expr, shape()) > MOST_STEPS


@cache
def environment() -> Environment:
    """The variable `device`."""
    return Environment({"device": DEVICE}, structs=lambda name: DEVICE if name == DEVICE.name else None, binds=True)


@cache
def shape() -> Shape:
    """How large the parts of a device may be."""
    value, quantity = Shape(VALUE, 1), Shape(8, 1)
    domain, own = Shape(DOMAIN, 2), Shape(IDENTIFIER, 2)

    def table(item: Shape) -> Shape:
        return Shape(ENTRIES, 2, item=Shape(ENTRIES, 2, item=item, key=own), key=domain)

    fields = {
        "driver": Shape(63, 2),
        "allowMultipleAllocations": Shape(1, 4),
        "attributes": table(value),
        "capacity": table(quantity),
    }
    return Shape(len(fields), 2, fields=fields)
