"""CustomStrategy: defaults and validation of custom objects by their structural schema."""

from dataclasses import dataclass, field
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.schema.default import default
from sampan.api.schema.nodes import Node
from sampan.api.schema.validate import validate
from sampan.resources.custom.embedded import embedded_errors
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
    _rules: list[Any] = field(default_factory=list, init=False, compare=False, repr=False)
    """The compiled rules of the schema (or None), once they were needed."""

    def default(self, obj: Obj) -> Obj:
        """Defaults of the schema, below what is there; metadata is never defaulted."""
        filled: Obj = default({k: v for k, v in obj.items() if k not in TOP}, self.structural)
        return {**{k: obj[k] for k in TOP if k in obj}, **{k: v for k, v in filled.items() if k not in TOP}}

    def prepare_create(self, obj: Obj) -> Obj:
        """Without status, where that is a subresource."""
        return {k: v for k, v in obj.items() if k != "status"} if self.has_status else obj

    def validate_create(self, obj: Obj) -> list[FieldError]:
        """What the schema and its rules say."""
        return self._with_rules(self._schema_errors(obj), obj, None)

    def _schema_errors(self, obj: Obj) -> list[FieldError]:
        return [*validate(obj, self.structural), *embedded_errors(obj, self.structural, "")]

    def _with_rules(self, errors: list[FieldError], new: Obj, old: Obj | None) -> list[FieldError]:
        """Rules are asked only about objects whose structure they can rely on."""
        if not self._rules:
            self._rules.append(_compiled(self.structural))
        if self._rules[0] is None:
            return errors
        if any(error.reason in BLOCKING for error in errors):
            return [*errors, NOT_CHECKED]
        from sampan.resources.custom.rules import rule_errors

        return [*errors, *rule_errors(self._rules[0], new, old)]

    def validate_update(self, new: Obj, old: Obj) -> list[FieldError]:
        """What the schema says, save of places that were wrong before and did not change (KEP-4008, ratcheting)."""
        errors = self._schema_errors(new)
        errors = [error for error in errors if not unchanged(new, old, error.field, self.structural)]
        return check_meta_update(new.get("metadata") or {}, old.get("metadata") or {}) + self._with_rules(
            errors, new, old
        )

    def validate_status(self, new: Obj, old: Obj) -> list[FieldError]:
        """What the schema says of the status, and the rules of the whole."""
        node = self.structural.properties.get("status")
        errors = validate(new["status"], node, "status", "") if node is not None and "status" in new else []
        errors = [error for error in errors if not unchanged(new, old, error.field, self.structural)]
        return check_meta_update(new.get("metadata") or {}, old.get("metadata") or {}) + self._with_rules(
            errors, new, old
        )


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


def unchanged(new: Any, old: Any, path: str, node: Node) -> bool:
    """Whether the value that an error points at is the one that was there before."""
    found, before = _at(new, path), _at(old, path)
    return found is not MISSING and before is not MISSING and found == before


MISSING = object()


def _at(value: Any, path: str) -> Any:
    """The value at a field path (`spec.items[0].name`)."""
    if not path or path == "<nil>":
        return MISSING
    for part in path.replace("[", ".[").split("."):
        if part.startswith("[") and isinstance(value, list) and part[1:-1].isdigit():
            index = int(part[1:-1])
            value = value[index] if index < len(value) else MISSING
        elif part.startswith("[") and isinstance(value, dict):
            value = value.get(part[1:-1], MISSING)
        elif isinstance(value, dict):
            value = value.get(part, MISSING)
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value
