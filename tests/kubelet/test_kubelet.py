"""A node agent over a runtime in memory and an API server, on virtual time: pods from their binding to their end."""

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest

from sampan.api.names import ObjectRef
from sampan.api.times import parse_time
from sampan.kubelet.runtime import CriError, SandboxConfig
from sampan.resources.kinds import CONFIGMAPS, LEASES, NODES, PODS, SECRETS

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node, Pods

REF = ObjectRef(PODS, "default", "p")


# -- living


async def test_a_pod_runs(agent: "Node") -> None:
    await agent.create()
    assert await agent.shown() == {"phase": "Running", "ready": "True", "a": "running x0"}
    status = await agent.status()
    assert (status["hostIP"], status["podIP"]) == ("192.0.2.1", "10.0.0.2")
    assert status["containerStatuses"][0]["containerID"].startswith("simulated://")
    assert await agent.runs() == ["a/0 running"]


async def test_a_pod_that_completes(agent: "Node") -> None:
    await agent.create(containers={"a": "sleep 3"}, restartPolicy="Never")
    assert (await agent.shown())["phase"] == "Running"
    await agent.advance(3)
    assert await agent.shown() == {
        "phase": "Succeeded",
        "ready": "False PodCompleted",
        "a": "terminated Completed 0 x0",
    }


async def test_a_pod_that_fails(agent: "Node") -> None:
    await agent.create(containers={"a": "sleep 3; exit 7"}, restartPolicy="Never")
    await agent.advance(3.2)
    assert await agent.shown() == {"phase": "Failed", "ready": "False PodFailed", "a": "terminated Error 7 x0"}


async def restarts(agent: "Node", seconds: float) -> list[float]:
    """Seconds between the restarts of a pod's first container, while this time passes."""
    seen: list[float] = []
    for _ in range(round(seconds * 4)):
        await agent.advance(0.25)
        count = (await agent.status())["containerStatuses"][0]["restartCount"]
        if count > len(seen):
            seen.append(agent.clock.monotonic())
    return [round(after - before) for before, after in pairwise(seen)]


async def test_a_crash_loop_backs_off(agent: "Node") -> None:
    """It runs for one second; the first restart comes at once, then after 10, 20, 40 s."""
    await agent.create(containers={"a": "sleep 1; exit 1"})
    assert await restarts(agent, 80) == [11, 21, 41]
    shown = await agent.shown()
    assert (shown["a"], shown["phase"]) == ("waiting CrashLoopBackOff x4", "Running")
    assert await agent.runs() == ["a/3 exited", "a/4 exited"], "the last run and the one before it are kept"
    assert len(await agent.events("BackOff")) >= 1


