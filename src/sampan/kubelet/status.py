"""A pod's status for the API, from its spec, the runtime's account and what the agent knows besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import condition
from sampan.api.times import format_time, from_nanos
from sampan.kubelet.actions import newest
from sampan.kubelet.podspec import (
    TERMINAL,
    containers,
    ephemeral_containers,
    init_containers,
    is_sidecar,
    restarts,
    spec,
    status,
)
from sampan.kubelet.resize import IN_PROGRESS, PENDING
from sampan.kubelet.runtime import Container, ContainerState, PodStatus, SandboxState
from sampan.kubelet.told_resources import mount_told, resources_told

CONDITIONS = ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready", PENDING, IN_PROGRESS)
"""The conditions that the node agent writes; all others are others'."""
SHARED = ("DisruptionTarget",)
"""Conditions that others write too."""
FIELDS = (
    "phase", "reason", "message", "startTime", "observedGeneration", "hostIP", "hostIPs", "podIP", "podIPs",
    "initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses",
)  # fmt: skip
"""What else it writes of a status."""
CONTAINER_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
UNKNOWN_END = 137
"""Exit code of a container that vanished, as upstream reports it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container does not run: ImagePullBackOff, CrashLoopBackOff, CreateContainerConfigError, ..."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the agent knows of a pod besides the runtime's account; containers by name or by id."""

    host_ip: str = ""
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    """By container name."""
    unready: frozenset[str] = frozenset()
    """Ids of running containers whose readiness probe has not succeeded."""
    started: frozenset[str] = frozenset()
    """Ids of running containers whose startup probe and postStart hook are through."""
    messages: Mapping[str, str] = field(default_factory=dict)
    """Termination messages by container id."""
    failure: Waiting | None = None
    """The whole pod has failed: DeadlineExceeded, Evicted, admission."""
    evicted: bool = False
    """The agent itself has ended the pod; if all its containers succeeded then, so has the pod, as upstream has it."""
    disrupted: str = ""
    """Why the agent has ended the pod, as a condition tells it."""
    stopped: bool = False
    """Everything was stopped and will not start again."""
    runtime_name: str = ""
    """The scheme of containerID, e.g. containerd."""
    resize: tuple[Obj, ...] = ()
    """The conditions of a resize that waits or is under way."""


def pod_status(pod: Obj, runtime: PodStatus, known: Known, now: datetime) -> Obj:
    """The new `status`. Fields that others own (conditions of other types, nominatedNodeName, ...) are kept.

    A terminal phase is final, and with it Ready and ContainersReady are false whatever the containers say
    (kubernetes#110480).
    """
    before = status(pod)
    begun = any(newest(runtime, c["name"]) is not None for c in containers(pod))
    init = [_container_status(pod, c, runtime, known, begun) for c in init_containers(pod)]
    main = [_container_status(pod, c, runtime, known, False) for c in containers(pod)]
    phase = _phase(pod, init, main, known)
    result: Obj = {k: v for k, v in before.items() if k not in ("reason", "message")}
    if before.get("phase") in TERMINAL:
        phase = before["phase"]
        result.update({k: before[k] for k in ("reason", "message") if k in before})
    elif known.evicted and not known.stopped and phase in TERMINAL:
        phase = before.get("phase") or "Pending"  # it is final only with its reason
    elif known.failure is not None and not (known.evicted and phase == "Succeeded"):
        phase = "Failed"
        result.update(reason=known.failure.reason, message=known.failure.message)
    result.update(phase=phase, startTime=before.get("startTime") or format_time(now))
    if generation := pod["metadata"].get("generation"):
        result["observedGeneration"] = generation
    if known.host_ip:
        result.update(hostIP=known.host_ip, hostIPs=[{"ip": known.host_ip}])
    ips = _ips(pod, runtime, known)
    if ips:
        result.update(podIP=ips[0], podIPs=[{"ip": ip} for ip in ips])
    if init:
        result["initContainerStatuses"] = init
    result["containerStatuses"] = main
    if added := ephemeral_containers(pod):
        entries = [_container_status(pod, c, runtime, known, False) for c in added]
        result["ephemeralContainerStatuses"] = [_never_ready(entry) for entry in entries]
    conditions = _conditions(pod, phase, runtime, init, main, format_time(now))
    if known.disrupted:
        ended = {"status": "True", "reason": "TerminationByKubelet", "message": known.disrupted}
        conditions = merge_conditions(
            {**pod, "status": {"conditions": conditions}}, {SHARED[0]: ended}, format_time(now)
        )
    kept = [c for c in conditions if c["type"] not in (PENDING, IN_PROGRESS)]
    result["conditions"] = kept if phase in TERMINAL else [*kept, *known.resize]
    return result


