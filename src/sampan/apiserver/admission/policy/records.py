"""Admission policies and their bindings as records, read once from each stored version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.api.selectors import LabelSelector, label_selector
from sampan.apiserver.admission.webhook import Rule, read_rule
from sampan.resources.policies.compile import Compiler, Expression


class NamedRule(NamedTuple):
    """A rule, and the names that it is about; none: all."""

    rule: Rule
    names: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """MatchResources."""

    rules: tuple[NamedRule, ...]
    excluded: tuple[NamedRule, ...]
    namespaces: LabelSelector
    objects: LabelSelector
    equivalent: bool


@dataclass(frozen=True, slots=True, eq=False)
class ParamRef:
    """Where a binding's parameters are. `selector` is None for those that are named."""

    name: str
    namespace: str
    selector: LabelSelector | None
    denies: bool
    """parameterNotFoundAction Deny."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A binding of either kind of policy; `actions` only a validating one has."""

    name: str
    policy: str
    constraints: Constraints | None
    param: ParamRef | None
    actions: tuple[str, ...]


class Validation(NamedTuple):
    """One of spec.validations."""

    expression: Expression
    message: Expression | None
    text: str
    reason: str


class Mutation(NamedTuple):
    """One of spec.mutations."""

    applies: bool
    """ApplyConfiguration; else JSONPatch."""
    expression: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy of either kind with its expressions compiled."""

    name: str
    constraints: Constraints
    param_kind: tuple[str, str] | None
    """apiVersion and kind."""
    closed: bool
    """failurePolicy Fail."""
    conditions: tuple[Expression, ...]
    variables: Mapping[str, Expression]
    validations: tuple[Validation, ...] = ()
    audits: tuple[tuple[str, Expression], ...] = ()
    mutations: tuple[Mutation, ...] = ()
    again: bool = False
    """reinvocationPolicy IfNeeded."""


def read_policy(obj: Obj) -> tuple[Policy, ...]:
    """The record of a policy."""
    spec: Obj = obj.get("spec") or {}
    kind = spec.get("paramKind")
    compiler = Compiler(params=kind is not None)
    variables = {
        one.get("name") or "": compiler.variable(one.get("name") or "", one.get("expression") or "")
        for one in spec.get("variables") or ()
    }
    conditions = tuple(compiler.condition(one.get("expression") or "") for one in spec.get("matchConditions") or ())
    return (
        Policy(
            obj["metadata"]["name"],
            read_constraints(spec.get("matchConstraints") or {}),
            (kind.get("apiVersion") or "", kind.get("kind") or "") if kind is not None else None,
            spec.get("failurePolicy") != "Ignore",
            conditions,
            variables,
            tuple(_validation(compiler, one) for one in spec.get("validations") or ()),
            tuple(
                (one.get("key") or "", compiler.audit(one.get("valueExpression") or ""))
                for one in spec.get("auditAnnotations") or ()
            ),
            tuple(_mutation(compiler, one) for one in spec.get("mutations") or ()),
            spec.get("reinvocationPolicy") == "IfNeeded",
        ),
    )


def _validation(compiler: Compiler, given: Obj) -> Validation:
    message = given.get("messageExpression")
    return Validation(
        compiler.validation(given.get("expression") or ""),
        compiler.message(message) if message else None,
        (given.get("message") or "").strip(),
        given.get("reason") or "Invalid",
    )


def _mutation(compiler: Compiler, given: Obj) -> Mutation:
    if given.get("patchType") == "ApplyConfiguration":
        return Mutation(True, compiler.apply_configuration(_text(given, "applyConfiguration")))
    return Mutation(False, compiler.json_patch(_text(given, "jsonPatch")))


def _text(given: Obj, key: str) -> str:
    return (given.get(key) or {}).get("expression") or ""


def read_constraints(given: Obj) -> Constraints:
    """MatchResources as a record."""
    return Constraints(
        _rules(given.get("resourceRules")),
        _rules(given.get("excludeResourceRules")),
        label_selector(given.get("namespaceSelector") or {}),
        label_selector(given.get("objectSelector") or {}),
        given.get("matchPolicy", "Equivalent") == "Equivalent",
    )


def _rules(given: Any) -> tuple[NamedRule, ...]:
    return tuple(NamedRule(read_rule(one), frozenset(one.get("resourceNames") or ())) for one in given or ())


def read_binding(obj: Obj) -> tuple[Binding, ...]:
    """The record of a binding."""
    spec: Obj = obj.get("spec") or {}
    matching = spec.get("matchResources")
    return (
        Binding(
            obj["metadata"]["name"],
            spec.get("policyName") or "",
            read_constraints(matching) if matching is not None else None,
            _param(spec.get("paramRef")),
            tuple(spec.get("validationActions") or ()),
        ),
    )


def _param(given: Obj | None) -> ParamRef | None:
    if given is None:
        return None
    selector = given.get("selector")
    return ParamRef(
        given.get("name") or "",
        given.get("namespace") or "",
        label_selector(selector) if selector is not None else None,
        given.get("parameterNotFoundAction") == "Deny",
    )