async def test_a_container_that_is_killed_runs_again_at_once(agent: "Node") -> None:
    await agent.create()
    (run,) = await agent.simulated.list_containers()
    agent.simulated.kill(run.id)
    await agent.advance(0.5)
    assert await agent.shown() == {"phase": "Running", "ready": "True", "a": "running x1"}
    last = (await agent.status())["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (137, "Error")


async def test_a_sandbox_that_dies_is_replaced(agent: "Node") -> None:
    await agent.create()
    (box,) = await agent.simulated.list_sandboxes()
    await agent.simulated.stop_sandbox(box.id)
    await agent.advance(1)
    assert await agent.shown() == {"phase": "Running", "ready": "True", "a": "running x1"}
    assert (await agent.status())["podIPs"] == [{"ip": "10.0.0.3"}], "only the new address"
    assert await agent.events("SandboxChanged") == [
        "Pod sandbox changed, it will be killed and re-created."
    ]  # fmt: skip


async def test_init_containers_one_after_another(agent: "Node") -> None:
    await agent.create(initContainers={"i": "sleep 5", "j": "sleep 5"})
    assert await agent.runs() == ["i/0 running"]
    shown = await agent.shown()
    assert (shown["phase"], shown["a"], shown["ready"]) == (
        "Pending", "waiting PodInitializing x0", "False ContainersNotReady",
    )  # fmt: skip
    await agent.advance(5)
    assert await agent.runs() == ["i/0 exited", "j/0 running"]
    await agent.advance(5.5)
    assert await agent.runs() == ["i/0 exited", "j/0 exited", "a/0 running"]
    assert (await agent.shown())["ready"] == "True"
    assert agent.condition(await agent.status(), "Initialized") == "True"


async def test_an_init_container_that_fails_runs_again(agent: "Node") -> None:
    await agent.create(initContainers={"i": "sleep 1; exit 1"})
    await agent.advance(1.5)
    shown = await agent.shown()
    assert (shown["phase"], shown["i"]) == ("Pending", "running x1")
    assert (await agent.status()).get("podIP") == "10.0.0.2", "in the same sandbox"


async def test_an_init_container_that_fails_for_good(agent: "Node") -> None:
    await agent.create(initContainers={"i": "sleep 1; exit 1"}, restartPolicy="Never")
    await agent.advance(1.5)
    shown = await agent.shown()
    assert (shown["phase"], shown["i"]) == ("Failed", "terminated Error 1 x0")
    assert await agent.runs() == ["i/0 exited"]


async def test_sidecars_start_first_and_end_last(agent: "Node") -> None:
    sidecar = agent.container("s", restartPolicy="Always")
    await agent.create(initContainers=[sidecar], containers={"a": "sleep 5"}, restartPolicy="Never")
    assert await agent.runs() == ["s/0 running", "a/0 running"]
    assert (await agent.shown())["ready"] == "True"
    await agent.advance(5.5)
    shown = await agent.shown()
    assert (shown["phase"], shown["a"]) == ("Succeeded", "terminated Completed 0 x0")
    assert await agent.runs() == ["s/0 exited", "a/0 exited"]


async def test_readiness_gates(agent: "Node") -> None:
    await agent.create(readinessGates=[{"conditionType": "example.com/lb"}])
    assert (await agent.shown())["ready"] == "False ReadinessGatesNotReady"
    gate = {"type": "example.com/lb", "status": "True"}
    await agent.api.patch(REF, {"status": {"conditions": [gate]}}, "strategic", "status")
    await agent.advance(0.5)
    assert (await agent.shown())["ready"] == "True"
    assert agent.condition(await agent.status(), "example.com/lb") == "True"


async def test_what_a_container_prints_is_its_message(agent: "Node") -> None:
    script = "echo first; echo second; exit 1"
    wanted = agent.container("a", script, terminationMessagePolicy="FallbackToLogsOnError")
    await agent.create(containers=[wanted], restartPolicy="Never")
    await agent.advance(0.5)
    end = (await agent.status())["containerStatuses"][0]["state"]["terminated"]
    assert end["message"] == "first\nsecond\n"


# -- ending


async def test_a_deletion_leaves_nothing(agent: "Node") -> None:
    await agent.create(terminationGracePeriodSeconds=5)
    await agent.api.delete(REF)
    await agent.advance(0.5)
    assert await agent.pod() is None
    assert await agent.runs() == []
    assert await agent.simulated.list_sandboxes() == []
    assert await agent.events("Killing") == ["Stopping container a"]
    assert agent.kubelet is not None
    assert agent.kubelet.pods() == []


async def test_a_deletion_waits_for_the_prestop_hook(agent: "Node") -> None:
    hook = {"preStop": {"exec": {"command": ["sleep", "8"]}}}
    await agent.create(containers=[agent.container("a", lifecycle=hook)], terminationGracePeriodSeconds=20)
    await agent.api.delete(REF)
    await agent.advance(7.5)
    assert await agent.runs() == ["a/0 running"]
    found = await agent.pod()
    assert found is not None
    assert found["metadata"]["deletionTimestamp"]
    await agent.advance(1)
    assert await agent.pod() is None


async def test_a_hook_has_no_longer_than_the_grace(agent: "Node") -> None:
    hook = {"preStop": {"exec": {"command": ["sleep", "100"]}}}
    await agent.create(containers=[agent.container("a", lifecycle=hook)], terminationGracePeriodSeconds=5)
    await agent.api.delete(REF)
    await agent.advance(5.5)
    assert await agent.pod() is None
    assert await agent.events("FailedPreStopHook") == ["PreStopHook failed"]


async def test_a_shorter_grace_does_not_wait_for_the_longer(agent: "Node") -> None:
    hook = {"preStop": {"exec": {"command": ["sleep", "100"]}}}
    await agent.create(containers=[agent.container("a", lifecycle=hook)], terminationGracePeriodSeconds=60)
    await agent.api.delete(REF)
    await agent.advance(5)
    assert await agent.pod() is not None
    await agent.api.delete(REF, grace_seconds=1)
    await agent.advance(2)
    assert await agent.pod() is None
    assert await agent.runs() == []


async def test_a_forced_deletion_ends_the_containers_too(agent: "Node") -> None:
    await agent.create()
    await agent.api.delete(REF, grace_seconds=0)
    assert await agent.pod() is None
    await agent.advance(1)
    assert await agent.runs() == []
    assert await agent.simulated.list_sandboxes() == []


async def test_a_deletion_does_not_wait_for_a_pull(agent: "Node") -> None:
    agent.simulated.fail("image_status", CriError("UNAVAILABLE", "no"), times=1000)
    await agent.create()
    await agent.api.delete(REF)
    await agent.advance(0.5)
    assert await agent.pod() is None


async def test_a_new_pod_of_the_same_name(agent: "Node") -> None:
    await agent.create()
    await agent.api.delete(REF, grace_seconds=0)
    await agent.create()
    await agent.advance(1)
    assert await agent.runs() == ["a/0 running"]
    assert await agent.shown() == {"phase": "Running", "ready": "True", "a": "running x0"}


async def test_a_pod_over_its_deadline(agent: "Node") -> None:
    await agent.create(activeDeadlineSeconds=30, terminationGracePeriodSeconds=5)
    started = parse_time((await agent.status())["startTime"])
    await agent.advance(28)
    assert (await agent.shown())["phase"] == "Running"
    await agent.advance(3.5)
    status = await agent.status()
    assert (status["phase"], status["reason"], status["message"]) == (
        "Failed", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline",
    )  # fmt: skip
    assert agent.condition(status, "Ready") == "False PodFailed"
    end = status["containerStatuses"][0]["state"]["terminated"]
    assert 30 <= (parse_time(end["finishedAt"]) - started).total_seconds() <= 31
    assert await agent.events("DeadlineExceeded") == [
        "Pod was active on the node longer than the specified deadline"
    ]  # fmt: skip
    assert await agent.pod() is not None, "the object stays"


async def test_a_deadline_that_is_set_later(agent: "Node") -> None:
    await agent.create()
    await agent.advance(10)
    await agent.api.patch(REF, {"spec": {"activeDeadlineSeconds": 15}}, "strategic")
    await agent.advance(4)
    assert (await agent.shown())["phase"] == "Running"
    await agent.advance(2)
    assert (await agent.shown())["phase"] == "Failed"


async def test_never_ready_with_a_terminal_phase(agent: "Node") -> None:
    """Every version that the API has ever shown."""
    hook = {"preStop": {"exec": {"command": ["sleep", "3"]}}}
    assert agent.informers is not None
    seen: list[dict[str, Any]] = []

    def note(delta: Any) -> None:
        if delta.new is not None:
            seen.append(delta.new.get("status") or {})

    agent.informers.of(PODS).subscribe(note)
    await agent.create("late", containers=[agent.container("a", lifecycle=hook)], activeDeadlineSeconds=2)
    await agent.create("done", containers={"a": "sleep 1"}, restartPolicy="Never")
    await agent.create("bad", containers={"a": "sleep 1; exit 1", "b": ""}, restartPolicy="Never")
    await agent.advance(10)
    await agent.api.delete(ObjectRef(PODS, "default", "bad"))
    await agent.advance(10)
    terminal = [status for status in seen if status.get("phase") in ("Succeeded", "Failed")]
    assert terminal
    for status in terminal:
        assert agent.condition(status, "Ready").startswith("False")
        assert agent.condition(status, "ContainersReady").startswith("False")


# -- what a pod needs


async def test_a_secret_that_comes_later(agent: "Node") -> None:
    env = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    await agent.create(containers=[agent.container("a", env=env)])
    status = await agent.status()
    assert status["containerStatuses"][0]["state"]["waiting"] == {
        "reason": "CreateContainerConfigError", "message": 'secret "s" not found',
    }  # fmt: skip
    assert (await agent.shown())["phase"] == "Pending"
    await agent.api.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}, "data": {"k": "eA=="}})
    await agent.advance(12)
    assert (await agent.shown())["a"] == "running x0"


