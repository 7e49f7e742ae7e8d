"""A simulated pod's status: its containers run, have ended, or fail again and again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.simulator.stage import Containers

RUNTIME = "simulated"
TRUE = {"status": "True"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod is: addresses, and the time as the API writes it."""

    host_ip: str
    pod_ip: str
    now: str


def pod_status(pod: Obj, change: Containers, place: Place) -> Obj:
    """The patch of `status` that the change makes; strategic, so conditions of others stay."""
    spec, before = pod["spec"], pod.get("status") or {}
    begun = before.get("startTime") or place.now
    main = [_entry(pod, c, "containerStatuses", change, place) for c in spec.get("containers") or ()]
    init = [_initial(pod, c, change, place) for c in spec.get("initContainers") or ()]
    phase = _phase(main, change)
    conditions = _conditions(pod, phase, main)
    made: Obj = {
        "phase": phase,
        "conditions": [_condition(pod, type_, value, place.now) for type_, value in conditions.items()],
        "hostIP": place.host_ip,
        "hostIPs": [{"ip": place.host_ip}],
        "startTime": begun,
        "containerStatuses": main,
    }
    if place.pod_ip:
        made |= {"podIP": place.pod_ip, "podIPs": [{"ip": place.pod_ip}]}
    if init:
        made["initContainerStatuses"] = init
    if generation := pod["metadata"].get("generation"):
        made["observedGeneration"] = generation
    return made


def _phase(main: list[Obj], change: Containers) -> str:
    if change.state in ("Running", "CrashLoopBackOff"):
        return "Running"
    ends = [entry["state"].get("terminated") for entry in main]
    if any(end is None for end in ends):
        return "Running"
    return "Succeeded" if all(not end["exitCode"] for end in ends if end) else "Failed"


def _old(pod: Obj, field: str, name: str) -> Obj:
    entries = (pod.get("status") or {}).get(field) or ()
    return next((entry for entry in entries if entry["name"] == name), {})


def _base(pod: Obj, container: Obj, old: Obj, attempt: int) -> Obj:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": container.get("image", ""),
        "containerID": f"{RUNTIME}://{pod['metadata']['uid']}-{container['name']}-{attempt}",
        "restartCount": attempt,
        "lastState": old.get("lastState") or {},
    }


def _entry(pod: Obj, container: Obj, field: str, change: Containers, place: Place) -> Obj:
    """The status of one container."""
    old = _old(pod, field, container["name"])
    attempt = int(old.get("restartCount") or 0)
    concerned = not change.container or change.container == container["name"]
    state = old.get("state") or {}
    if not concerned and "terminated" in state:
        return old
    if change.state == "Running" or not concerned:
        if "running" in state:
            return old
        again = "terminated" in state or "terminated" in (old.get("lastState") or {})
        base = _base(pod, container, old, attempt + (1 if again else 0))
        if "terminated" in state:
            base["lastState"] = state
        return {**base, "ready": True, "started": True, "state": {"running": {"startedAt": place.now}}}
    base = _base(pod, container, old, attempt)
    end = {
        "exitCode": 0 if change.state == "Succeeded" else change.exit_code or 1,
        "reason": change.reason or ("Completed" if change.state == "Succeeded" else "Error"),
        **({"message": change.message} if change.message else {}),
        "startedAt": (state.get("running") or {}).get("startedAt") or place.now,
        "finishedAt": place.now,
        "containerID": base["containerID"],
    }
    if change.state == "CrashLoopBackOff":
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        end["reason"] = change.reason or "Error"
        said = f"back-off 10s restarting failed container={container['name']} pod={name}_{namespace}"
        said += f"({pod['metadata']['uid']})"
        waiting = {"reason": "CrashLoopBackOff", "message": said}
        state = {"waiting": waiting}
        return {**base, "ready": False, "started": False, "state": state, "lastState": {"terminated": end}}
    return {**base, "ready": False, "started": False, "state": {"terminated": end}}


def _initial(pod: Obj, container: Obj, change: Containers, place: Place) -> Obj:
    """The status of an init container: it has succeeded, or runs beside the others."""
    old = _old(pod, "initContainerStatuses", container["name"])
    if container.get("restartPolicy") == "Always":
        ends = change.state in ("Succeeded", "Failed") and not change.container
        return _entry(pod, container, "initContainerStatuses", Containers("Succeeded" if ends else "Running"), place)
    if "terminated" in (old.get("state") or {}):
        return old
    made = _entry(pod, container, "initContainerStatuses", Containers("Succeeded"), place)
    return {**made, "ready": True}


def _conditions(pod: Obj, phase: str, main: list[Obj]) -> dict[str, Mapping[str, Any]]:
    ends = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase)
    unready = [entry["name"] for entry in main if not entry["ready"]]
    ready: Mapping[str, Any] = TRUE
    if ends:
        ready = {"status": "False", "reason": ends}
    elif unready:
        said = f"containers with unready status: [{' '.join(unready)}]"
        ready = {"status": "False", "reason": "ContainersNotReady", "message": said}
    return {
        "PodReadyToStartContainers": {"status": "False"} if ends else TRUE,
        "Initialized": {"status": "True", "reason": "PodCompleted"} if phase == "Succeeded" else TRUE,
        "ContainersReady": ready,
        "Ready": ready if ready is not TRUE else _gates(pod),
    }


def _gates(pod: Obj) -> Mapping[str, Any]:
    """Ready, unless a readiness gate is closed."""
    gates = pod["spec"].get("readinessGates")
    if not gates:
        return TRUE
    have = {c["type"]: c.get("status") for c in (pod.get("status") or {}).get("conditions") or ()}
    said = []
    for gate in gates:
        type_ = gate["conditionType"]
        if type_ not in have:
            said.append(f'corresponding condition of pod readiness gate "{type_}" does not exist.')
        elif have[type_] != "True":
            said.append(f'the status of pod readiness gate "{type_}" is not "True", but {have[type_]}')
    return {"status": "False", "reason": "ReadinessGatesNotReady", "message": ", ".join(said)} if said else TRUE


def _condition(pod: Obj, type_: str, value: Mapping[str, Any], now: str) -> Obj:
    """A condition; the time of its transition stays while its status does."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    before = next((c for c in conditions if c["type"] == type_), None)
    since = now
    if before is not None and before.get("status") == value["status"]:
        since = before.get("lastTransitionTime") or now
    made: Obj = {"type": type_, **value, "lastTransitionTime": since}
    if generation := pod["metadata"].get("generation"):
        made["observedGeneration"] = generation
    if before is not None:
        made |= {key: None for key in ("reason", "message") if key in before and key not in value}
    return made
