"""Tables against those of a real 1.36 API server."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sampan.api import json
from sampan.api.resource import Resource
from sampan.resources.build import builtin_resources
from sampan.resources.printers.base import human_duration, selector_text

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "tables-1.36.json").read_bytes())
RESOURCES = {f"{one.mapping.api_version} {one.mapping.plural}": one for one in builtin_resources("1.36")}
NOW = "2026-01-01T00:00:00Z"


def shown(resource: Resource, obj: dict[str, Any]) -> list[object]:
    assert resource.rows is not None
    text = json.dumps(obj).decode().replace("<time>", NOW).replace("<microtime>", NOW)
    return resource.rows(json.loads(text), NOW)


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_columns_are_upstreams(kind: str) -> None:
    columns = [
        [one.name, one.type, one.format, one.priority, sha256(one.description.encode()).hexdigest()[:12]]
        for one in RESOURCES[kind].columns
    ]
    assert columns == GOLDEN[kind]["columns"]


@pytest.mark.parametrize("kind", sorted(kind for kind in GOLDEN if GOLDEN[kind]["rows"]))
def test_rows_are_upstreams(kind: str) -> None:
    for row in GOLDEN[kind]["rows"]:
        cells = shown(RESOURCES[kind], row["object"])
        assert len(cells) == len(row["cells"])
        for cell, wanted in zip(cells, row["cells"], strict=True):
            if wanted == "<age>":  # the objects were made just before they were printed
                assert cell == "0s"
            elif wanted == "<time>":
                assert cell == NOW
            elif cell == "<ip>":  # masked in the recorded object, not in the recorded cell
                assert re.fullmatch(r"10\.96\.\d+\.\d+", wanted)
            elif not re.fullmatch(r"\d+y\d+d", str(wanted)):  # a recorded age of an old time
                assert cell == wanted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (600, "10m"),
        (10_799, "179m"), (10_800, "3h"), (11_100, "3h5m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"),
        (180_000, "2d2h"), (691_200, "8d"), (63_072_000, "2y"), (63_158_400, "2y1d"), (252_288_000, "8y"),
    ],
)  # fmt: skip
def test_human_duration(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def pod(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    containers = {"containers": [{"name": "a"}, {"name": "b"}]}
    return {"metadata": {"name": "x", "creationTimestamp": NOW}, "spec": containers | spec, "status": status}


def container(name: str, state: dict[str, Any], ready: bool = False, restarts: int = 0) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": ready, "restartCount": restarts}


RUNNING = {"running": {"startedAt": NOW}}


@pytest.mark.parametrize(
    ("obj", "wanted"),
    [
        (pod({"phase": "Pending"}), ["0/2", "Pending", "0"]),
        (
            pod({"phase": "Running", "containerStatuses": [container("a", RUNNING, True), container("b", RUNNING)]}),
            ["1/2", "Running", "0"],
        ),
        (
            pod(
                {
                    "phase": "Running",
                    "containerStatuses": [
                        container("a", {"waiting": {"reason": "CrashLoopBackOff"}}, restarts=3),
                        container("b", RUNNING, True),
                    ],
                }
            ),
            ["1/2", "CrashLoopBackOff", "3"],
        ),
        (
            pod({"phase": "Failed", "containerStatuses": [container("a", {"terminated": {"exitCode": 3}})]}),
            ["0/2", "ExitCode:3", "0"],
        ),
        (
            pod(
                {
                    "phase": "Pending",
                    "initContainerStatuses": [container("i", {"waiting": {"reason": "PodInitializing"}})],
                },
                initContainers=[{"name": "i"}],
            ),
            ["0/2", "Init:0/1", "0"],
        ),
        (
            pod(
                {"phase": "Pending", "initContainerStatuses": [container("i", {"terminated": {"exitCode": 1}})]},
                initContainers=[{"name": "i"}],
            ),
            ["0/2", "Init:ExitCode:1", "0"],
        ),
        (
            pod({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            ["0/2", "SchedulingGated", "0"],
        ),
    ],
)
def test_pod_status_word(obj: dict[str, Any], wanted: list[str]) -> None:
    assert shown(RESOURCES["v1 pods"], obj)[1:4] == wanted


def test_deleted_pod_is_terminating_until_it_is_done() -> None:
    going = pod({"phase": "Running"})
    going["metadata"]["deletionTimestamp"] = NOW
    assert shown(RESOURCES["v1 pods"], going)[2] == "Terminating"
    done = pod({"phase": "Succeeded"})
    done["metadata"]["deletionTimestamp"] = NOW
    assert shown(RESOURCES["v1 pods"], done)[2] == "Succeeded"


def test_selector_text_orders_by_key() -> None:
    selector = {
        "matchLabels": {"b": "1"},
        "matchExpressions": [
            {"key": "c", "operator": "Exists"},
            {"key": "a", "operator": "NotIn", "values": ["z", "y"]},
            {"key": "d", "operator": "DoesNotExist"},
        ],
    }
    assert selector_text(selector) == "a notin (y,z),b=1,c,!d"


def test_every_served_kind_has_columns_that_fit_its_rows() -> None:
    for resource in builtin_resources("1.37"):
        obj = {"apiVersion": resource.mapping.api_version, "metadata": {"name": "x"}}
        cells = shown(resource, obj)
        extra = 1 if resource.mapping.kind == "IPAddress" else 0  # upstream prints an age without a column
        assert len(cells) == len(resource.columns) + extra, resource.mapping
