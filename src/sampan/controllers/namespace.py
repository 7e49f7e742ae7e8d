"""Empty a namespace that is being deleted, then let it go."""

from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import is_deleting, name_of, set_condition
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.api.times import format_time
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Action, Ask, Call, Plan, Requeue
from sampan.resources.kinds import NAMESPACES, PODS

FINALIZER = "kubernetes"
LOOK_AGAIN = 0.5
"""Seconds between looks at a namespace that is not empty yet."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A namespace that is being deleted. `content`: what live lists found, per kind; None when not asked yet."""

    namespace: Obj
    kinds: tuple[RestMapping, ...]
    content: dict[RestMapping, tuple[Obj, ...]] | None
    now: datetime


def _list_of(kind: RestMapping, namespace: str) -> ObjectRef:
    return ObjectRef(kind, namespace, "")


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The namespace, if it is being deleted and still ours to finish."""
    namespace = look.get(NAMESPACES, "", key.name)
    if namespace is None or not is_deleting(namespace) or FINALIZER not in (spec(namespace).get("finalizers") or ()):
        return None
    kinds = tuple(kind for kind in look.mappings() if kind.namespaced)
    if not all(look.asked(_list_of(kind, key.name)) for kind in kinds):
        return Seen(namespace, kinds, None, now)
    answers = {kind: look.live(_list_of(kind, key.name)) for kind in kinds}
    content = {kind: tuple(answer.get("items") or ()) for kind, answer in answers.items() if answer}
    return Seen(namespace, kinds, {kind: items for kind, items in content.items() if items}, now)


def decide(seen: Seen) -> Plan:
    """Look at everything; delete what is there; finish when there is nothing."""
    name = name_of(seen.namespace)
    if seen.content is None:
        return tuple(Ask(_list_of(kind, name)) for kind in seen.kinds)
    if not seen.content:
        rest = [f for f in spec(seen.namespace).get("finalizers") or () if f != FINALIZER]
        return (*_conditions(seen), _finalize(seen.namespace, rest))
    actions: list[Action] = list(_conditions(seen))
    pods = seen.content.get(PODS)
    for kind, items in ({PODS: pods} if pods else seen.content).items():  # pods go first, and alone (KEP-5080)
        if any(not is_deleting(item) for item in items):
            actions.append(Call("DELETE", kind.path(name)))
    return (*actions, Requeue(LOOK_AGAIN))


def _finalize(namespace: Obj, finalizers: list[str]) -> Action:
    name = name_of(namespace)
    meta = {k: v for k, v in namespace["metadata"].items() if k != "resourceVersion"}
    body = {"kind": "Namespace", "apiVersion": "v1", "metadata": meta, "spec": {"finalizers": finalizers}}
    return Call("PUT", NAMESPACES.path("", name, "finalize"), body)


NO_FAILURE = (
    ("DiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("GroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    ("ContentFailure", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
)
NO_FINALIZERS = "All content-preserving finalizers finished"


def _conditions(seen: Seen) -> tuple[Action, ...]:
    """What keeps the namespace, in upstream's words (namespaced_resources_deleter)."""
    now = format_time(seen.now)
    content = seen.content or {}
    finalizers: dict[str, int] = {}
    for items in content.values():
        for item in items:
            for finalizer in item["metadata"].get("finalizers") or ():
                finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
    left = ", ".join(
        f"{kind.plural}.{kind.group} has {len(items)} resource instances" for kind, items in sorted(content.items())
    )
    held = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    remaining = f"Some resources are remaining: {left}"
    finalizing = f"Some content in the namespace has finalizers remaining: {held}"
    failures = [(f"NamespaceDeletion{what}", False, reason, message) for what, reason, message in NO_FAILURE]
    wanted = [
        *failures,
        ("NamespaceContentRemaining", True, "SomeResourcesRemain", remaining)
        if left
        else ("NamespaceContentRemaining", False, "ContentRemoved", "All content successfully removed"),
        ("NamespaceFinalizersRemaining", True, "SomeFinalizersRemain", finalizing)
        if held
        else ("NamespaceFinalizersRemaining", False, "ContentHasNoFinalizers", NO_FINALIZERS),
    ]
    before = status(seen.namespace).get("conditions") or []
    made = list(before)
    for type_, bad, reason, message in wanted:
        condition = {"type": type_, "status": "True" if bad else "False", "reason": reason, "message": message}
        made = set_condition(made, condition, now)
    if made == before or not content:
        return NOTHING
    path = NAMESPACES.path("", name_of(seen.namespace), "status")
    meta = {k: v for k, v in seen.namespace["metadata"].items() if k != "resourceVersion"}
    body = {**seen.namespace, "metadata": meta, "status": {**status(seen.namespace), "conditions": made}}
    return (Call("PUT", path, body),)


CONTROLLER = Controller(
    "namespace-controller", watches=(Watches(NAMESPACES, self_key),), observe=observe, decide=decide
)
