"""Allocations of devices as YAML, and how a claim's status tells them."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.json import Obj
from sampan.scheduler.devices.allocator import Market, Taken
from sampan.scheduler.devices.pools import DeviceId, Slices, quantity
from sampan.scheduler.devices.requests import AllocationFailed
from sampan.scheduler.snapshot import NodeInfo, read_node

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())


def slice_of(given: dict[str, Any], index: int) -> Obj:
    """A ResourceSlice of a case."""
    rows = [{"name": name, **device} for name, device in (given.get("devices") or {}).items()]
    pool = {
        "name": given.get("pool", "pool"), "generation": given.get("generation", 1),
        "resourceSliceCount": given.get("count", 1),
    }  # fmt: skip
    spec: Obj = {"driver": given.get("driver", "driver"), "pool": pool, "devices": rows}
    node = given.get("node", "n")
    spec |= {"allNodes": True} if node == "all" else {"nodeName": node} if node else {}
    if "counters" in given:
        spec["sharedCounters"] = [
            {"name": name, "counters": {key: {"value": value} for key, value in counters.items()}}
            for name, counters in given["counters"].items()
        ]
    if given.get("perDeviceNodeSelection"):
        spec["perDeviceNodeSelection"] = True
    return {"metadata": {"name": given.get("name", f"s{index}")}, "spec": spec}


def request_of(given: dict[str, Any]) -> Obj:
    """A request of a case: exactly, or alternatives."""
    if "first" in given:
        return {"name": given["name"], "firstAvailable": [_spec(one) for one in given["first"]]}
    spec = _spec(given)
    return {"name": spec.pop("name"), "exactly": spec}


def _spec(given: dict[str, Any]) -> Obj:
    spec = {"deviceClassName": "class", **given}
    if "select" in spec:
        spec["selectors"] = [{"cel": {"expression": spec.pop("select")}}]
    return spec


def claims_of(case: dict[str, Any]) -> list[Obj]:
    """The claims of a case."""
    return [
        {
            "metadata": {"name": f"c{index}", "namespace": "n"},
            "spec": {"devices": {"requests": [request_of(r) for r in requests], **_extras(case)}},
        }
        for index, requests in enumerate(case["claims"])
    ]


def _extras(case: dict[str, Any]) -> Obj:
    return {key: case[key] for key in ("constraints", "config") if key in case}


def market_of(case: dict[str, Any]) -> Market:
    """What there is."""
    taken = Taken({DeviceId("driver", "pool", name) for name in case.get("taken", ())})
    for name, held in case.get("shares", {}).items():
        taken.shares[DeviceId("driver", "pool", name)] = {key: quantity(value) for key, value in held.items()}
    selectors = [{"cel": {"expression": case["class"]}}] if "class" in case else []
    found = {"metadata": {"name": "class"}, "spec": {"selectors": selectors, "config": case.get("classConfig", [])}}
    numbers = count(1)
    return Market(
        Slices(slice_of(given, index) for index, given in enumerate(case["slices"])),
        taken, {"class": found}.get, lambda: f"share-{next(numbers)}",
    )  # fmt: skip


def node() -> NodeInfo:
    return read_node({"metadata": {"name": "n", "labels": {"zone": "z"}}, "status": {}})


def told(result: Obj) -> list[str]:
    """The devices of a result in the cases' short form."""
    rows = []
    for one in result["devices"]["results"]:
        taken = "".join(f":{name}={amount}" for name, amount in (one.get("consumedCapacity") or {}).items())
        rows.append(f"{one['request']}={one['device']}{taken}")
    return rows


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_allocations(case: dict[str, Any]) -> None:
    market, claims = market_of(case), claims_of(case)
    if "error" in case:
        with pytest.raises(AllocationFailed) as caught:
            market.allocate(node(), claims)
        assert str(caught.value) == case["error"]
        return
    found = market.allocate(node(), claims)
    assert ("none" if found is None else [told(one) for one in found]) == case["expect"]


def test_what_a_status_tells() -> None:
    config = {"opaque": {"driver": "driver", "parameters": {"a": 1}}}
    case = {
        "slices": [{"devices": {"d1": {"bindingConditions": ["ready"], "allowMultipleAllocations": True}}}],
        "claims": [[{"name": "r", "tolerations": [{"operator": "Exists"}]}, {"name": "s", "adminAccess": True}]],
        "config": [config, {"requests": ["s"], **config}, {"requests": ["other"], **config}],
        "classConfig": [config],
    }
    found = market_of(case).allocate(node(), claims_of(case))
    assert found == [
        {
            "devices": {
                "results": [
                    {
                        "request": "r", "driver": "driver", "pool": "pool", "device": "d1", "shareID": "share-1",
                        "tolerations": [{"operator": "Exists"}], "bindingConditions": ["ready"],
                    },
                    {
                        "request": "s", "driver": "driver", "pool": "pool", "device": "d1", "shareID": "share-2",
                        "adminAccess": True, "bindingConditions": ["ready"],
                    },
                ],
                "config": [
                    {"source": "FromClass", "requests": ["r", "s"], **config},
                    {"source": "FromClaim", **config},
                    {"source": "FromClaim", "requests": ["s"], **config},
                ],
            },
            "nodeSelector": {
                "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]
            },
        }
    ]  # fmt: skip


def test_devices_everywhere_need_no_node_selector() -> None:
    case = {"slices": [{"node": "all", "devices": {"d1": {}}}], "claims": [[{"name": "r"}]]}
    found = market_of(case).allocate(node(), claims_of(case))
    assert found is not None
    assert "nodeSelector" not in found[0]


def test_what_others_have() -> None:
    taken = Taken()
    base = {"driver": "driver", "pool": "pool"}
    taken.add({"devices": {"results": [
        {**base, "device": "a"}, {**base, "device": "b", "adminAccess": True},
        {**base, "device": "c", "shareID": "1", "consumedCapacity": {"mem": "1Gi"}},
        {**base, "device": "c", "shareID": "2", "consumedCapacity": {"mem": "1Gi"}},
    ]}})  # fmt: skip
    assert taken.devices == {DeviceId("driver", "pool", "a")}
    assert taken.shares == {DeviceId("driver", "pool", "c"): {"mem": quantity("2Gi")}}
