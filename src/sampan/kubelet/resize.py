"""In-place resize (KEP-1287): what a pod is granted, whether more fits on the node, what is left to be done. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sampan.api.json import Obj, dumps
from sampan.api.quantity import milli_value, value
from sampan.kubelet.admission.fit import Held, held, shortages
from sampan.kubelet.podspec import containers, init_containers, spec, status

Granted = Mapping[str, Obj]
"""The resources that the agent has granted, by container name: its promise, which may lag behind the spec."""
PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
Kind = Literal["memory", "cpu"]


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a container is run with: milli-CPUs and bytes, 0 for none."""

    cpu_request: int = 0
    cpu_limit: int = 0
    memory_request: int = 0
    memory_limit: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """Give a running container other limits. `kind` says which of them; the others stay as they are."""

    container_id: str
    name: str
    kind: Kind
    old: Amounts
    new: Amounts


@dataclass(slots=True)
class Resize:
    """What the agent remembers of one pod's resources."""

    granted: Granted
    actual: dict[str, Amounts] = field(default_factory=dict)
    """What running containers were last given, by name."""
    pending: Obj | None = None
    progress: Obj | None = None
    """The conditions PodResizePending and PodResizeInProgress."""

    @property
    def conditions(self) -> tuple[Obj, ...]:
        return tuple(c for c in (self.pending, self.progress) if c is not None)


def resizable(pod: Obj) -> Iterable[Obj]:
    """The containers that can be resized: all but ephemeral ones."""
    yield from init_containers(pod)
    yield from containers(pod)


def amounts(pod: Obj, container: Obj) -> Amounts:
    """What a container is to be run with; the pod's own limits hold for containers without."""
    own: Obj = container.get("resources") or {}
    requests, limits = own.get("requests") or {}, own.get("limits") or {}
    whole: Obj = (spec(pod).get("resources") or {}).get("limits") or {}
    return Amounts(
        milli_value(requests.get("cpu") or 0),
        milli_value(limits.get("cpu") or whole.get("cpu") or 0),
        value(requests.get("memory") or 0),
        value(limits.get("memory") or whole.get("memory") or 0),
    )


def wanted(pod: Obj) -> Granted:
    """The resources of a pod's containers as its spec has them."""
    return {c["name"]: c.get("resources") or {} for c in resizable(pod)}


def begin(pod: Obj) -> Resize:
    """What is known of a pod at first sight: what an earlier agent has told in its status, else all it asks for."""
    told = {
        entry["name"]: entry
        for kind in ("initContainerStatuses", "containerStatuses")
        for entry in status(pod).get(kind) or ()
        if entry.get("resources") is not None
    }
    granted = {}
    for name, own in wanted(pod).items():
        entry = told.get(name)
        if entry is None:
            granted[name] = own
            continue
        parts = {"requests": entry.get("allocatedResources"), "limits": (entry["resources"] or {}).get("limits")}
        kept = {key: _same(own.get(key) or {}, part or {}) for key, part in parts.items()}
        granted[name] = {**own, **{key: part for key, part in kept.items() if part}}
    made = Resize(granted)
    for condition in status(pod).get("conditions") or ():
        if condition.get("type") == PENDING:
            made.pending = condition
        elif condition.get("type") == IN_PROGRESS:
            made.progress = condition
    for container in resizable(view(pod, granted)):
        if (entry := told.get(container["name"])) is not None:
            has = container if made.progress is None else {**container, "resources": entry["resources"]}
            made.actual[container["name"]] = amounts(pod, has)
    return made


def _same(own: Obj, told: Obj) -> Obj:
    """What was told, in the spec's own words where it says the same."""
    return {
        name: own[name] if name in own and milli_value(own[name]) == milli_value(amount) else amount
        for name, amount in told.items()
    }


def view(pod: Obj, granted: Granted) -> Obj:
    """The pod with the resources that are granted; itself when that is what it asks for."""
    if all(granted.get(name, own) == own for name, own in wanted(pod).items()):
        return pod

    def shown(container: Obj) -> Obj:
        return {**container, "resources": granted[container["name"]]} if container["name"] in granted else container

    kinds = {key: [shown(c) for c in spec(pod)[key]] for key in ("containers", "initContainers") if spec(pod).get(key)}
    return {**pod, "spec": {**spec(pod), **kinds}}


# --- whether it fits


