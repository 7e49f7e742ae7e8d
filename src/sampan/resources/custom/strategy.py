"""CustomStrategy: defaults and validation of custom objects by their structural schema."""

from dataclasses import dataclass, field
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.resource import ScalePaths
from sampan.api.schema.correlate import GONE
from sampan.api.schema.default import default
from sampan.api.schema.nodes import Node
from sampan.api.schema.unique import check_unique, has_unique
from sampan.api.schema.validate import Checker
from sampan.resources.custom.embedded import embedded_errors, has_embedded
from sampan.resources.custom.scale import scale_errors, status_scale_errors
from sampan.resources.strategy import GenericStrategy
from sampan.resources.validation.metadata import check_meta_update

TOP = ("apiVersion", "kind", "metadata")
BLOCKING = frozenset(
    ("FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid")
)
NOT_CHECKED = FieldError(
    "FieldValueInvalid",
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
)


@dataclass(frozen=True, slots=True)
class CustomStrategy(GenericStrategy):
    """One version of one custom kind. `structural` is its schema as its author wrote it."""

    structural: Node = field(default_factory=lambda: Node("object", preserve_unknown=True))
    scale: ScalePaths | None = None
    _ready: "list[Checks]" = field(default_factory=list, init=False, compare=False, repr=False)
    """What the schema asks, once it was needed."""
    _borne: list[tuple[Obj, list[str]]] = field(default_factory=list, init=False, compare=False, repr=False)
    """The object of the last update, and what was borne about it."""

    def default(self, obj: Obj) -> Obj:
        """Defaults of the schema, below what is there; metadata is never defaulted."""
        filled: Obj = default({k: v for k, v in obj.items() if k not in TOP}, self.structural)
        return {**{k: obj[k] for k in TOP if k in obj}, **{k: v for k, v in filled.items() if k not in TOP}}

    def prepare_create(self, obj: Obj) -> Obj:
        """Without status, where that is a subresource."""
        return {k: v for k, v in obj.items() if k != "status"} if self.has_status else obj

    def validate_create(self, obj: Obj) -> list[FieldError]:
        """What the schema and its rules say."""
        ready = self._checks
        errors = ready.checker.errors(obj) + scale_errors(obj, self.scale)
        if ready.embedded:
            errors += embedded_errors(obj, self.structural, "")
        if ready.unique:
            errors += check_unique(obj, self.structural)
        return self._with_rules(errors, obj, None)

    @property
    def _checks(self) -> "Checks":
        if not self._ready:
            self._ready.append(Checks(self.structural))
        return self._ready[0]

    def _with_rules(self, errors: list[FieldError], new: Obj, old: Obj | None) -> list[FieldError]:
        """Rules are asked only about objects whose structure they can rely on."""
        place = self._checks.rules
        if place is None:
            return errors
        if any(error.reason in BLOCKING for error in errors):
            return [*errors, NOT_CHECKED]
        from sampan.resources.custom.rules import rule_errors

        borne: list[FieldError] = []
        errors = [*errors, *rule_errors(place, new, old, borne=borne)]
        self._borne[:] = [(new, [f"{error.field}: {error.message}" for error in borne])]
        return errors

    def update_warnings(self, new: Obj, old: Obj) -> list[str]:
        """Rules that did not hold before, and do not hold now."""
        own = GenericStrategy.update_warnings(self, new, old)
        return [*own, *self._borne[0][1]] if self._borne and self._borne[0][0] is new else own

    def validate_update(self, new: Obj, old: Obj) -> list[FieldError]:
        """What the schema says, save of places that were wrong before and did not change (KEP-4008, ratcheting)."""
        ready = self._checks
        errors = check_meta_update(new.get("metadata") or {}, old.get("metadata") or {})
        errors += ready.checker.errors(new, "", old) + scale_errors(new, self.scale)
        return self._updated(errors, new, old)

    def _updated(self, errors: list[FieldError], new: Obj, old: Obj) -> list[FieldError]:
        ready = self._checks
        if ready.embedded:
            errors += embedded_errors(new, self.structural, "")
        if ready.unique and not check_unique(old, self.structural):
            errors += check_unique(new, self.structural)
        return self._with_rules(errors, new, old)

    def validate_status(self, new: Obj, old: Obj) -> list[FieldError]:
        """What the schema says of the status, and the rules of the whole."""
        errors = check_meta_update(new.get("metadata") or {}, old.get("metadata") or {})
        checker = self._checks.checker.child("status") if "status" in self.structural.properties else None
        if checker is not None and "status" in new:
            errors += checker.errors(new["status"], "status", old.get("status", GONE))
        return self._updated(errors + status_scale_errors(new, self.scale), new, old)


class Checks:
    """What a schema asks of objects, found out once."""

    __slots__ = ("checker", "embedded", "rules", "unique")

    def __init__(self, node: Node) -> None:
        self.checker = Checker(node)
        self.embedded, self.unique = has_embedded(node), has_unique(node)
        self.rules = _compiled(node)


def _compiled(node: Node) -> Any:
    """The rules of a schema. CEL is loaded for the first schema that has some."""
    if not _mentions_rules(node):
        return None
    from sampan.resources.custom.rules import compile_schema

    return compile_schema(node)


def _mentions_rules(node: Node) -> bool:
    if "x-kubernetes-validations" in node.extra or "allOf" in node.extra:
        return True
    if node.items is not None and _mentions_rules(node.items):
        return True
    return any(_mentions_rules(child) for child in node.properties.values())
