"""Tell each node how long it may keep Secrets and ConfigMaps: the longer, the larger the cluster is."""

from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import annotations_of, name_of
from sampan.api.names import Key, ObjectRef
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Patch, Plan
from sampan.resources.kinds import NODES

ANNOTATION = "node.alpha.kubernetes.io/ttl"
STEPS = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 2**31 - 1, 300))
"""Fewest and most nodes, and seconds. The ranges overlap: a node more or less changes nothing to and fro."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A node, and how many there are."""

    node: Obj
    nodes: int


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    node = look.get(NODES, "", key.name)
    return None if node is None else Seen(node, len(look.list(NODES)))


def seconds(before: str | None, nodes: int) -> int:
    """The seconds for so many nodes; a node stays at the step it told before as long as that step's range allows."""
    known = [step for step, (_, _, ttl) in enumerate(STEPS) if str(ttl) == before]
    step = known[0] if known else 0
    while nodes > STEPS[step][1]:
        step += 1
    while nodes < STEPS[step][0]:
        step -= 1
    return STEPS[step][2]


def decide(seen: Seen) -> Plan:
    """Write the seconds where they differ; a node is asked about with each of its reports, so all follow in time."""
    before = annotations_of(seen.node).get(ANNOTATION)
    wanted = str(seconds(before, seen.nodes))
    if before == wanted:
        return NOTHING
    ref = ObjectRef(NODES, "", name_of(seen.node))
    return (Patch(ref, {"metadata": {"annotations": {ANNOTATION: wanted}}}, missing_ok=True),)


CONTROLLER = Controller("ttl-controller", watches=(Watches(NODES, self_key),), observe=observe, decide=decide)
