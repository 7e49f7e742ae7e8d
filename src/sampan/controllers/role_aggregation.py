"""Fill ClusterRoles that have an aggregationRule with the rules of those that it selects."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import labels_of, name_of
from sampan.api.names import Key, ObjectRef
from sampan.api.selectors import SelectorError, label_selector
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Patch, Plan
from sampan.resources.kinds import CLUSTERROLES


@dataclass(frozen=True, slots=True)
class Seen:
    """A role with an aggregationRule, and all roles."""

    role: Obj
    roles: tuple[Obj, ...]


def role_keys(look: Lookup, role: Obj) -> Iterable[Key]:
    """Any change may concern any aggregating role; there are few."""
    for other in look.list(CLUSTERROLES):
        if other.get("aggregationRule"):
            yield Key("", name_of(other))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    role = look.get(CLUSTERROLES, "", key.name)
    if role is None or not role.get("aggregationRule"):
        return None
    return Seen(role, tuple(look.list(CLUSTERROLES)))


def decide(seen: Seen) -> Plan:
    """The rules of the selected roles, selector by selector, by name, each rule once."""
    role = seen.role
    rules: list[Obj] = []
    for wanted in role["aggregationRule"].get("clusterRoleSelectors") or ():
        try:
            selector = label_selector(wanted)
        except SelectorError:
            return NOTHING
        for other in sorted(seen.roles, key=name_of):
            if other is role or name_of(other) == name_of(role) or not selector.matches(labels_of(other)):
                continue
            rules += [rule for rule in other.get("rules") or () if rule not in rules]
    if rules == (role.get("rules") or []):
        return NOTHING
    meta = {"resourceVersion": role["metadata"].get("resourceVersion")}
    return (Patch(ObjectRef(CLUSTERROLES, "", name_of(role)), {"metadata": meta, "rules": rules}, missing_ok=True),)


CONTROLLER = Controller(
    "clusterrole-aggregation-controller",
    watches=(Watches(CLUSTERROLES, role_keys),),
    observe=observe,
    decide=decide,
)
