"""What the variables of expressions are for one request, and the evaluation of expressions on a budget."""

from collections.abc import Callable, Mapping
from typing import Any

from sampan.api.cel.environment import PER_OBJECT
from sampan.api.cel.values import EvalError
from sampan.api.json import Obj
from sampan.api.names import GVK, RestMapping
from sampan.apiserver.admission.review import Review
from sampan.apiserver.admission.webhook import Target, kind_of
from sampan.resources.policies.authz import Authorizer, Decide, Query, ResourceCheck
from sampan.resources.policies.compile import Expression

BUDGET_GONE = "validation failed due to running out of cost budget, no further validation rules will be run"
CONDITIONS_BUDGET = PER_OBJECT // 4
"""Steps that all match conditions of one webhook or policy may take (RuntimeCELCostBudgetMatchConditions)."""
SEEN_OF_NAMESPACE = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
    "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "finalizers",
)  # fmt: skip


class Failed(Exception):
    """One expression has no value; the text is what a refusal says."""


class Exhausted(Exception):
    """All expressions together took more steps than they may."""

    def __init__(self) -> None:
        super().__init__(BUDGET_GONE)


class _Lazy(dict[str, Any]):
    """The policy's own variables: each is evaluated when it is first asked for."""

    def __init__(self, evaluate: Callable[[str], Any], names: Mapping[str, Expression]) -> None:
        super().__init__()
        self._evaluate, self._names = evaluate, names

    def __missing__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        value = self[name] = self._evaluate(name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._names


class Evaluation:
    """The evaluation of several expressions of a policy over the same variables, on one budget."""

    def __init__(self, seen: Mapping[str, Any], own: Mapping[str, Expression], budget: int = PER_OBJECT) -> None:
        self.left = budget
        self._own, self._composed = own, 0
        self._seen = {**seen, "variables": _Lazy(self._variable, own)} if own else seen

    def _variable(self, name: str) -> Any:
        one = self._own[name]
        if one.program is None:
            raise EvalError(f'composited variable "{name}" fails to compile: {one.wrong}')
        value, error, cost = one.program.attempt(self._seen)
        self._composed += cost
        if error is not None:
            raise EvalError(f'composited variable "{name}" fails to evaluate: {error}')
        return value

    def value(self, one: Expression) -> Any:
        """The value of an expression. Raises Failed, Exhausted."""
        if one.program is None:
            raise Failed(f"compilation error: {one.wrong}")
        value, error, cost = one.program.attempt(self._seen)
        spent, self._composed = self._composed + cost, 0
        if spent > self.left:
            raise Exhausted
        self.left -= spent
        if error is not None:
            raise Failed(f"expression '{one.source}' resulted in error: {error}")
        return value


def variables_of(review: Review, bodies: tuple[Obj | None, Obj | None], target: Target) -> dict[str, Any]:
    """object, oldObject and request, and null for params and namespaceObject. `bodies` are of the target's kind."""
    return {
        "object": bodies[0],
        "oldObject": bodies[1],
        "request": _request(review, target),
        "params": None,
        "namespaceObject": None,
        "variables": {},
    }


def authorizer_of(review: Review, decide: Decide) -> dict[str, Any]:
    """authorizer and authorizer.requestResource."""
    mapping = review.resource.mapping
    query = Query(
        group=mapping.group, resource=mapping.plural, subresource=review.subresource, namespace=review.namespace,
        name=review.name,
    )  # fmt: skip
    return {"authorizer": Authorizer(decide), "authorizer.requestResource": ResourceCheck(decide, query)}


def _kind(gvk: GVK) -> Obj:
    return {"group": gvk.group, "version": gvk.version, "kind": gvk.kind}


def _resource(mapping: RestMapping) -> Obj:
    return {"group": mapping.group, "version": mapping.version, "resource": mapping.plural}


def _request(review: Review, target: Target) -> Obj:
    user = review.user
    mapping = review.resource.mapping
    namespace = review.namespace
    if (mapping.kind, mapping.group) == ("Namespace", ""):
        namespace = review.name or (((review.obj or {}).get("metadata") or {}).get("name") or "")
    made: Obj = {
        "uid": "",
        "kind": _kind(target.kind),
        "resource": _resource(target.resource.mapping),
        "subResource": review.subresource,
        "requestKind": _kind(kind_of(review.resource, review.subresource)),
        "requestResource": _resource(mapping),
        "requestSubResource": review.subresource,
        "name": review.name,
        "namespace": namespace,
        "operation": review.operation,
        "userInfo": {
            key: value
            for key, value in (
                ("username", user.name),
                ("uid", user.uid),
                ("groups", list(user.groups)),
                ("extra", {key: list(values) for key, values in user.extra.items()}),
            )
            if value
        },
        "object": None,
        "oldObject": None,
        "dryRun": review.dry_run,
        "options": dict(review.options) or None,
    }
    return {key: value for key, value in made.items() if value != "" or key in ("uid", "operation")}


def seen_namespace(namespace: Obj | None) -> Obj | None:
    """The parts of a Namespace that expressions see."""
    if namespace is None:
        return None
    meta = namespace["metadata"]
    made = {"metadata": {key: meta[key] for key in SEEN_OF_NAMESPACE if key in meta}}
    return {**made, "spec": namespace.get("spec") or {}, "status": namespace.get("status") or {}}
