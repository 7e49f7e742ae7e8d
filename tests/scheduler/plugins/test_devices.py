"""DynamicResources: which claims a pod has, when it may be tried, what turns nodes away, what may help."""

from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.scheduler.decide import Found, Recall, Start, decide, feasible
from sampan.scheduler.devices.allocator import Market, Taken
from sampan.scheduler.devices.pools import Slices
from sampan.scheduler.events import Event
from sampan.scheduler.framework import Placement, Unschedulable
from sampan.scheduler.plugins.devices import DynamicResources, readiness
from sampan.scheduler.pod import PodInfo, read_pod
from sampan.scheduler.profile import DEFAULT
from sampan.scheduler.snapshot import NodeTable, Snapshot, read_node

GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


class Nobody:
    """No other objects."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: {} if name == "namespace_labels" else ()


class Devices:
    """Claims, a class, and a device on every node of its slices."""

    def __init__(self, *claims: Obj, slices: tuple[Obj, ...] = (), pending: dict[str, Obj] | None = None) -> None:
        self.claims, self.slices, self.pending = claims, slices, pending or {}

    def claim(self, namespace: str, name: str) -> Obj | None:
        return next((one for one in self.claims if one["metadata"]["name"] == name), None)

    def device_class(self, name: str) -> Obj | None:
        return {"metadata": {"name": name}, "spec": {}} if name == "gpu" else None

    def market(self) -> Market:
        return Market(Slices(self.slices), Taken(), self.device_class, lambda: "share")


def claim(name: str = "c", klass: str = "gpu", **more: Any) -> Obj:
    requests = more.pop("requests", [{"name": "r", "exactly": {"deviceClassName": klass, "count": 1}}])
    meta = {"name": name, "namespace": "n", "uid": f"u-{name}", **more.pop("metadata", {})}
    return {"metadata": meta, "spec": {"devices": {"requests": requests}}, "status": more}


def pod(told: list[Obj] | None = None, **entry: Any) -> PodInfo:
    spec = {"containers": [], "resourceClaims": [{"name": "g", **entry}]}
    status = {"resourceClaimStatuses": told or []}
    return read_pod({"metadata": {"name": "p", "namespace": "n", "uid": "u-p"}, "spec": spec, "status": status})


def slice_of(node: str, count: int = 1) -> Obj:
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    rows = [{"name": f"d{number}"} for number in range(count)]
    return {"metadata": {"name": node}, "spec": {"driver": "x", "pool": pool, "nodeName": node, "devices": rows}}


def look(devices: Devices, *names: str) -> Snapshot:
    status = {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}}
    table = NodeTable(
        read_node({"metadata": {"name": n, "labels": {"kubernetes.io/hostname": n}}, "spec": {}, "status": status})
        for n in names or ("a", "b")
    )
    return Snapshot(table, Nobody(), Nobody(), devices=devices)


@pytest.mark.parametrize(
    ("info", "claims", "why"),
    [
        (pod(resourceClaimName="c"), [claim()], ""),
        (pod(resourceClaimName="c"), [], 'resourceclaim.resource.k8s.io "c" not found'),
        (pod(resourceClaimTemplateName="t"), [], 'pod "n/p": ResourceClaim not created yet'),
        (pod([{"name": "g"}], resourceClaimTemplateName="t"), [], ""),
        (pod(resourceClaimName="c"), [claim(metadata=GOING)], 'resourceclaim "c" is being deleted'),
        (
            pod([{"name": "g", "resourceClaimName": "c"}], resourceClaimTemplateName="t"), [claim()],
            "ResourceClaim n/c was not created for Pod n/p (Pod is not owner)",
        ),
    ],
)  # fmt: skip
def test_when_a_pod_may_be_tried(info: PodInfo, claims: list[Obj], why: str) -> None:
    assert DynamicResources.gate(info, look(Devices(*claims))) == why


def allocated(node: str, **more: Any) -> Obj:
    """A claim whose device is of that node."""
    match = {"key": "metadata.name", "operator": "In", "values": [node]}
    allocation = {"devices": {"results": []}, "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [match]}]}}
    return claim(allocation=allocation, **more)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (Devices(claim(), slices=(slice_of("b"),)), "b"),
        (Devices(allocated("b")), "b"),
        (Devices(claim()), "0/2 nodes are available: 2 cannot allocate all claims."),
        (Devices(allocated("z")), "0/2 nodes are available: 2 resourceclaim not available on the node."),
        (
            Devices(claim(), pending={"u-c": {}}),
            "0/2 nodes are available: resource claim n/c is in the process of being allocated.",
        ),
        (Devices(claim(klass="none")), "0/2 nodes are available: request r: device class none does not exist."),
        (
            Devices(allocated("b", reservedFor=[{"uid": str(n)} for n in range(256)])),
            "0/2 nodes are available: resourceclaim in use.",
        ),
    ],
)
def test_where_a_pod_goes(devices: Devices, expected: str) -> None:
    answer = decide(pod(resourceClaimName="c"), look(devices), DEFAULT, 0)
    assert (answer.node if isinstance(answer, Placement) else answer.message) == expected
    if isinstance(answer, Unschedulable):
        assert answer.plugins == {"DynamicResources"}
        assert not answer.mendable


def test_what_is_written_when_it_goes_there() -> None:
    answer = decide(pod(resourceClaimName="c"), look(Devices(claim(), slices=(slice_of("b"),))), DEFAULT, 0)
    assert isinstance(answer, Placement)
    (plan,) = answer.devices
    assert plan.allocation is not None
    assert [one["device"] for one in plan.allocation["devices"]["results"]] == ["d0"]


def test_earlier_alternatives_are_better() -> None:
    alternatives = [{"name": "two", "deviceClassName": "gpu", "count": 2}, {"name": "one", "deviceClassName": "gpu"}]
    wanted = claim(requests=[{"name": "r", "firstAvailable": alternatives}])
    devices = Devices(wanted, slices=(slice_of("a"), slice_of("b", 2)))
    found = feasible(pod(resourceClaimName="c"), look(devices), DEFAULT, Start(0, Recall()))
    assert isinstance(found, Found)
    assert [node.name for node in found.nodes] == ["a", "b"]
    assert found.placed().node == "b"


def test_a_claim_of_no_use_is_named() -> None:
    wrong = allocated("z")
    answer = decide(pod(resourceClaimName="c"), look(Devices(wrong)), DEFAULT, 0)
    assert isinstance(answer, Unschedulable)
    assert answer.claims == (wrong,)


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ([], False),
        ([{"type": "attached", "status": "True"}], True),
        ([{"type": "attached", "status": "True"}, {"type": "failed", "status": "True"}], None),
    ],
)
def test_devices_that_must_be_waited_for(conditions: list[Obj], ready: bool | None) -> None:
    named = {"driver": "x", "pool": "p", "device": "d"}
    result = {**named, "bindingConditions": ["attached"], "bindingFailureConditions": ["failed"]}
    told = [{**named, "conditions": conditions}]
    assert readiness(claim(allocation={"devices": {"results": [result]}}, devices=told)) is ready


@pytest.mark.parametrize(
    ("old", "new", "queue"),
    [
        (None, claim(), True),
        (None, claim("other"), False),
        (claim(), claim(), False),
        (claim(), claim(allocation={}), True),
        (claim("other", allocation={}), claim("other"), True),
    ],
)
def test_which_changes_of_claims_may_help(old: Obj | None, new: Obj, queue: bool) -> None:
    hint = DynamicResources().events[Event("resource.k8s.io/ResourceClaim", "Update")]
    assert hint is not None
    assert hint(pod(resourceClaimName="c"), old, new, look(Devices(claim()))) is queue
