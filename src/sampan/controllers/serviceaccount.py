"""Give every namespace its default ServiceAccount."""

from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import is_deleting
from sampan.api.names import Key
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import namespace_key, self_key
from sampan.reconcile.plan import NOTHING, Create, Plan
from sampan.resources.kinds import NAMESPACES, SERVICEACCOUNTS


@dataclass(frozen=True, slots=True)
class Seen:
    """A living namespace, and its default account if there is one."""

    namespace: str
    account: Obj | None


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    namespace = look.get(NAMESPACES, "", key.name)
    if namespace is None or is_deleting(namespace):
        return None
    return Seen(key.name, look.get(SERVICEACCOUNTS, key.name, "default"))


def decide(seen: Seen) -> Plan:
    if seen.account is not None:
        return NOTHING
    return (Create(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": seen.namespace}}, exists_ok=True),)


CONTROLLER = Controller(
    "serviceaccount-controller",
    watches=(Watches(NAMESPACES, self_key), Watches(SERVICEACCOUNTS, namespace_key)),
    observe=observe,
    decide=decide,
)
