"""What pods count for in quotas (upstream: quota/v1/evaluator/core/pods.go)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.resources.pod_resources import NONE, has_pod_level, pod_limits, pod_requests
from sampan.resources.quota.amounts import Amounts, names_shown, plus
from sampan.resources.quota.evaluator import Change, World, value_matches
from sampan.resources.strategies.qos import qos_class

COUNT = "count/pods"
COMPUTE = ("cpu", "memory", "ephemeral-storage")
NAMED = frozenset(
    (COUNT, "pods", *COMPUTE, *(f"requests.{name}" for name in COMPUTE), *(f"limits.{name}" for name in COMPUTE))
)
MUST_SAY = ("cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory")
"""What each container must say if a quota names it, sorted."""
PREFIXES = ("hugepages-", "requests.hugepages-")
IMPLICIT = "requests.deviceclass.resource.kubernetes.io/"
DEVICE_CLASS = "deviceclass.resource.kubernetes.io/"
AFFINITIES = ("podAffinity", "podAntiAffinity")


class Pods:
    """Counts pods, and what they ask for while they live."""

    def handles(self, change: Change) -> bool:
        if change.subresource:
            return change.subresource == "resize" and change.operation == "UPDATE"
        if change.operation == "UPDATE":
            return is_terminating(change.obj) != is_terminating(change.old or {})
        return True

    def matching(self, names: Collection[str], world: World) -> list[str]:
        return [n for n in names if n in NAMED or n.startswith(PREFIXES) or is_extended(n)]

    def in_scope(self, requirement: Obj, obj: Obj) -> bool:
        spec = obj.get("spec") or {}
        match requirement.get("scopeName"):
            case "Terminating":
                return is_terminating(obj)
            case "NotTerminating":
                return not is_terminating(obj)
            case "BestEffort":
                return qos_class(spec) == "BestEffort"
            case "NotBestEffort":
                return qos_class(spec) != "BestEffort"
            case "PriorityClass":
                return value_matches(requirement, spec.get("priorityClassName") or "")
            case "CrossNamespacePodAffinity":
                return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in _terms(spec))
        return False

    def lacking(self, required: Sequence[str], obj: Obj) -> str:
        spec = obj.get("spec") or {}
        wanted = [name for name in MUST_SAY if name in required]
        if not wanted or has_pod_level(spec):
            return ""
        missing: dict[str, set[str]] = {}
        for key in ("containers", "initContainers"):
            for container in spec.get(key) or ():
                resources = container.get("resources") or {}
                said = _compute(resources.get("requests") or NONE, resources.get("limits") or NONE)
                for name in wanted:
                    if name not in said:
                        missing.setdefault(name, set()).add(container["name"])
        if not missing:
            return ""
        said_by = (f"{name} for: {names_shown(missing[name])}" for name in sorted(missing))
        return f"must specify {'; '.join(said_by)}"

    def usage(self, obj: Obj, world: World) -> Amounts:
        if not is_counted(obj, world.now):
            return {COUNT: "1"}
        requests, limits = pod_requests(obj, with_status=True), pod_limits(obj, with_status=True)
        return plus({COUNT: "1"}, _compute(requests, limits))


def is_terminating(pod: Obj) -> bool:
    """Whether the pod has a deadline: the Terminating scope (it has nothing to do with deletion)."""
    deadline = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    return deadline is not None and deadline >= 0


def is_counted(pod: Obj, now: datetime) -> bool:
    """Whether the pod still holds what it asked for: it has not ended, and is not stuck in its deletion."""
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return False
    meta = pod.get("metadata") or {}
    deleted, grace = meta.get("deletionTimestamp"), meta.get("deletionGracePeriodSeconds")
    if not deleted or grace is None:
        return True
    return now <= parse_time(deleted) + timedelta(seconds=grace)


def is_extended(name: str) -> bool:
    """Whether a quota's resource is that of an extended resource: requests.example.com/gpu."""
    if not name.startswith("requests."):
        return False
    return ("/" in name and "kubernetes.io/" not in name) or name.startswith(IMPLICIT)


def _compute(requests: Mapping[str, str], limits: Mapping[str, str]) -> dict[str, str]:
    made = {"pods": "1"}
    for name, amount in requests.items():
        if name in COMPUTE or name.startswith("hugepages-"):
            made[name] = made[f"requests.{name}"] = amount
        elif name.startswith(DEVICE_CLASS) or ("/" in name and "kubernetes.io/" not in name):
            made[f"requests.{name}"] = amount
    for name in COMPUTE:
        if name in limits:
            made[f"limits.{name}"] = limits[name]
    return made


def _terms(spec: Obj) -> Iterator[Obj]:
    affinity = spec.get("affinity") or {}
    for kind in AFFINITIES:
        rules = affinity.get(kind) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}
