"""Count what the objects of a namespace use of its ResourceQuotas (upstream: pkg/controller/resourcequota)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sampan.api.json import Obj
from sampan.api.meta import controller_of, name_of, namespace_of
from sampan.api.names import Key, RestMapping
from sampan.controllers.names import spec, status
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.plan import NOTHING, Action, Follow, Plan, Requeue, Update
from sampan.resources.kinds import DEVICECLASSES, PODS, PVCS, RESOURCECLAIMS, RESOURCEQUOTAS, SERVICES
from sampan.resources.quota.amounts import canonical, equal, masked
from sampan.resources.quota.claims import attribute_classes
from sampan.resources.quota.device_classes import extended_resources
from sampan.resources.quota.pods import is_counted, is_terminating
from sampan.resources.quota.registry import SPECIAL, counted_kind, evaluator_of
from sampan.resources.quota.services import service_type
from sampan.resources.quota.totals import total

RESYNC = 300.0
UNKNOWN_KIND = 30.0
"""Seconds until kinds that the server does not have are looked for again."""
EARLY = datetime.min.replace(tzinfo=UTC)
Counts = Callable[[Obj, Obj], bool]
"""Whether a change from an old to a new object may change what is used."""


@dataclass(frozen=True, slots=True)
class World:
    """The World of the evaluators, over the caches."""

    look: Lookup
    now: datetime

    def extended_resources(self) -> Mapping[str, str]:
        return extended_resources(self.look.list(DEVICECLASSES))

    def pod(self, namespace: str, name: str) -> Obj | None:
        return self.look.get(PODS, namespace, name)

    def claims_of_pod(self, namespace: str, uid: str) -> Sequence[Obj]:
        claims = self.look.list(RESOURCECLAIMS, namespace)
        return [claim for claim in claims if (controller_of(claim) or {}).get("uid") == uid]


@dataclass(frozen=True, slots=True)
class Seen:
    """A quota, and what of it is in use; of kinds that are not followed yet, nothing is."""

    quota: Obj
    used: dict[str, str]
    counted: tuple[RestMapping, ...]
    """Kinds whose objects it counts, beside those that are always followed."""
    unknown: bool
    """Whether it counts a kind that the server does not have."""


def observe(look: Lookup, key: Key, now: datetime) -> Seen | None:
    quota = look.get(RESOURCEQUOTAS, *key)
    if quota is None:
        return None
    kinds = {(kind.group, kind.plural): kind for kind in look.mappings() if kind.namespaced}
    named = {kind for name in spec(quota).get("hard") or () if (kind := counted_kind(name)) is not None}
    wanted = {kind for kind in named if kind not in SPECIAL and evaluator_of(*kind) is not None}

    def objects(group: str, plural: str) -> Sequence[Obj] | None:
        mapping = ALWAYS.get((group, plural)) or kinds.get((group, plural))
        if mapping is None:
            return None
        try:
            return look.list(mapping, key.namespace)
        except LookupError:
            return ()

    counted = tuple(kinds[kind] for kind in sorted(wanted) if kind in kinds)
    return Seen(quota, total(quota, objects, World(look, now)), counted, len(counted) < len(wanted))


def decide(seen: Seen) -> Plan:
    """Write limits and use into the status, if they are not as it says."""
    quota, before = seen.quota, status(seen.quota)
    actions: list[Action] = [Follow(mapping) for mapping in seen.counted]
    hard = canonical(spec(quota).get("hard") or {})
    used = masked({**(before.get("used") or {}), **seen.used}, hard)
    same = equal(hard, before.get("hard") or {}) and equal(used, before.get("used") or {})
    if not same or before.get("hard") is None or before.get("used") is None:
        actions.append(Update(RESOURCEQUOTAS, {**quota, "status": {"hard": hard, "used": used}}, "status"))
    if seen.unknown:
        actions.append(Requeue(UNKNOWN_KIND))
    return tuple(actions) or NOTHING


# ---- which changes concern which quotas


def quota_changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterator[Key]:
    """A new quota, and one whose limits changed; what it says of its use is this controller's own word."""
    if new is not None and (old is None or old is new or spec(old).get("hard") != spec(new).get("hard")):
        yield Key(namespace_of(new), name_of(new))


def follows(mapping: RestMapping) -> Watches:
    """Follow a kind: what goes frees the quotas that count it."""
    kind = (mapping.group, mapping.plural)
    frees = FREES.get(kind, never)

    def changes(look: Lookup, old: Obj | None, new: Obj | None) -> Iterable[Key]:
        if old is not None and (new is None or frees(old, new)):
            yield from _quotas_for(look, kind, namespace_of(old))

    return Watches(mapping, no_keys, changes=changes)


def _quotas_for(look: Lookup, kind: tuple[str, str], namespace: str) -> Iterator[Key]:
    quotas = look.list(RESOURCEQUOTAS, namespace)
    evaluator = evaluator_of(*kind) if quotas else None
    for quota in quotas:
        hard = spec(quota).get("hard") or {}
        if evaluator is not None and evaluator.matching(hard, World(look, EARLY)):
            yield Key(namespace, name_of(quota))


def pod_frees(old: Obj, new: Obj) -> bool:
    """A pod ended, came into another scope, or was resized."""
    if is_terminating(old) != is_terminating(new) or (is_counted(old, EARLY) and not is_counted(new, EARLY)):
        return True
    before, after = status(old), status(new)
    for key in ("containerStatuses", "initContainerStatuses"):
        if before.get(key) is after.get(key):
            continue
        seen = {one["name"]: one.get("resources") for one in before.get(key) or ()}
        if any(one["name"] in seen and seen[one["name"]] != one.get("resources") for one in after.get(key) or ()):
            return True
    return False


def service_frees(old: Obj, new: Obj) -> bool:
    """A Service came to cost something else."""
    return service_type(old) != service_type(new)


def claim_frees(old: Obj, new: Obj) -> bool:
    """A claim was granted another size, or its attributes changed."""
    was, now = status(old).get("allocatedResources"), status(new).get("allocatedResources")
    return was != now or attribute_classes(old) != attribute_classes(new)


def never(old: Obj, new: Obj) -> bool:
    """Objects that are only counted."""
    return False


def no_keys(look: Lookup, obj: Obj) -> Iterable[Key]:
    """`changes` says which keys."""
    return ()


FREES: dict[tuple[str, str], Counts] = {
    ("", "pods"): pod_frees,
    ("", "services"): service_frees,
    ("", "persistentvolumeclaims"): claim_frees,
}
ALWAYS = {(kind.group, kind.plural): kind for kind in (PODS, SERVICES, PVCS, RESOURCECLAIMS)}

CONTROLLER = Controller(
    "resourcequota-controller",
    watches=(Watches(RESOURCEQUOTAS, no_keys, changes=quota_changes), *map(follows, ALWAYS.values())),
    observe=observe,
    decide=decide,
    reads=(DEVICECLASSES,),
    workers=5,
    resync=RESYNC,
    on_demand=follows,
)