def refused_status(pod: Obj, why: Waiting, now: datetime) -> Obj:
    """The status of a pod that was not admitted: nothing but that."""
    before = status(pod)
    result: Obj = {k: v for k, v in before.items() if k not in FIELDS}
    if kept := [c for c in before.get("conditions") or () if c["type"] not in CONDITIONS]:
        result["conditions"] = kept
    else:
        result.pop("conditions", None)
    if generation := pod["metadata"].get("generation"):
        result["observedGeneration"] = generation
    started = before.get("startTime") or format_time(now)
    return {**result, "phase": "Failed", "reason": why.reason, "message": why.message, "startTime": started}


def _ips(pod: Obj, runtime: PodStatus, known: Known) -> Sequence[str]:
    if spec(pod).get("hostNetwork"):
        return [known.host_ip] if known.host_ip else []
    return runtime.ips or [entry["ip"] for entry in status(pod).get("podIPs") or ()]


# --- containers


def _container_status(pod: Obj, container: Obj, runtime: PodStatus, known: Known, through: bool) -> Obj:
    """One entry of containerStatuses. `through`: an init container whose successors have run."""
    name = container["name"]
    old = next((c for c in _old_statuses(pod) if c["name"] == name), {})
    run = newest(runtime, name)
    if run is None:
        return _without_run(pod, container, old, known, through)
    state = _state(run, known)
    earlier = [c for c in runtime.containers if c.name == name and c.id != run.id and c.state is ContainerState.EXITED]
    before = max(earlier, key=lambda c: (c.attempt, c.created_at), default=None)
    last = {"terminated": _terminated(before, known)} if before is not None else old.get("lastState") or {}
    waiting = known.waiting.get(name)
    if "terminated" in state and waiting is not None and not known.stopped:
        last, state = state, {"waiting": {"reason": waiting.reason, "message": waiting.message}}
    elif "waiting" in state and waiting is not None:
        state = {"waiting": {"reason": waiting.reason, "message": waiting.message}}
    running = "running" in state
    started = running and run.id in known.started
    if _runs_once(pod, container):
        ready = state.get("terminated", {}).get("exitCode") == 0
    else:
        ready = started and run.id not in known.unready
    made: Obj = {
        "name": name,
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": run.attempt,
        "image": run.image or container.get("image", ""),
        "imageID": run.image_ref or run.image_id,
        "containerID": _full_id(run, known),
        "started": started,
        "resources": resources_told(container, run, old, running=running),
    }
    if requests := (container.get("resources") or {}).get("requests"):
        made["allocatedResources"] = requests
    if mounts := container.get("volumeMounts"):
        made["volumeMounts"] = [mount_told(mount) for mount in mounts]
    if run.user is not None:
        made["user"] = {"linux": run.user}
    return made


def _full_id(run: Container, known: Known) -> str:
    return f"{known.runtime_name}://{run.id}" if known.runtime_name else run.id


def _runs_once(pod: Obj, container: Obj) -> bool:
    return not is_sidecar(container) and any(container is c for c in init_containers(pod))


def _old_statuses(pod: Obj) -> Sequence[Obj]:
    before = status(pod)
    return [entry for kind in CONTAINER_STATUSES for entry in before.get(kind) or ()]


def _never_ready(entry: Obj) -> Obj:
    """An ephemeral container counts for nothing: nobody says whether it has started or is ready."""
    return {**{key: value for key, value in entry.items() if key != "started"}, "ready": False}


