"""What the pods of a namespace would violate when it begins to enforce more: warnings, in bounded time."""

from collections.abc import Callable, Iterable, Sequence

from sampan.api.json import Obj
from sampan.api.meta import controller_of, name_of
from sampan.api.pod_security.evaluate import evaluate
from sampan.api.pod_security.levels import LevelVersion

MAX_PODS = 3000
MAX_SECONDS = 1.0
LIST_FAILED = "failed to list pods while checking new PodSecurity enforce level"


def existing_pods(
    namespace: str, enforce: LevelVersion, pods: Sequence[Obj], elapsed: Callable[[], float]
) -> list[str]:
    """Warnings about pods that violate the level: how many were looked at if not all, then one line per finding.

    The first MAX_PODS are looked at, one of each controller first, for MAX_SECONDS by `elapsed`.
    """
    found: dict[str, list[str]] = {}
    checked = 0
    for pod in _one_of_each_first(pods)[:MAX_PODS]:
        checked += 1
        result = evaluate(enforce.level, enforce.version, pod.get("metadata") or {}, pod.get("spec") or {})
        if not result.allowed:
            found.setdefault(result.reasons, []).append(name_of(pod))
        if elapsed() >= MAX_SECONDS:
            break
    warnings = []
    if checked < len(pods):
        part = f"the first {checked} of {len(pods)} existing pods"
        warnings.append(f"new PodSecurity enforce level only checked against {part}")
    if found:
        level = f'the new PodSecurity enforce level "{enforce}"'
        warnings.append(f'existing pods in namespace "{namespace}" violate {level}')
    return warnings + sorted(f"{_named(names)}: {reasons}" for reasons, names in found.items())


def _named(names: Sequence[str]) -> str:
    """The first by name, and how many more."""
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{min(names)} (and {others} other pod{'' if others == 1 else 's'})"


def _one_of_each_first(pods: Iterable[Obj]) -> list[Obj]:
    """Pods without a controller and the first of each controller, then the others."""
    first: list[Obj] = []
    others: list[Obj] = []
    controllers: set[str] = set()
    for pod in pods:
        owner = controller_of(pod)
        uid = "" if owner is None else str(owner.get("uid"))
        (others if uid in controllers else first).append(pod)
        if uid:
            controllers.add(uid)
    return first + others
