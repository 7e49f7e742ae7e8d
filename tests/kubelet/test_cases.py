"""The pure parts of the node agent, by cases in YAML: what a pod is, what the runtime has, and what follows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.json import Obj
from sampan.kubelet.actions import HASH, Health, decide
from sampan.kubelet.container_config import SecurityError, container_config, container_hash
from sampan.kubelet.env import ConfigError, environment
from sampan.kubelet.podspec import every_container
from sampan.kubelet.runtime import Container, ContainerState, PodStatus, Sandbox, SandboxState
from sampan.kubelet.sandbox_config import Dns, sandbox_config
from sampan.kubelet.status import Known, Waiting, pod_status

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE = int((NOW - timedelta(minutes=1)).timestamp() * 1e9)
RUN = re.compile(r"(?P<name>[\w-]+)/(?P<attempt>\d+) (?P<state>\w+)(?: (?P<code>\d+))?(?P<changed> changed)?$")


def cases(folder: str) -> list[Any]:
    """The cases of a folder, named by file and case."""
    found = []
    for path in sorted((CASES / folder).glob("*.yaml")):
        found += [pytest.param(c, id=f"{path.stem}: {c['name']}") for c in yaml.safe_load(path.read_text())]
    assert found, f"no cases in {folder}"
    return found


def pod_of(case: Mapping[str, Any]) -> Obj:
    """The pod; `containers: [a, b]` is short for containers with an image."""
    given = case.get("pod") or {}
    meta = {"name": "p", "namespace": "default", "uid": "u", **(given.get("metadata") or {})}
    wanted = dict(given.get("spec") or {})
    wanted.setdefault("containers", ["a"])
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        wanted[kind] = [{"name": c, "image": "app:1"} if isinstance(c, str) else c for c in wanted.get(kind) or ()]
    return {"metadata": meta, "spec": wanted, "status": given.get("status") or {}}


def runtime_of(case: Mapping[str, Any], pod: Obj) -> PodStatus:
    """`sandboxes: [0 ready, ...]` and `runs: [NAME/ATTEMPT STATE [CODE] [changed], ...]`, each newest last."""
    boxes = []
    for text in case.get("sandboxes", ["0 ready"]):
        attempt, state = text.split()
        ready = SandboxState.READY if state == "ready" else SandboxState.NOTREADY
        own = ("10.0.0.2",) if state == "ready" else ()
        boxes.append(Sandbox(f"box-{attempt}", "u", "p", "default", int(attempt), ready, BEFORE + int(attempt), own))
    wanted = {c["name"]: c for c in every_container(pod)}
    runs = []
    for index, text in enumerate(case.get("runs") or ()):
        match = RUN.match(text)
        assert match, f"not a run: {text}"
        name, attempt, state = match["name"], int(match["attempt"]), ContainerState[match["state"].upper()]
        hash_ = "another" if match["changed"] else container_hash(wanted.get(name, {}))
        code = int(match["code"] or 0)
        runs.append(
            Container(
                f"{name}-{attempt}", boxes[-1].id if boxes else "", name, attempt, state, BEFORE + index,
                BEFORE + index if state is not ContainerState.CREATED else 0,
                BEFORE + index if state is ContainerState.EXITED else 0, code,
                image="app:1", image_ref="sha256:1", annotations={HASH: hash_},
            )
        )  # fmt: skip
    ips: tuple[str, ...] = next((box.ips for box in reversed(boxes) if box.ips), ())
    return PodStatus("u", "p", "default", tuple(reversed(boxes)), tuple(reversed(runs)), ips)


def started_of(case: Mapping[str, Any], runtime: PodStatus) -> frozenset[str]:
    """Running containers are through their startup unless the case says `starting`."""
    running = {c.id for c in runtime.containers if c.state is ContainerState.RUNNING}
    return frozenset(running - set(case.get("starting") or ()))


@pytest.mark.parametrize("case", cases("actions"))
def test_actions(case: Obj) -> None:
    pod = pod_of(case)
    runtime = runtime_of(case, pod)
    found = decide(pod, runtime, Health(case.get("failed") or {}, started_of(case, runtime)))
    shown: Obj = {}
    if found.kill_pod:
        shown["kill_pod"] = True
    if found.kill:
        shown["kill"] = {kill.container.id: kill.message for kill in found.kill}
    if found.create_sandbox:
        shown["sandbox"] = found.attempt
    if found.start:
        shown["start"] = [f"{start.name}/{start.attempt}" for start in found.start]
    assert shown == (case.get("want") or {})
    assert found.nothing is (not case.get("want"))


@pytest.mark.parametrize("case", cases("status"))
def test_status(case: Obj) -> None:
    pod = pod_of(case)
    runtime = runtime_of(case, pod)
    failure = case.get("failure")
    known = Known(
        host_ip="192.0.2.1",
        waiting={name: Waiting(*text.split(": ", 1)) for name, text in (case.get("waiting") or {}).items()},
        unready=frozenset(case.get("unready") or ()),
        started=started_of(case, runtime),
        messages=case.get("messages") or {},
        failure=Waiting(*failure.split(": ", 1)) if failure else None,
        evicted=bool(case.get("evicted")),
        disrupted=case.get("disrupted", ""),
        stopped=bool(case.get("stopped")),
        runtime_name="simulated",
    )
    found = pod_status(pod, runtime, known, NOW)
    want = case["want"]
    shown = {
        "phase": found["phase"],
        "reason": found.get("reason", ""),
        "ready": line(condition(found, "Ready")),
        "containers_ready": line(condition(found, "ContainersReady")),
        "initialized": line(condition(found, "Initialized")),
        "sandbox": line(condition(found, "PodReadyToStartContainers")),
        "containers": {c["name"]: entry(c) for c in _entries(found)},
        "ip": found.get("podIP", ""),
        "disrupted": line(condition(found, "DisruptionTarget")),
        "status": found,
    }
    for key, value in want.items():
        assert_within(shown[key], value, key)


def _entries(found: Obj) -> Iterator[Obj]:
    yield from found.get("initContainerStatuses") or ()
    yield from found["containerStatuses"]
    yield from found.get("ephemeralContainerStatuses") or ()


def condition(found: Obj, type_: str) -> Obj:
    return next((c for c in found["conditions"] if c["type"] == type_), {})


def line(one: Obj) -> str:
    """A condition in one line."""
    parts = [one.get("status", ""), one.get("reason", ""), one.get("message", "")]
    return " ".join(part for part in parts if part)


def entry(one: Obj) -> str:
    """A container status in one line: state, ready, restarts."""
    ((kind, state),) = one["state"].items()
    said = [kind, state.get("reason", ""), str(state["exitCode"]) if "exitCode" in state else ""]
    said += ["ready" if one["ready"] else "", f"x{one['restartCount']}" if one["restartCount"] else ""]
    return " ".join(part for part in said if part)


def assert_within(got: Any, want: Any, at: str) -> None:
    """What the case names is so; what it leaves out may be anything."""
    if isinstance(want, dict):
        for key, value in want.items():
            assert_within((got or {}).get(key), value, f"{at}.{key}")
    else:
        assert got == want, at


@pytest.mark.parametrize("case", cases("env"))
def test_environment(case: Obj) -> None:
    pod = pod_of(case)
    objects = {(o["kind"], "default", o["name"]): {"data": o.get("data") or {}} for o in case.get("objects") or ()}
    node = {"status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}

    def made() -> list[tuple[str, str]]:
        return environment(
            pod, pod["spec"]["containers"][0], ("10.0.0.2", "fd00::2"), "192.0.2.1", node,
            lambda kind, namespace, name: objects.get((kind, namespace, name)), case.get("services") or (),
            case.get("master", ""),
        )  # fmt: skip

    if "error" in case:
        with pytest.raises(ConfigError) as refused:
            made()
        assert str(refused.value) == case["error"]
        return
    assert made() == [(k, v) for pair in case["want"] for k, v in pair.items()]


@pytest.mark.parametrize("case", cases("sandbox_config"))
def test_sandbox_config(case: Obj) -> None:
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in case.get("dns", {}).items()
    }
    dns = Dns(**settings)
    found = asdict(sandbox_config(pod_of(case), case.get("attempt", 0), "/logs", dns))
    assert_within(plain(found), case["want"], "config")


@pytest.mark.parametrize("case", cases("container_config"))
def test_container_config(case: Obj) -> None:
    pod = pod_of(case)
    container, env = pod["spec"]["containers"][0], list((case.get("env") or {}).items())

    def made() -> Any:
        capacity = case.get("capacity", 8 * 2**30)
        return asdict(container_config(pod, container, case.get("attempt", 0), "sha256:1", env, (), capacity))

    if "error" in case:
        with pytest.raises(SecurityError) as refused:
            made()
        assert str(refused.value) == case["error"]
        return
    assert_within(plain(made()), case["want"], "config")


def plain(value: Any) -> Any:
    """Tuples as lists, as YAML has them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value
