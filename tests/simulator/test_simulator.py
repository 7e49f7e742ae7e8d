"""Simulated nodes in a whole cluster, on virtual time."""

from collections.abc import Callable
from typing import Any

from sampan.api import meta
from sampan.api.names import ObjectRef
from sampan.api.times import parse_time
from sampan.resources.kinds import JOBS, LEASES, NODES, PODS

SILENT = """
apiVersion: sampan.dev/v1alpha1
kind: Stage
metadata: {name: goes-silent}
spec:
  resourceRef: {kind: Node}
  selector: {matchLabels: {kubernetes.io/hostname: node-1}}
  delay: {durationMilliseconds: 20000}
  next: {node: {silent: true}}
"""
FAILS = """
apiVersion: sampan.dev/v1alpha1
kind: Stage
metadata: {name: starts}
spec:
  resourceRef: {kind: Pod}
  selector: {matchExpressions: [{key: .status.startTime, operator: DoesNotExist}]}
  next: {pod: {containers: Running}}
---
apiVersion: sampan.dev/v1alpha1
kind: Stage
metadata: {name: crashes}
spec:
  resourceRef: {kind: Pod}
  selector:
    matchLabels: {crashes: "yes"}
    matchExpressions: [{key: '.status.containerStatuses[].state.running', operator: Exists}]
  delay: {durationMilliseconds: 5000}
  next:
    pod: {containers: CrashLoopBackOff, exitCode: 3}
    event: {type: Warning, reason: BackOff, message: 'Back-off restarting {{ .metadata.name }}'}
---
apiVersion: sampan.dev/v1alpha1
kind: Stage
metadata: {name: starts-again}
spec:
  resourceRef: {kind: Pod}
  selector:
    matchExpressions:
    - {key: '.status.containerStatuses[].state.waiting.reason', operator: In, values: [CrashLoopBackOff]}
  delay: {durationMilliseconds: 10000}
  next: {pod: {containers: Running}}
"""
Start = Callable[..., Any]


def where_ready_is(status: str) -> str:
    """SILENT, for a node whose Ready condition is that."""
    path = '.status.conditions[] | select(.type == "Ready") | .status'
    wanted = f"matchExpressions: [{{key: '{path}', operator: In, values: [{status}]}}]"
    return SILENT.replace("selector: {", f"selector: {{{wanted}, ")


async def test_a_pod_runs_and_goes(start: Start) -> None:
    async with start() as world:
        await world.pod("web")
        await world.until(lambda: is_phase(world, "web", "Running"))
        (pod,) = await world.pods()
        status = pod["status"]
        assert pod["spec"]["nodeName"] in ("node-1", "node-2")
        types = ("PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")
        assert [condition(pod, type_)["status"] for type_ in types] == ["True"] * 5
        assert status["podIP"].startswith("10.244.")
        assert status["podIPs"] == [{"ip": status["podIP"]}]
        assert status["hostIP"] == "127.0.0.1"
        (entry,) = status["containerStatuses"]
        assert (entry["ready"], entry["started"], entry["restartCount"]) == (True, True, 0)
        assert "running" in entry["state"]
        await world.api.delete(ObjectRef(PODS, "default", "web"))
        await world.until(lambda: is_gone(world))


async def test_a_pod_of_a_job_completes(start: Start) -> None:
    async with start() as world:
        template = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}
        job = {"metadata": {"name": "sum", "namespace": "default"}, "spec": {"template": template}}
        await world.api.create(JOBS, job)
        for _ in range(4):
            await world.pass_time(1)
        done = await world.api.get(ObjectRef(JOBS, "default", "sum"))
        assert done["status"]["succeeded"] == 1


async def test_leases_are_renewed_in_turn_and_statuses_reported(start: Start) -> None:
    async with start(nodes=4) as world:
        before = await world.api.get(ObjectRef(NODES, "", "node-3"))
        await world.pass_time(310)
        now = world.clock.now()
        leases = [await world.api.get(ObjectRef(LEASES, "kube-node-lease", f"node-{n}")) for n in (1, 2, 3, 4)]
        ages = [(now - parse_time(lease["spec"]["renewTime"])).total_seconds() for lease in leases]
        assert all(age <= 11 for age in ages)
        assert len(set(ages)) == 4
        after = await world.api.get(ObjectRef(NODES, "", "node-3"))
        assert condition(after, "Ready")["lastTransitionTime"] == condition(before, "Ready")["lastTransitionTime"]
        assert condition(after, "Ready")["lastHeartbeatTime"] > condition(before, "Ready")["lastHeartbeatTime"]


async def test_a_silent_node_is_not_ready_after_50_seconds_and_loses_its_pods(start: Start) -> None:
    async with start(SILENT) as world:
        await world.pod("stays", "node-2")
        await world.pod("goes", "node-1")
        await world.until(lambda: is_phase(world, "goes", "Running"))
        await world.pass_time(60)
        assert await world.ready("node-1") == "True"
        await world.pass_time(22)
        assert (await world.ready("node-1"), await world.ready("node-2")) == ("Unknown", "True")
        await world.pass_time(310, 10)
        going = {pod["metadata"]["name"]: bool(pod["metadata"].get("deletionTimestamp")) for pod in await world.pods()}
        assert going == {"goes": True, "stays": False}  # a node that is silent ends no pods


async def test_a_node_that_is_heard_again_is_ready_and_ends_its_pods(start: Start) -> None:
    back = where_ready_is("Unknown").replace("goes-silent", "is-back").replace("20000", "400000")
    back = back.replace("true", "false")
    once = where_ready_is("'True'")
    async with start(f"{once}---{back}") as world:
        await world.pod("goes", "node-1")
        await world.until(lambda: is_phase(world, "goes", "Running"))
        await world.pass_time(400, 10)
        assert await world.ready("node-1") == "Unknown"
        await world.pass_time(110, 2)
        assert await world.pods() == []


async def test_failure_stages_with_chosen_pods(start: Start) -> None:
    async with start(FAILS) as world:
        await world.pod("good")
        await world.pod("bad", labels={"crashes": "yes"})
        await world.until(lambda: is_phase(world, "bad", "Running"))
        await world.pass_time(6)
        bad, good = await world.pods()
        (entry,) = bad["status"]["containerStatuses"]
        assert (entry["state"]["waiting"]["reason"], entry["lastState"]["terminated"]["exitCode"]) == (
            "CrashLoopBackOff", 3,
        )  # fmt: skip
        assert condition(bad, "Ready")["reason"] == "ContainersNotReady"
        assert condition(good, "Ready")["status"] == "True"
        await world.pass_time(10)
        bad, _ = await world.pods()
        assert bad["status"]["containerStatuses"][0]["restartCount"] == 1
        assert condition(bad, "Ready")["status"] == "True"


def condition(obj: dict[str, Any], type_: str) -> dict[str, Any]:
    """A condition, or an empty one."""
    return meta.condition(obj, type_) or {}


async def is_phase(world: Any, name: str, phase: str) -> bool:
    return bool((await world.phases()).get(name) == phase)


async def is_gone(world: Any) -> bool:
    return not await world.pods()