def _without_run(pod: Obj, container: Obj, old: Obj, known: Known, through: bool) -> Obj:
    """The status of a container that the runtime does not have: not yet, or no more."""
    ended = (old.get("state") or {}).get("terminated")
    base: Obj = {
        "name": container["name"],
        "lastState": old.get("lastState") or {},
        "ready": False,
        "restartCount": old.get("restartCount", 0),
        "image": container.get("image", ""),
        "imageID": "",
        "started": False,
    }
    if ended or through:
        end = ended or {"exitCode": 0, "reason": "Completed"}
        return {
            **base,
            **old,
            "ready": through and not end.get("exitCode"),
            "started": False,
            "state": {"terminated": end},
        }
    if known.stopped and "running" in (old.get("state") or {}):
        lost = {
            "exitCode": UNKNOWN_END,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located when the pod was terminated",
        }
        return {**base, **old, "state": {"terminated": lost}, "ready": False, "started": False}
    waiting = known.waiting.get(container["name"])
    if waiting is None:
        first = "PodInitializing" if init_containers(pod) else "ContainerCreating"
        return {**base, "state": {"waiting": {"reason": first}}}
    return {**base, "state": {"waiting": {"reason": waiting.reason, "message": waiting.message}}}


def _state(run: Container, known: Known) -> Obj:
    match run.state:
        case ContainerState.RUNNING:
            return {"running": {"startedAt": format_time(from_nanos(run.started_at or run.created_at))}}
        case ContainerState.EXITED:
            return {"terminated": _terminated(run, known)}
    return {"waiting": {"reason": "ContainerCreating"}}


def _terminated(run: Container, known: Known) -> Obj:
    end: Obj = {"exitCode": run.exit_code, "reason": run.reason or ("Completed" if not run.exit_code else "Error")}
    message = known.messages.get(run.id) or run.message
    if message:
        end["message"] = message
    if run.started_at:
        end["startedAt"] = format_time(from_nanos(run.started_at))
    if run.finished_at:
        end["finishedAt"] = format_time(from_nanos(run.finished_at))
    return {**end, "containerID": _full_id(run, known)}


# --- phase


def _phase(pod: Obj, init: Sequence[Obj], main: Sequence[Obj], known: Known) -> str:
    """Upstream's getPhase; and what was stopped for good has a terminal phase."""
    regular = [(c, got) for c, got in zip(init_containers(pod), init, strict=True) if not is_sidecar(c)]
    sidecars = [got for c, got in zip(init_containers(pod), init, strict=True) if is_sidecar(c)]
    ends = [_last_end(got) for got in main]
    running = any("running" in got["state"] for got in (*sidecars, *main))
    for container, got in regular:
        end = _last_end(got)
        if end is not None and end.get("exitCode") and not restarts(pod, container, end["exitCode"]):
            return "Failed"
    if known.stopped and not running:
        return "Succeeded" if all(_succeeded(got) for got in main) else "Failed"
    begun = any("running" in got["state"] or end is not None for got, end in zip(main, ends, strict=True))
    if any(_last_end(got) is None for _, got in regular):
        return "Pending"
    if any(not got["started"] and _last_end(got) is None for got in sidecars) and not begun:
        return "Pending"
    if any(end is None and "running" not in got["state"] for got, end in zip(main, ends, strict=True)):
        return "Pending"
    if running:
        return "Running"
    over = [
        end is not None and not restarts(pod, c, end.get("exitCode", 0))
        for c, end in zip(containers(pod), ends, strict=True)
    ]
    if not all(over):
        return "Running"
    return "Succeeded" if all(_succeeded(got) for got in main) else "Failed"


def _last_end(got: Obj) -> Obj | None:
    """How a container that does not run ended; None when it runs or never ran."""
    state = got["state"]
    if "terminated" in state:
        end: Obj = state["terminated"]
        return end
    return (got.get("lastState") or {}).get("terminated") if "waiting" in state else None


def _succeeded(got: Obj) -> bool:
    return (got["state"].get("terminated") or {}).get("exitCode") == 0


