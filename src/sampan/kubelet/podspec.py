"""Reading a pod: its containers by kind, its restart rules, how long it may take to end."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.times import parse_time

TERMINAL = ("Succeeded", "Failed")
DEFAULT_GRACE = 30


def spec(pod: Obj) -> Obj:
    """The pod's spec."""
    found: Obj = pod.get("spec") or {}
    return found


def status(pod: Obj) -> Obj:
    """The pod's status."""
    found: Obj = pod.get("status") or {}
    return found


def containers(pod: Obj) -> Sequence[Obj]:
    """The app containers."""
    return spec(pod).get("containers") or ()


def init_containers(pod: Obj) -> Sequence[Obj]:
    """The init containers, sidecars among them, in their order."""
    return spec(pod).get("initContainers") or ()


def ephemeral_containers(pod: Obj) -> Sequence[Obj]:
    """The containers that were added to the running pod to look into it (KEP-277)."""
    return spec(pod).get("ephemeralContainers") or ()


def every_container(pod: Obj) -> Iterator[Obj]:
    """Init containers, then app containers, then ephemeral ones."""
    yield from init_containers(pod)
    yield from containers(pod)
    yield from ephemeral_containers(pod)


def is_sidecar(container: Obj) -> bool:
    """An init container that goes on running (KEP-753)."""
    return container.get("restartPolicy") == "Always"


def restart_policy(pod: Obj) -> str:
    """Always, OnFailure or Never."""
    return spec(pod).get("restartPolicy") or "Always"


def restarts(pod: Obj, container: Obj, exit_code: int) -> bool:
    """Whether a container that ended so is to run again: its own rules and policy (KEP-5307), else the pod's policy."""
    if is_sidecar(container):
        return True
    own = container.get("restartPolicy")
    if own and any(rule.get("action") == "Restart" and _matches(rule, exit_code) for rule in _rules(container)):
        return True
    policy = own or restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def _rules(container: Obj) -> Sequence[Obj]:
    return container.get("restartPolicyRules") or ()


def _matches(rule: Obj, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    listed = exit_code in (codes.get("values") or ())
    return listed if codes.get("operator") == "In" else codes.get("operator") == "NotIn" and not listed


def is_terminal(pod: Obj) -> bool:
    """The pod is over, by its phase."""
    return status(pod).get("phase") in TERMINAL


def uses_host_network(pod: Obj) -> bool:
    """The pod has no network namespace of its own."""
    return bool(spec(pod).get("hostNetwork"))


def grace_seconds(pod: Obj) -> int:
    """How long the pod's containers may take to end: what the deletion says, else the spec."""
    asked = pod["metadata"].get("deletionGracePeriodSeconds")
    if asked is None or not pod["metadata"].get("deletionTimestamp"):
        asked = spec(pod).get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE if asked is None else int(asked)


def deadline_passes_in(pod: Obj, now: datetime) -> float | None:
    """Seconds until activeDeadlineSeconds is over, negative when it is; None when there is no deadline or no start."""
    limit, started = spec(pod).get("activeDeadlineSeconds"), status(pod).get("startTime")
    if limit is None or not started:
        return None
    return float(limit) - (now - parse_time(started)).total_seconds()


# --- whence a pod is, and how important

SOURCE, MIRROR, HASH = "kubernetes.io/config.source", "kubernetes.io/config.mirror", "kubernetes.io/config.hash"
CRITICAL = 2_000_000_000
"""The priority from which on pods are critical to the system."""


def is_static(pod: Obj) -> bool:
    """The pod is from a file or a URL of the node, not from the API."""
    source = (pod["metadata"].get("annotations") or {}).get(SOURCE)
    return source is not None and source != "api"


def is_mirror(pod: Obj) -> bool:
    """The pod in the API stands for a static one."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


def is_critical(pod: Obj) -> bool:
    """Static pods, and those of the system's priorities."""
    return is_static(pod) or is_mirror(pod) or int(spec(pod).get("priority") or 0) >= CRITICAL
