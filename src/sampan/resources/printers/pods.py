"""Printer of pods: the one status word that sums up phase, containers and deletion."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sampan.api.json import Obj
from sampan.resources.printers.base import AGE, NAME, NONE, Cells, Printer, age, col, condition, meta, name, part, since

POD_COLUMNS = (
    NAME,
    col("Ready", "The aggregate readiness state of this pod for accepting traffic."),
    col("Status", "The aggregate status of the containers in this pod."),
    col(
        "Restarts",
        "The number of times the containers in this pod have been restarted"
        " and when the last container in this pod has restarted.",
    ),
    AGE,
    col("IP", "=core.v1.PodStatus.podIP", wide=True),
    col("Node", "=core.v1.PodSpec.nodeName", wide=True),
    col("Nominated Node", "=core.v1.PodStatus.nominatedNodeName", wide=True),
    col("Readiness Gates", "=core.v1.PodSpec.readinessGates", wide=True),
)
_Status = Mapping[str, Any]


class _Tally(NamedTuple):
    """What a group of containers adds up to."""

    reason: str
    restarts: int
    last: str
    ready: int


def _finished(status: _Status) -> str:
    return str(part(dict(status), "lastState", "terminated", "finishedAt") or "")


def _terminated_reason(state: Mapping[str, Any]) -> str:
    if state.get("reason"):
        return str(state["reason"])
    return f"Signal:{state['signal']}" if state.get("signal") else f"ExitCode:{state.get('exitCode', 0)}"


def _init_reason(status: _Status, index: int, total: int) -> str:
    state = status.get("state") or {}
    if state.get("terminated") is not None:
        return f"Init:{_terminated_reason(state['terminated'])}"
    waiting = (state.get("waiting") or {}).get("reason")
    if waiting and waiting != "PodInitializing":
        return f"Init:{waiting}"
    return f"Init:{index}/{total}"


def _init_tally(pod: Obj) -> tuple[_Tally, _Tally]:
    """Of all init containers up to the one that has not finished; and of the sidecars among them."""
    specs = {one.get("name"): one for one in part(pod, "spec", "initContainers") or ()}
    reason, ready = "", 0
    restarts, last, own_restarts, own_last = 0, "", 0, ""
    for index, status in enumerate(part(pod, "status", "initContainerStatuses") or ()):
        sidecar = (specs.get(status.get("name")) or {}).get("restartPolicy") == "Always"
        restarts, last = restarts + int(status.get("restartCount", 0)), max(last, _finished(status))
        if sidecar:
            own_restarts, own_last = own_restarts + int(status.get("restartCount", 0)), max(own_last, _finished(status))
        terminated = part(status, "state", "terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and status.get("started"):
            ready += bool(status.get("ready"))
            continue
        reason = _init_reason(status, index, len(specs))
        break
    return _Tally(reason, restarts, last, ready), _Tally("", own_restarts, own_last, ready)


def _container_tally(pod: Obj, start: _Tally, reason: str) -> _Tally:
    """Main containers, last to first: the first one's word stays."""
    restarts, last, ready = start.restarts, start.last, start.ready
    running, failed = False, ""
    for status in reversed(part(pod, "status", "containerStatuses") or ()):
        restarts, last = restarts + int(status.get("restartCount", 0)), max(last, _finished(status))
        state = status.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = str(state["waiting"]["reason"])
        elif state.get("terminated") is not None:
            reason = _terminated_reason(state["terminated"])
            failed = reason if state["terminated"].get("exitCode") else failed
        elif status.get("ready") and state.get("running") is not None:
            running, ready = True, ready + 1
    if reason == "Completed":
        is_ready = (condition(part(pod, "status", "conditions"), "Ready") or {}).get("status") == "True"
        if running and is_ready:
            reason = "Running"
        elif failed:
            reason = failed
        elif running:
            reason = "NotReady"
    return _Tally(reason, restarts, last, ready)


def pod_status(pod: Obj) -> _Tally:
    """The word in the STATUS column, restarts, the time of the last one, and how many containers are ready."""
    status = pod.get("status") or {}
    conditions = status.get("conditions")
    reason = str(status.get("reason") or status.get("phase") or "")
    if (condition(conditions, "PodScheduled") or {}).get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    tally, sidecars = _init_tally(pod)
    if not tally.reason or (condition(conditions, "Initialized") or {}).get("status") == "True":
        tally = _container_tally(pod, sidecars, tally.reason or reason)
    if meta(pod).get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            tally = tally._replace(reason="Unknown")
        elif status.get("phase") not in ("Succeeded", "Failed"):
            tally = tally._replace(reason="Terminating")
    return tally


def pod_row(pod: Obj, now: str) -> Cells:
    """Cells of a pod."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    tally = pod_status(pod)
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    total = len(spec.get("containers") or ()) + len(sidecars)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last:
        restarts = f"{tally.restarts} ({since(tally.last, now)} ago)"
    ips = status.get("podIPs") or ()
    return [
        name(pod),
        f"{tally.ready}/{total}",
        tally.reason,
        restarts,
        age(pod, now),
        (ips[0].get("ip") if ips else "") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec.get("readinessGates") or (), status.get("conditions")),
    ]


def _gates(gates: Any, conditions: Any) -> str:
    if not gates:
        return NONE
    true = sum((condition(conditions, gate.get("conditionType")) or {}).get("status") == "True" for gate in gates)
    return f"{true}/{len(gates)}"


POD: Printer = (POD_COLUMNS, pod_row)