async def test_a_volume_that_comes_later(agent: "Node") -> None:
    volumes = [{"name": "v", "configMap": {"name": "m"}}]
    wanted = agent.container("a", volumeMounts=[{"name": "v", "mountPath": "/v"}])
    await agent.create(containers=[wanted], volumes=volumes)
    assert (await agent.shown())["a"] == "waiting ContainerCreating x0"
    assert await agent.simulated.list_sandboxes() == []
    assert any('configmap "m" not found' in text for text in await agent.events("FailedMount"))
    await agent.api.create(CONFIGMAPS, {"metadata": {"name": "m", "namespace": "default"}, "data": {"k": "x"}})
    await agent.advance(60)
    assert (await agent.shown())["a"] == "running x0"
    files = list(agent.root.glob("pods/*/volumes/*/v/k"))
    assert [file.read_text() for file in files] == ["x"]


async def test_an_image_that_cannot_be_pulled_and_then_can(agent: "Node") -> None:
    agent.simulated.fail("pull_image", CriError("NOT_FOUND", "no such image"), times=2)
    await agent.create(containers=[agent.container("a", imagePullPolicy="Always")])
    waiting = (await agent.status())["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {
        "reason": "ImagePullBackOff",
        "message": 'Back-off pulling image "registry.example/app:1": ErrImagePull: no such image',
    }
    assert (await agent.shown())["phase"] == "Pending"
    await agent.advance(29)
    assert (await agent.shown())["a"] == "waiting ImagePullBackOff x0"
    await agent.advance(11)
    assert (await agent.shown())["ready"] == "True"
    pulled = [text for text in await agent.events("Pulled") if text.startswith("Successfully")]
    assert len(pulled) == 1


