"""Cgroups of pods: names, limits, both versions, both drivers; removed when they are empty."""

from pathlib import Path
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.kubelet.cgroups import Limits, PodCgroups, limits_of, parent_of, widest
from sampan.kubelet.cri.convert import cgroup_driver


def pod(qos: str = "Burstable", *containers: Obj, **more: Any) -> Obj:
    named = [{"name": f"c{n}", "resources": c} for n, c in enumerate(containers or ({},))]
    meta = {"name": "p", "uid": "12-34"}
    return {"metadata": meta, "spec": {"containers": named, **more}, "status": {"qosClass": qos}}


FULL = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
HALF = {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}}


@pytest.mark.parametrize(
    ("qos", "driver", "want"),
    [
        ("Guaranteed", "cgroupfs", "/kubepods/pod12-34"),
        ("Burstable", "cgroupfs", "/kubepods/burstable/pod12-34"),
        ("BestEffort", "cgroupfs", "/kubepods/besteffort/pod12-34"),
        ("Guaranteed", "systemd", "kubepods-pod12_34.slice"),
        ("Burstable", "systemd", "kubepods-burstable-pod12_34.slice"),
    ],
)
def test_names(qos: str, driver: Any, want: str) -> None:
    assert parent_of(pod(qos), driver) == want


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (pod("BestEffort"), Limits(2)),
        (pod("Burstable", FULL, FULL), Limits(2048, 400_000, 4 << 30)),
        (pod("Burstable", FULL, HALF), Limits(1536, None, 3 << 30)),
        (pod("Burstable", FULL, {}), Limits(1024)),
        (pod("Burstable", {}, resources={"requests": {"cpu": "1"}, "limits": {"cpu": "4"}}), Limits(1024, 400_000)),
        (pod("Guaranteed", {"requests": {"cpu": "1m"}, "limits": {"cpu": "1m"}}), Limits(2, 1000)),
        (pod("Burstable", HALF, overhead={"cpu": "250m", "memory": "1Mi"}), Limits(768, None, (1 << 30) + (1 << 20))),
    ],
)
def test_limits(given: Obj, want: Limits) -> None:
    assert limits_of(given) == want


def test_what_holds_while_containers_are_resized() -> None:
    assert widest(Limits(2, 1, None), Limits(1, 5, 7)) == Limits(2, 5, None)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A file system like cgroup v1's."""
    for name in ("cpu", "memory", "pids"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_version_1(first: Path) -> None:
    cgroups = PodCgroups(mount=first)
    assert cgroups.usable
    cgroups.set_up(pod("Burstable", FULL))
    below = first / "cpu" / "kubepods" / "burstable" / "pod12-34"
    assert {f.name: f.read_text() for f in below.iterdir()} == {
        "cpu.shares": "1024", "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "200000",
    }  # fmt: skip
    memory = first / "memory" / "kubepods" / "burstable" / "pod12-34" / "memory.limit_in_bytes"
    assert memory.read_text() == str(2 << 30)
    cgroups.set_up(pod("Burstable", FULL), Limits(10))
    assert (below / "cpu.cfs_quota_us").read_text() == "-1"


def test_best_effort_pods_share_the_least(first: Path) -> None:
    PodCgroups(mount=first).set_up(pod("BestEffort"))
    assert (first / "cpu" / "kubepods" / "besteffort" / "cpu.shares").read_text() == "2"


def test_version_2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    cgroups = PodCgroups(mount=tmp_path)
    cgroups.set_up(pod("Burstable", FULL))
    below = tmp_path / "kubepods" / "burstable" / "pod12-34"
    assert {f.name: f.read_text() for f in below.iterdir()} == {
        "cpu.weight": "39", "cpu.max": "200000 100000", "memory.max": str(2 << 30),
    }  # fmt: skip
    for above in (tmp_path, tmp_path / "kubepods", tmp_path / "kubepods" / "burstable"):
        assert (above / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_slices_of_systemd(first: Path) -> None:
    cgroups = PodCgroups("systemd", first)
    cgroups.set_up(pod("Burstable", FULL))
    path = first / "cpu/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice/cpu.shares"
    assert path.read_text() == "1024"


def test_the_last_pod_takes_all_with_it(first: Path) -> None:
    cgroups = PodCgroups(mount=first)
    for hierarchy in ("cpu", "memory", "pids"):
        (first / hierarchy / "kubepods" / "burstable" / "pod12-34" / "left").mkdir(parents=True)
        (first / hierarchy / "kubepods" / "burstable" / "pod2").mkdir()
    cgroups.remove("12-34")
    assert [f.name for f in (first / "pids" / "kubepods" / "burstable").iterdir()] == ["pod2"]
    cgroups.remove("2")
    assert [f.name for f in first.rglob("*")] == ["cpu", "memory", "pids"] or not list((first / "cpu").iterdir())


def test_where_there_are_none(tmp_path: Path) -> None:
    assert not PodCgroups(mount=tmp_path).usable


@pytest.mark.parametrize(
    ("config", "want"),
    [
        ('{"containerd":{"runtimes":{"runc":{"options":{"SystemdCgroup":true}}}}}', "systemd"),
        ('{"containerd":{"runtimes":{"runc":{"options":{}}}}}', "cgroupfs"),
        ('{"containerd":{"defaultRuntimeName":"kata","runtimes":{"kata":{}}}}', "cgroupfs"),
        ("{}", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_driver_of_containerd_1(config: str, want: str) -> None:
    assert cgroup_driver(config) == want
