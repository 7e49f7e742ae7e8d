"""x-kubernetes-validations: rules of a schema compiled once, evaluated on every write (KEP-2876, KEP-4008)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sampan.api.cel.environment import PER_CALL, PER_OBJECT, Environment, Program
from sampan.api.cel.schema import Convert, converter, type_of_node
from sampan.api.cel.syntax import CompileError, PlanError
from sampan.api.cel.types import Type, optional_of
from sampan.api.cel.values import NONE, EvalError, Optional, OutOfBudget
from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.schema.correlate import is_same
from sampan.api.schema.nodes import Node
from sampan.api.schema.openapi import from_openapi, to_openapi
from sampan.resources.custom.field_path import PathError, valid_path
from sampan.resources.strategies.checks import duplicate, forbidden, invalid, required

RULES = "x-kubernetes-validations"
LONGEST_MESSAGE = 5 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `wrong` and `wrong_message` say why it or its message expression does not compile."""

    spec: Obj
    program: Program | None
    message: Program | None
    wrong: str = ""
    wrong_message: str = ""
    below: str = ""
    """The path of the field it speaks of, from its place."""

    @property
    def uses_old(self) -> bool:
        return self.program is not None and "oldSelf" in self.program.used

    @property
    def text(self) -> str:
        """What errors call it."""
        return str(self.spec.get("message") or self.spec.get("rule") or "").strip()


def compile_rules(specs: list[Obj], type_: Type) -> list[Rule]:
    """The rules of one place, whose values are of a type."""
    return [_compile(spec, type_) for spec in specs if str(spec.get("rule") or "").strip()]


def _compile(spec: Obj, type_: Type) -> Rule:
    old = optional_of(type_) if spec.get("optionalOldSelf") else type_
    environment = Environment({"self": type_, "oldSelf": old})
    try:
        program = environment.compile(spec["rule"])
    except PlanError as error:
        return Rule(spec, None, None, str(error))
    except CompileError as error:
        return Rule(spec, None, None, f"compilation failed: {error}")
    if program.type.kind != "bool":
        return Rule(spec, None, None, "cel expression must evaluate to a bool")
    if not spec.get("messageExpression"):
        return Rule(spec, program, None)
    try:
        message = environment.compile(spec["messageExpression"])
    except CompileError as error:
        return Rule(spec, program, None, "", f"messageExpression compilation failed: {error}")
    if message.type.kind != "string":
        return Rule(spec, program, None, "", "messageExpression must evaluate to a string")
    return Rule(spec, program, message)


def has_rules(node: Node) -> bool:
    """Whether a schema has rules anywhere."""
    if node.extra.get(RULES) or any(_mentions(part) for part in node.extra.get("allOf") or ()):
        return True
    if node.items is not None and has_rules(node.items):
        return True
    return any(has_rules(child) for child in node.properties.values())


def _mentions(schema: Any) -> bool:
    if isinstance(schema, dict):
        return bool(schema.get(RULES)) or any(_mentions(one) for one in schema.values())
    return isinstance(schema, list) and any(_mentions(one) for one in schema)


# --- compiled schemas


@dataclass(slots=True)
class Place:
    """The rules of one place of a schema, and of the places below it."""

    node: Node
    rules: list[Rule]
    convert: Convert | None
    items: "Place | None" = None
    properties: dict[str, "Place"] = field(default_factory=dict)
    all_of: list["Place"] = field(default_factory=list)


def compile_schema(node: Node, *, is_root: bool = True) -> Place | None:
    """All rules of a kind's schema, or of a part of it; None if there are none that apply."""
    return _place(node, node, is_root) if has_rules(node) else None


def _place(rules: Node, node: Node, is_root: bool) -> Place | None:
    """`rules` is the schema that holds the rules: the node itself, or a part of its allOf."""
    type_ = type_of_node(node, is_root, "selfType")
    own = list(rules.extra.get(RULES) or ())
    compiled = compile_rules(own, type_) if type_ is not None else []
    made = Place(node, [_with_path(rule, node) for rule in compiled], converter(node))
    if rules.items is not None and node.items is not None:
        made.items = _place(rules.items, node.items, node.items.embedded)
    for key, child in rules.properties.items():
        inner = node.properties.get(key)
        below = _place(child, inner, inner.embedded) if inner is not None else None
        if below is not None:
            made.properties[key] = below
    for part in rules.extra.get("allOf") or ():
        below = _place(from_openapi(part), node, is_root) if _mentions(part) else None
        if below is not None:
            made.all_of.append(below)
    return made if made.rules or made.items or made.properties or made.all_of else None


def _with_path(rule: Rule, node: Node) -> Rule:
    path = rule.spec.get("fieldPath")
    if not path:
        return rule
    try:
        return replace(rule, below=valid_path(path, to_openapi(node))[0])
    except PathError:
        return rule


# --- evaluation

Pair = tuple[Any, Any]