async def test_an_image_that_may_not_be_pulled(agent: "Node") -> None:
    await agent.simulated.remove_image("registry.example/app:1")
    await agent.create(containers=[agent.container("a", imagePullPolicy="Never")])
    assert (await agent.shown())["a"] == "waiting ErrImageNeverPull x0"
    assert (await agent.status())["phase"] == "Pending"


async def test_a_runtime_that_fails_is_tried_again(agent: "Node") -> None:
    agent.simulated.fail("run_sandbox", CriError("UNKNOWN", "no addresses"), times=2)
    await agent.create()
    assert (await agent.shown())["phase"] == "Pending"
    assert await agent.events("FailedCreatePodSandBox") == ["Failed to create pod sandbox: no addresses"]
    await agent.advance(10)
    assert (await agent.shown())["ready"] == "True"
    assert await agent.runs() == ["a/0 running"]


async def test_a_bug_does_not_lose_the_pod(agent: "Node") -> None:
    agent.simulated.fail("create_container", cast(CriError, ZeroDivisionError("a bug")), times=2)
    await agent.create()
    assert (await agent.shown())["phase"] == "Pending"
    await agent.advance(10)
    assert (await agent.shown())["ready"] == "True"


async def test_a_container_that_cannot_start(agent: "Node") -> None:
    agent.simulated.fail("start_container", CriError("UNKNOWN", "exec: no such file"), times=2)
    await agent.create()
    assert (await agent.shown())["a"] == "waiting CrashLoopBackOff x1"
    assert await agent.events("Failed") == ["Error: exec: no such file"]
    await agent.advance(10)
    assert (await agent.shown())["a"] == "running x2"
    last = (await agent.status())["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (128, "StartError")


# -- the agent goes and comes


async def test_a_restarted_agent_takes_its_pods_up_again(agent: "Node") -> None:
    await agent.create("p", containers={"a": "sleep 1000"})
    await agent.create("q", containers={"a": "sleep 5"}, restartPolicy="Never")
    before = await agent.status()
    await agent.stop()
    await agent.advance(60)
    await agent.start()
    await agent.advance(1)
    assert await agent.runs() == ["a/0 running", "a/0 exited"]
    after = await agent.status()
    assert after["containerStatuses"] == before["containerStatuses"]
    assert after["conditions"] == before["conditions"], "it was ready all the time"
    assert (await agent.shown("q"))["phase"] == "Succeeded"


async def test_a_restarted_agent_does_not_make_its_pods_unready(agent: "Node") -> None:
    probe = {"exec": {"command": ["true"]}, "initialDelaySeconds": 5, "periodSeconds": 5}
    await agent.create(containers=[agent.container("a", readinessProbe=probe, startupProbe=probe)])
    await agent.advance(20)
    before = await agent.status()
    assert agent.condition(before, "Ready") == "True"
    await agent.stop()
    await agent.start()
    for _ in range(20):
        await agent.advance(0.5)
        assert (await agent.status())["conditions"] == before["conditions"]


async def test_what_was_deleted_meanwhile_is_ended(agent: "Node") -> None:
    await agent.create()
    await agent.stop()
    await agent.api.delete(REF, grace_seconds=0)
    await agent.start()
    await agent.advance(2)
    assert await agent.runs() == []
    assert await agent.simulated.list_sandboxes() == []
    assert list((agent.root / "pods").glob("*")) == []


async def test_what_was_asked_to_end_meanwhile_ends(agent: "Node") -> None:
    await agent.create()
    await agent.stop()
    await agent.api.delete(REF)
    await agent.start()
    await agent.advance(2)
    assert await agent.pod() is None
    assert await agent.runs() == []


async def test_orphans_are_ended_and_strangers_left_alone(node: "Node", pods: "Pods") -> None:
    ours = SandboxConfig("lost", "lost", "default", 0, labels={"dev.sampan.cluster": "ours"})
    other = SandboxConfig("other", "other", "default", 0, labels={"dev.sampan.cluster": "theirs"})
    none = SandboxConfig("none", "none", "default", 0)
    boxes = [await node.simulated.run_sandbox(config) for config in (ours, other, none)]
    for uid, box in zip(("lost", "other", "none"), boxes, strict=True):
        await pods.run(uid, box, uid)
    await node.start()
    await node.advance(2)
    assert [s.id for s in await node.simulated.list_sandboxes()] == boxes[1:]
    assert await node.runs() == ["other/0 running", "none/0 running"]


@pytest.mark.parametrize("faults", ["break", "unimplemented"])
async def test_no_container_runs_twice_whatever_the_stream_does(agent: "Node", faults: str) -> None:
    if faults == "unimplemented":
        agent.simulated.fail("events", CriError("UNIMPLEMENTED", "unknown method"))
        agent.simulated.break_streams()
    for number in range(5):
        await agent.create(f"p{number}", containers={"a": f"sleep {number + 1}; exit 1", "b": ""})
    twice: list[str] = []
    for step in range(60):
        if faults == "break" and step % 7 == 0:
            agent.simulated.break_streams()
        await agent.advance(0.5)
        running = [(c.sandbox_id, c.name) for c in await agent.simulated.list_containers() if c.state == 1]
        twice += [name for _, name in running if running.count((_, name)) > 1]
    assert twice == []
    for number in range(5):
        assert (await agent.shown(f"p{number}"))["b"] == "running x0"


# -- the node itself


async def test_the_node_says_that_it_is_ready(agent: "Node") -> None:
    found = await agent.api.get(ObjectRef(NODES, "", "n1"))
    assert agent.condition(found["status"], "Ready") == "True KubeletReady"
    assert found["status"]["capacity"]["memory"] == "8Gi"
    lease = await agent.api.get(ObjectRef(LEASES, "kube-node-lease", "n1"))
    first = parse_time(lease["spec"]["renewTime"])
    await agent.advance(25)
    lease = await agent.api.get(ObjectRef(LEASES, "kube-node-lease", "n1"))
    assert (parse_time(lease["spec"]["renewTime"]) - first).total_seconds() >= 20


async def test_what_others_say_of_the_node_is_put_right(agent: "Node") -> None:
    """The node controller calls it Unknown when leases come late."""
    ready = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
    other = {"type": "example.com/disk", "status": "True"}
    node = ObjectRef(NODES, "", "n1")
    await agent.api.patch(node, {"status": {"conditions": [ready, other]}}, "strategic", "status")
    await agent.advance(11)
    found = await agent.api.get(node)
    assert agent.condition(found["status"], "Ready") == "True KubeletReady"
    assert agent.condition(found["status"], "example.com/disk") == "True"


async def test_a_quiet_node_reports_every_five_minutes(agent: "Node") -> None:
    node = ObjectRef(NODES, "", "n1")
    await agent.advance(11)
    first = (await agent.api.get(node))["metadata"]["resourceVersion"]
    await agent.advance(200)
    assert (await agent.api.get(node))["metadata"]["resourceVersion"] == first
    await agent.advance(110)
    assert (await agent.api.get(node))["metadata"]["resourceVersion"] != first


async def test_a_node_that_is_deleted_comes_back(agent: "Node") -> None:
    node = ObjectRef(NODES, "", "n1")
    await agent.api.delete(node)
    await agent.advance(11)
    assert agent.condition((await agent.api.get(node))["status"], "Ready") == "True KubeletReady"


async def test_a_runtime_that_is_down_makes_the_node_unready(agent: "Node") -> None:
    agent.simulated.fail("status", CriError("UNAVAILABLE", "no socket"), times=1000)
    await agent.advance(60)
    found = await agent.api.get(ObjectRef(NODES, "", "n1"))
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "KubeletNotReady")
    assert "container runtime is down: no socket" in ready["message"]
    assert isinstance(parse_time(ready["lastHeartbeatTime"]), datetime)


