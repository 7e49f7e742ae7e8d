"""Publish the cluster's CA as ConfigMap kube-root-ca.crt in every namespace."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sampan.api.json import Obj
from sampan.api.meta import is_deleting
from sampan.api.names import Key
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import namespace_key, self_key
from sampan.reconcile.plan import NOTHING, Create, Plan, Update
from sampan.resources.kinds import CONFIGMAPS, NAMESPACES

NAME = "kube-root-ca.crt"
ABOUT = {
    "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using "
    "internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed "
    "across distributions of Kubernetes clusters."
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A living namespace, its ConfigMap if there is one, and what should be in it."""

    namespace: str
    config: Obj | None
    ca: str


def observe(ca: str, look: Lookup, key: Key, now: datetime) -> Seen | None:
    namespace = look.get(NAMESPACES, "", key.name)
    if namespace is None or is_deleting(namespace):
        return None
    return Seen(key.name, look.get(CONFIGMAPS, key.name, NAME), ca)


def decide(seen: Seen) -> Plan:
    data = {"ca.crt": seen.ca}
    if seen.config is None:
        meta = {"name": NAME, "namespace": seen.namespace, "annotations": ABOUT}
        return (Create(CONFIGMAPS, {"metadata": meta, "data": data}, exists_ok=True),)
    if seen.config.get("data") == data:
        return NOTHING
    return (Update(CONFIGMAPS, {**seen.config, "data": data}),)


def controller(ca: str) -> Controller:
    """The publisher of this CA (PEM text)."""
    return Controller(
        "root-ca-certificate-publisher-controller",
        watches=(Watches(NAMESPACES, self_key), Watches(CONFIGMAPS, namespace_key)),
        observe=partial(observe, ca),
        decide=decide,
    )
