"""The pure parts of eviction, by cases in YAML and tables of words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.json import Obj
from sampan.api.quantity import value
from sampan.kubelet.eviction.course import Course, advance
from sampan.kubelet.eviction.ranking import ranked
from sampan.kubelet.eviction.thresholds import RESOURCES, Seen, ThresholdError, configured, observations, thresholds
from sampan.kubelet.eviction.words import has_limits, past_limits, why

CASES = Path(__file__).parents[1] / "cases" / "eviction"
CAPACITY = 2 << 30


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / f"{name}.yaml").read_text())]


@pytest.mark.parametrize("case", cases("course"))
def test_course(case: Obj) -> None:
    given = thresholds(
        case.get("hard") or {}, case.get("soft") or {}, case.get("graces") or {}, case.get("reclaim") or {}
    )
    course = Course()
    for look in case["looks"]:
        seen = {
            signal: Seen(value(look[signal]), CAPACITY, look.get("time", "")) for signal in RESOURCES if signal in look
        }
        course, act = advance(course, given, seen, case["transition"], look["at"])
        assert list(course.conditions) == look["conditions"], look
        assert [one.signal for one in act] == look["act"], look


@pytest.mark.parametrize("case", cases("ranking"))
def test_ranking(case: Obj) -> None:
    resource = RESOURCES[case["signal"]]
    pods, stats = [], {}
    for name, given in case["pods"].items():
        asked = (
            {"memory" if resource == "memory" else "ephemeral-storage": given["request"]} if "request" in given else {}
        )
        pods.append(pod(name, [{"name": "a", "resources": {"requests": asked}}], priority=given["priority"]))
        if "used" in given:
            used = value(given["used"])
            disk = {"usedBytes": used, "inodesUsed": used}
            stats[name] = {
                "memory": {"workingSetBytes": used}, "containers": [{"name": "a", "rootfs": disk}],
                "process_stats": {"process_count": used},
            }  # fmt: skip
    found = ranked(case["signal"], resource, pods, stats, dedicated=False)
    assert [one["metadata"]["name"] for one in found] == case["want"]


def pod(name: str, containers: list[Obj], **spec: Any) -> Obj:
    return {"metadata": {"name": name, "uid": name, "namespace": "x"}, "spec": {"containers": containers, **spec}}


def test_what_counts_where_images_have_their_own_disk() -> None:
    volumes = [
        {"name": "v", "emptyDir": {}},
        {"name": "m", "emptyDir": {"medium": "Memory"}},
        {"name": "s", "secret": {}},
    ]
    both = [pod("layers", [{"name": "a"}]), pod("files", [{"name": "a"}], volumes=volumes)]
    stats: dict[str, Obj] = {
        "layers": {"containers": [{"name": "a", "rootfs": {"usedBytes": 50}, "logs": {"usedBytes": 1}}]},
        "files": {
            "containers": [{"name": "a", "rootfs": {"usedBytes": 1}, "logs": {"usedBytes": 1}}],
            "volume": [
                {"name": "v", "usedBytes": 40},
                {"name": "m", "usedBytes": 999},
                {"name": "s", "usedBytes": 999},
            ],
        },
    }

    def first(signal: str, *, dedicated: bool) -> str:
        return str(ranked(signal, "ephemeral-storage", both, stats, dedicated=dedicated)[0]["metadata"]["name"])

    assert first("nodefs.available", dedicated=False) == "layers"
    assert first("nodefs.available", dedicated=True) == "files"
    assert first("imagefs.available", dedicated=True) == "layers"


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (({"mem": "1Gi"}, {}, {}, {}), "unsupported eviction signal mem"),
        (({"memory.available": "-10%"}, {}, {}, {}),
         "eviction percentage threshold memory.available must be >= 0%: -10%"),
        (({"memory.available": "110%"}, {}, {}, {}),
         "eviction percentage threshold memory.available must be <= 100%: 110%"),
        (({"memory.available": "0"}, {}, {}, {}), "eviction threshold memory.available must be positive: 0"),
        (({"memory.available": "-150Mi"}, {}, {}, {}), "eviction threshold memory.available must be positive: -150Mi"),
        (({}, {"memory.available": "1Gi"}, {}, {}),
         "grace period must be specified for the soft eviction threshold memory.available"),
        (({}, {}, {"memory.available": "-30s"}, {}),
         "invalid eviction grace period specified: -30s, must be a positive value"),
        (({}, {}, {"mem": "30s"}, {}), "unsupported eviction signal mem"),
        (({}, {}, {}, {"memory.available": "-300Mi"}),
         "negative eviction minimum reclaim specified for memory.available"),
        (({}, {}, {}, {"memory.available": "0%"}),
         "eviction percentage minimum reclaim memory.available must be positive: 0%"),
    ],
)  # fmt: skip
def test_thresholds_that_cannot_be(given: tuple[Obj, Obj, Obj, Obj], want: str) -> None:
    with pytest.raises(ThresholdError) as refused:
        thresholds(*given)
    assert str(refused.value) == want


def test_defaults() -> None:
    def signals(**settings: Any) -> set[str]:
        return {one.signal for one in configured(settings)}

    assert len(signals()) == 5
    assert signals(evictionHard={"memory.available": "1Gi"}) == {"memory.available"}
    assert len(signals(evictionHard={"memory.available": "1Gi"}, mergeDefaultEvictionSettings=True)) == 5
    assert signals(evictionHard={"nodefs.available": "0%"}) == set()


def test_observations() -> None:
    disk = {"availableBytes": 1, "capacityBytes": 2, "inodesFree": 3, "inodes": 4}
    node = {
        "memory": {"availableBytes": 10, "workingSetBytes": 5}, "fs": disk, "runtime": {"imageFs": disk},
        "rlimit": {"maxpid": 100, "curproc": 40},
    }  # fmt: skip
    found = observations({"node": node})
    assert {name: (one.available, one.capacity) for name, one in found.items()} == {
        "memory.available": (10, 15), "nodefs.available": (1, 2), "nodefs.inodesFree": (3, 4),
        "imagefs.available": (1, 2), "imagefs.inodesFree": (3, 4), "pid.available": (60, 100),
    }  # fmt: skip
    assert observations({"node": {}}) == {}


def test_words() -> None:
    given = thresholds({"memory.available": "1Gi", "nodefs.available": "10%"}, {}, {}, {})
    asked = {"resources": {"requests": {"memory": "100Mi", "ephemeral-storage": "1Ki"}}}
    one = pod("p", [{"name": "a", **asked}, {"name": "b"}])
    stats: Obj = {"containers": [
        {"name": "a", "memory": {"workingSetBytes": 200 << 20},
         "rootfs": {"usedBytes": 1024}, "logs": {"usedBytes": 1}},
        {"name": "b", "memory": {"workingSetBytes": 0}, "rootfs": {"usedBytes": 1}},
    ]}  # fmt: skip
    seen = {"memory.available": Seen(500 << 20, 2 << 30), "nodefs.available": Seen(1000, 1 << 20)}
    assert why("memory", one, stats, given, seen) == (
        "The node was low on resource: memory. Threshold quantity: 1Gi, available: 500Mi. "
        "Container a was using 200Mi, request is 100Mi, has larger consumption of memory. "
    )
    assert why("ephemeral-storage", one, stats, given, seen) == (
        "The node was low on resource: ephemeral-storage. Threshold quantity: 104857, available: 1k. "
        "Container a was using 1025, request is 1Ki, has larger consumption of ephemeral-storage. "
    )
    assert why("pids", one, None, given, seen) == "The node was low on resource: pids. "


LIMITED = {"name": "a", "resources": {"limits": {"ephemeral-storage": "1Ki"}}}


@pytest.mark.parametrize(
    ("given", "stats", "want"),
    [
        (pod("p", [{"name": "a"}], volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Ki"}}]),
         {"volume": [{"name": "v", "usedBytes": 1025}]}, 'Usage of EmptyDir volume "v" exceeds the limit "1Ki". '),
        (pod("p", [{"name": "a"}], volumes=[{"name": "v", "emptyDir": {"sizeLimit": "1Ki"}}]),
         {"volume": [{"name": "v", "usedBytes": 1024}]}, ""),
        (pod("p", [LIMITED]), {"ephemeral-storage": {"usedBytes": 1025}},
         "Pod ephemeral local storage usage exceeds the total limit of containers 1Ki. "),
        (pod("p", [LIMITED]), {"containers": [{"name": "a", "logs": {"usedBytes": 1000}, "rootfs": {"usedBytes": 30}}]},
         'Container a exceeded its local ephemeral storage limit "1Ki". '),
    ],
)  # fmt: skip
def test_own_limits(given: Obj, stats: Obj, want: str) -> None:
    assert has_limits(given)
    assert past_limits(given, stats, dedicated=False)[1] == want
    if "rootfs" in str(stats):
        assert past_limits(given, stats, dedicated=True) == ("", "")