# -- probes


async def test_a_liveness_probe_that_fails_restarts_the_container(agent: "Node") -> None:
    probe = {"exec": {"command": ["sh", "-c", "exit 1"]}, "periodSeconds": 5, "failureThreshold": 2}
    await agent.create(containers=[agent.container("a", livenessProbe=probe)], terminationGracePeriodSeconds=1)
    await agent.advance(4)
    assert await agent.runs() == ["a/0 running"]
    await agent.advance(2)
    assert await agent.runs() == ["a/0 exited", "a/1 running"]
    assert "Container a failed liveness probe, will be restarted" in await agent.events("Killing")
    assert (await agent.events("Unhealthy"))[0].startswith("Liveness probe failed")


async def test_a_readiness_probe_that_fails_keeps_the_pod_unready(agent: "Node") -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    await agent.create(containers=[agent.container("a", readinessProbe=probe)])
    await agent.advance(10)
    assert await agent.shown() == {"phase": "Running", "ready": "False ContainersNotReady", "a": "running x0"}


async def test_a_startup_probe_holds_the_pod_back(agent: "Node") -> None:
    probe = {"exec": {"command": ["true"]}, "initialDelaySeconds": 5}
    await agent.create(containers=[agent.container("a", startupProbe=probe)])
    assert (await agent.shown())["ready"] == "False ContainersNotReady"
    assert (await agent.status())["containerStatuses"][0]["started"] is False
    await agent.advance(6)
    assert (await agent.shown())["ready"] == "True"
    assert (await agent.status())["containerStatuses"][0]["started"] is True


async def test_a_poststart_hook_that_fails_ends_the_container(agent: "Node") -> None:
    hook = {"postStart": {"exec": {"command": ["false"]}}}
    await agent.create(containers=[agent.container("a", lifecycle=hook)], terminationGracePeriodSeconds=1)
    await agent.advance(1)
    assert (await agent.shown())["a"] == "waiting CrashLoopBackOff x1"
    assert "PostStartHook failed" in await agent.events("FailedPostStartHook")


async def test_an_image_that_is_changed_restarts_the_container(agent: "Node") -> None:
    await agent.create(containers=[agent.container("a"), agent.container("b")], terminationGracePeriodSeconds=1)
    change = {"spec": {"containers": [{"name": "a", "image": "app:2"}]}}
    await agent.api.patch(REF, change, "strategic")
    await agent.advance(1)
    assert await agent.runs() == ["a/0 exited", "b/0 running", "a/1 running"]
    shown = {c["name"]: c["image"] for c in (await agent.status())["containerStatuses"]}
    assert shown == {"a": "app:2", "b": "registry.example/app:1"}