class Run:
    """The evaluation of all rules for one object."""

    def __init__(self, borne: list[FieldError]) -> None:
        self.errors: list[FieldError] = []
        self._borne = borne
        self._budget = PER_OBJECT

    def check(self, place: Place, value: Any, old: Any, path: str, same: tuple[Pair | None, Pair | None]) -> None:
        """`old` is what oldSelf is; `same` the correlated old value and that of the nearest parent (ratcheting)."""
        if value is None or self._budget < 0:
            return
        if place.rules:
            self._rules(place, value, old, path or "<nil>", same)
        for part in place.all_of:
            self.check(part, value, old, path, (None, same[1]))
        if isinstance(value, list):
            self._items(place, value, old if isinstance(old, list) else [], path, same)
        elif isinstance(value, dict):
            self._fields(place, value, old if isinstance(old, dict) else {}, path, same)

    def _items(self, place: Place, value: list[Any], old: list[Any], path: str, same: Any) -> None:
        if place.items is None:
            return
        keys = place.node.map_keys if place.node.list_type == "map" else ()
        before = {_key(one, keys): one for one in old} if keys else {}
        for index, one in enumerate(value):
            was = before.get(_key(one, keys)) if keys else None
            pair = (one, was) if same[0] is not None and was is not None else None
            self.check(place.items, one, was, f"{path}[{index}]", (pair, same[0] or same[1]))

    def _fields(self, place: Place, value: Obj, old: Obj, path: str, same: Any) -> None:
        for key, one in value.items():
            named = place.properties.get(key)
            below = named or (place.items if key not in place.node.properties else None)
            if below is None:
                continue
            inner = (f"{path}.{key}" if path else key) if named else f"{path}[{key}]"
            pair = (one, old[key]) if same[0] is not None and key in old else None
            self.check(below, one, old.get(key), inner, (pair, same[0] or same[1]))

    def _rules(self, place: Place, value: Any, old: Any, path: str, same: tuple[Pair | None, Pair | None]) -> None:
        convert = place.convert or (lambda one: one)
        variables: dict[str, Any] = {"self": convert(value)}
        if old is not None:
            variables["oldSelf"] = convert(old)
        for rule in place.rules:
            if self._budget < 0:
                return
            if rule.program is None:
                self.errors.append(invalid(path, _kind(place.node), f"rule compile error: {rule.wrong}"))
                continue
            optional = bool(rule.spec.get("optionalOldSelf"))
            if rule.uses_old and old is None and not optional:
                continue
            seen = variables
            if optional:
                seen = {**variables, "oldSelf": Optional(True, variables["oldSelf"]) if old is not None else NONE}
            if not self._holds(rule, seen, path, _kind(place.node)):
                self._fail(rule, seen, value, path, same, place)

    def _holds(self, rule: Rule, variables: Mapping[str, Any], path: str, kind: str) -> bool:
        """Whether a rule holds, or was found not to be answerable (then the error is noted)."""
        assert rule.program is not None
        try:
            result, cost = rule.program.evaluate(variables, min(PER_CALL, self._budget))
        except OutOfBudget as error:
            text = f"'{error}': no further validation rules will be run due to call cost exceeds limit"
            text = f"{text} for rule: {rule.text}"
            if self._budget < PER_CALL:
                text = "validation failed due to running out of cost budget, no further validation rules will be run"
            self._budget = -1
            self.errors.append(invalid(path, kind, text))
            return True
        except EvalError as error:
            self._budget -= 1
            text = f"{error} evaluating rule: {rule.text}"
            if str(error).startswith("no such overload"):
                what = "call arguments did not match a supported operator, function or macro signature"
                text = f"'{error}': {what} for rule: {rule.text}"
            self.errors.append(invalid(path, kind, text))
            return True
        self._budget -= cost
        return result is True

    def _fail(self, rule: Rule, variables: Mapping[str, Any], value: Any, path: str, same: Any, place: Place) -> None:
        detail = self._message(rule, variables) or str(rule.spec.get("message") or "").strip()
        detail = detail or f"failed rule: {rule.text}"
        if rule.below:
            path = rule.below if path == "<nil>" else f"{path}.{rule.below}"
        error = _error(rule.spec.get("reason"), path, _kind(place.node), value, detail)
        (self._borne if not rule.uses_old and _unchanged(same, place.node) else self.errors).append(error)

    def _message(self, rule: Rule, variables: Mapping[str, Any]) -> str:
        """What the message expression gives; nothing if it fails."""
        if rule.message is None or self._budget < 0:
            return ""
        try:
            text, cost = rule.message.evaluate(variables, min(PER_CALL, self._budget))
        except EvalError:
            return ""
        self._budget -= cost
        text = text.strip() if isinstance(text, str) else ""
        return "" if len(text) > LONGEST_MESSAGE or "\n" in text else text


def _key(item: Any, keys: tuple[str, ...]) -> str:
    return repr([item.get(key) for key in keys]) if isinstance(item, dict) else ""


def _kind(node: Node) -> str:
    return {"map": "object", "any": "", "int-or-string": ""}.get(node.type, node.type)


def _error(reason: Any, path: str, kind: str, value: Any, detail: str) -> FieldError:
    """The error of a rule that does not hold; objects and lists are not shown."""
    structured = kind in ("object", "array")
    match reason:
        case "FieldValueForbidden":
            return forbidden(path, detail)
        case "FieldValueRequired":
            return required(path, detail)
        case "FieldValueDuplicate" if structured:
            return FieldError("FieldValueDuplicate", path, "Duplicate value")
        case "FieldValueDuplicate":
            return duplicate(path, value)
        case _ if structured:
            return FieldError("FieldValueInvalid", path, f"Invalid value: {detail}")
    return invalid(path, value, detail)


def _unchanged(same: tuple[Pair | None, Pair | None], node: Node) -> bool:
    if same[0] is not None:
        return is_same(*same[0], node)
    return same[1] is not None and bool(same[1][0] == same[1][1])


def rule_errors(
    place: Place, new: Any, old: Any, path: str = "", *, ratchet: bool = True, borne: list[FieldError] | None = None
) -> list[FieldError]:
    """What the rules of a schema find wrong with a value at a path (`old` on update).

    `ratchet`: what was wrong before and did not change is borne, and told in `borne`.
    """
    run = Run([] if borne is None else borne)
    run.check(place, new, old, path, ((new, old) if ratchet and old is not None else None, None))
    return run.errors