# --- conditions


def _conditions(
    pod: Obj, phase: str, runtime: PodStatus, init: Sequence[Obj], main: Sequence[Obj], now: str
) -> list[Obj]:
    sandbox = any(s.state is SandboxState.READY for s in runtime.sandboxes)
    has_ip = bool(runtime.ips) or bool(spec(pod).get("hostNetwork"))
    fresh = {
        "PodReadyToStartContainers": _true_if(sandbox and has_ip),
        "Initialized": _initialized(pod, phase, init, main),
    }
    fresh["ContainersReady"] = _containers_ready(pod, phase, init, main)
    fresh["Ready"] = _ready(pod, phase, fresh["ContainersReady"])
    return merge_conditions(pod, fresh, now)


def _true_if(value: bool) -> dict[str, Any]:
    return {"status": "True" if value else "False"}


def _false(reason: str, message: str = "") -> dict[str, Any]:
    return {"status": "False", "reason": reason, **({"message": message} if message else {})}


def _initialized(pod: Obj, phase: str, init: Sequence[Obj], main: Sequence[Obj]) -> dict[str, Any]:
    waits = []
    for container, got in zip(init_containers(pod), init, strict=True):
        if not (got["started"] if is_sidecar(container) else got["ready"]):
            waits.append(got["name"])
    if phase == "Succeeded":
        return {"status": "True", "reason": "PodCompleted"}
    begun = any("running" in got["state"] or got["restartCount"] or "terminated" in got["state"] for got in main)
    if waits and not begun:
        return _false("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waits)}]")
    return _true_if(True)


def _containers_ready(pod: Obj, phase: str, init: Sequence[Obj], main: Sequence[Obj]) -> dict[str, Any]:
    if phase == "Succeeded":
        return _false("PodCompleted")
    if phase == "Failed":
        return _false("PodFailed")
    sidecars = {c["name"] for c in init_containers(pod) if is_sidecar(c)}
    counted = [got for got in init if got["name"] in sidecars] + list(main)
    unready = [got["name"] for got in counted if not got["ready"]]
    if unready:
        return _false("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    return _true_if(True)


def _ready(pod: Obj, phase: str, containers_ready: dict[str, Any]) -> dict[str, Any]:
    if containers_ready["status"] != "True":
        return containers_ready
    messages = []
    for gate in spec(pod).get("readinessGates") or ():
        found = condition(pod, gate["conditionType"])
        if found is None:
            messages.append(f'corresponding condition of pod readiness gate "{gate["conditionType"]}" does not exist.')
        elif found.get("status") != "True":
            messages.append(
                f'the status of pod readiness gate "{gate["conditionType"]}" is not "True", but {found["status"]}'
            )
    if messages:
        return _false("ReadinessGatesNotReady", ", ".join(messages))
    return _true_if(True)


def combined(api: Obj, own: Obj | None) -> Obj:
    """The status as the API last said, with what the agent itself has put since: it may not be back yet."""
    if own is None:
        return api
    kept = {key: own[key] for key in FIELDS if key in own}
    mine = [c for c in own.get("conditions") or () if c["type"] in CONDITIONS]
    others = [c for c in api.get("conditions") or () if c["type"] not in CONDITIONS]
    return {**api, **kept, "conditions": [*mine, *others]}


def merge_conditions(pod: Obj, fresh: Mapping[str, dict[str, Any]], now: str) -> list[Obj]:
    """The pod's conditions with ours renewed; the time of a transition stays while the status does."""
    old = {c["type"]: c for c in status(pod).get("conditions") or ()}
    made = []
    for type_, value in fresh.items():
        before = old.get(type_)
        same = before is not None and before.get("status") == value["status"]
        since = before.get("lastTransitionTime") or now if same and before is not None else now
        entry: Obj = {"type": type_, **value, "lastProbeTime": None, "lastTransitionTime": since}
        if generation := pod["metadata"].get("generation"):
            entry["observedGeneration"] = generation
        made.append(entry)
    others = [c for type_, c in old.items() if type_ not in fresh]
    return [*made, *others]
