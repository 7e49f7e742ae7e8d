"""FlowSchemas: whether the priority level that one names is there (its condition Dangling; KEP-1040)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.meta import condition, name_of
from sampan.api.names import Key, ObjectRef
from sampan.api.times import format_time
from sampan.controllers.names import spec
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import NOTHING, Patch, Plan
from sampan.resources.kinds import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS

DANGLING = "Dangling"


@dataclass(frozen=True, slots=True)
class Seen:
    """A schema, and whether its level is there."""

    schema: Obj
    found: bool
    now: datetime


def level_of(schema: Obj) -> str:
    """The name of the level that a schema's requests go to."""
    return str((spec(schema).get("priorityLevelConfiguration") or {}).get("name") or "")


def of_level(look: Lookup, level: Obj) -> Iterable[Key]:
    """The schemas that name a level."""
    for schema in look.list(FLOWSCHEMAS):
        if level_of(schema) == name_of(level):
            yield Key("", name_of(schema))


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    """The schema, if it is there."""
    schema = look.get(FLOWSCHEMAS, "", key.name)
    if schema is None:
        return None
    return Seen(schema, look.get(PRIORITYLEVELCONFIGURATIONS, "", level_of(schema)) is not None, now)


def decide(seen: Seen) -> Plan:
    """Say it where it is not said; the time of the condition is that of its last change of status."""
    names = f'This FlowSchema references the PriorityLevelConfiguration object named "{level_of(seen.schema)}"'
    status, reason = ("False", "Found") if seen.found else ("True", "NotFound")
    message = f"{names} and it exists" if seen.found else f"{names} but there is no such object"
    have = condition(seen.schema, DANGLING) or {}
    if (have.get("status"), have.get("reason"), have.get("message")) == (status, reason, message):
        return NOTHING
    since = have.get("lastTransitionTime") if have.get("status") == status else None
    wanted = {
        "type": DANGLING, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since or format_time(seen.now),
    }  # fmt: skip
    ref = ObjectRef(FLOWSCHEMAS, "", name_of(seen.schema))
    return (Patch(ref, {"status": {"conditions": [wanted]}}, "strategic", "status", missing_ok=True),)


CONTROLLER = Controller(
    "priority-and-fairness-config-consumer",
    watches=(Watches(FLOWSCHEMAS, self_key), Watches(PRIORITYLEVELCONFIGURATIONS, of_level)),
    observe=observe,
    decide=decide,
)