def shortage(pod: Obj, others: Iterable[Held], allocatable: Mapping[str, Any]) -> tuple[str, str] | None:
    """What of the allocatable is too little for the pod beside the others: the resource, and upstream's message."""
    found = shortages(held(pod), list(others), allocatable)
    return next(((one.name, one.message) for one in found if one.name != "pods" or "pods" in allocatable), None)


# --- what is to be done


def updates(pod: Obj, running: Mapping[str, str], actual: Mapping[str, Amounts]) -> tuple[Update, ...]:
    """The limits to be changed in place, memory before CPU, and of each what shrinks before what grows.

    `running`: ids by container name. Containers that have to be started again for it are left out.
    """
    found = []
    for container in resizable(pod):
        name = container["name"]
        new, old = amounts(pod, container), actual.get(name)
        if name not in running or old is None or old == new or needs_restart(container, old, new):
            continue
        kinds: tuple[tuple[Kind, tuple[int, int], tuple[int, int]], ...] = (
            ("memory", (old.memory_limit, old.memory_request), (new.memory_limit, new.memory_request)),
            ("cpu", (old.cpu_limit, old.cpu_request), (new.cpu_limit, new.cpu_request)),
        )
        for order, (kind, before, after) in enumerate(kinds):
            if before != after:
                grows = after[0] > before[0] if after[0] != before[0] else after[1] > before[1]
                found.append((order, grows, Update(running[name], name, kind, old, new)))
    return tuple(update for _, _, update in sorted(found, key=lambda entry: entry[:2]))


def needs_restart(container: Obj, old: Amounts, new: Amounts) -> bool:
    """Whether a container's resizePolicy wants it started again for this change."""
    policies = {p.get("resourceName"): p.get("restartPolicy") for p in container.get("resizePolicy") or ()}
    memory = (old.memory_limit, old.memory_request) != (new.memory_limit, new.memory_request)
    cpu = (old.cpu_limit, old.cpu_request) != (new.cpu_limit, new.cpu_request)
    restarts = {kind for kind, policy in policies.items() if policy == "RestartContainer"}
    return (memory and "memory" in restarts) or (cpu and "cpu" in restarts)


def in_progress(pod: Obj, running: Iterable[str], actual: Mapping[str, Amounts]) -> bool:
    """Whether running containers have not been given yet what is granted."""
    names = set(running)
    return any(
        c["name"] in names and c["name"] in actual and actual[c["name"]] != amounts(pod, c) for c in resizable(pod)
    )


def after(update: Update, current: Amounts) -> Amounts:
    """What the container has once its update is done."""
    if update.kind == "memory":
        return replace(current, memory_request=update.new.memory_request, memory_limit=update.new.memory_limit)
    return replace(current, cpu_request=update.new.cpu_request, cpu_limit=update.new.cpu_limit)


def too_small(todo: Sequence[Update], used: Mapping[str, int | None]) -> str:
    """Why memory limits cannot shrink: what containers use by name is more already. Upstream's text, or nothing."""
    found = []
    for update in todo:
        shrinks = update.new.memory_limit and not 0 < update.old.memory_limit <= update.new.memory_limit
        if update.kind != "memory" or not shrinks:
            continue
        now = used.get(update.name)
        if now is None:
            found.append(f'missing container "{update.name}" memory usage')
        elif now >= update.new.memory_limit:
            found.append(
                f'attempting to set container "{update.name}" memory limit ({update.new.memory_limit}) '
                f"below current usage ({now})"
            )
    if not found:
        return ""
    return f"cannot decrease memory limits: {found[0] if len(found) == 1 else '[' + ', '.join(found) + ']'}"


# --- telling


def condition(type_: str, old: Obj | None, reason: str, message: str, generation: int, now: str) -> Obj:
    """A resize condition; the time of its transition stays while the reason does."""
    same = old is not None and (old.get("reason") or "") == reason
    since = (old or {}).get("lastTransitionTime") or now if same else now
    made: Obj = {"type": type_, "status": "True", "lastProbeTime": now, "lastTransitionTime": since}
    made.update({"observedGeneration": generation} if generation else {})
    made.update({"reason": reason} if reason else {})
    made.update({"message": message} if message else {})
    return made


def event_text(prefix: str, pod: Obj, error: str = "") -> str:
    """The message of a resize event: what of, and the resources asked for."""
    made: Obj = {}
    for key, found in (("initContainers", init_containers(pod)), ("containers", containers(pod))):
        if found:
            made[key] = [{"name": c["name"], "resources": c.get("resources") or {}} for c in found]
    made["generation"] = pod["metadata"].get("generation") or 0
    if error:
        made["error"] = error
    return f"{prefix}: {dumps(made).decode()}"
