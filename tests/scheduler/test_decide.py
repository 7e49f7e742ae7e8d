"""Scheduling decisions: pod and nodes in, node or reasons out, in upstream's words."""

from collections.abc import Iterable
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.api.selectors import LabelSelector
from sampan.scheduler.decide import decide, enough
from sampan.scheduler.framework import ClaimPlan, Placement, Unschedulable
from sampan.scheduler.pod import pod_requests, read_pod
from sampan.scheduler.profile import DEFAULT
from sampan.scheduler.snapshot import NodeInfo, NodeTable, Snapshot, read_node


class Shelf:
    """Storage objects in a list."""

    def __init__(self, *objects: Obj) -> None:
        self.objects = objects

    def _find(self, kind: str, name: str) -> Obj | None:
        return next((o for o in self.objects if o["kind"] == kind and o["metadata"]["name"] == name), None)

    def claim(self, namespace: str, name: str) -> Obj | None:
        return self._find("PersistentVolumeClaim", name)

    def volume(self, name: str) -> Obj | None:
        return self._find("PersistentVolume", name)

    def volumes_of_class(self, name: str) -> Iterable[Obj]:
        volumes = (o for o in self.objects if o["kind"] == "PersistentVolume")
        return [v for v in volumes if v["spec"].get("storageClassName", "") == name]

    def storage_class(self, name: str) -> Obj | None:
        return self._find("StorageClass", name)

    def csi_node(self, name: str) -> Obj | None:
        return self._find("CSINode", name)

    def csi_driver(self, name: str) -> Obj | None:
        return self._find("CSIDriver", name)

    def attachments(self, node: str) -> Iterable[Obj]:
        return [o for o in self.objects if o["kind"] == "VolumeAttachment" and o["spec"]["nodeName"] == node]

    def capacities(self, storage_class: str) -> Iterable[Obj]:
        return ()


class Nobody:
    """A cluster of pods without companions."""

    def namespace_labels(self, name: str) -> dict[str, str]:
        return {}

    def namespaces(self, selector: LabelSelector) -> Iterable[str]:
        return ()

    def services(self, namespace: str) -> Iterable[Obj]:
        return ()

    def owner(self, kind: str, namespace: str, name: str) -> Obj | None:
        return None

    def budgets(self) -> Iterable[Obj]:
        return ()


def node(name: str, cpu: str = "4", memory: str = "8Gi", **spec: Any) -> NodeInfo:
    labels = {"kubernetes.io/hostname": name, **spec.pop("labels", {})}
    status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"}, "images": spec.pop("images", [])}
    return read_node({"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status})


def pod(name: str = "p", cpu: str = "", **spec: Any) -> Obj:
    container: Obj = {"name": "c", "image": "i"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    if port := spec.pop("host_port", None):
        container["ports"] = [{"containerPort": port, "hostPort": port}]
    return {"metadata": {"name": name, "namespace": "n", "uid": name}, "spec": {"containers": [container], **spec}}


def place(wanted: Obj, *nodes: NodeInfo, storage: Shelf | None = None) -> Placement | Unschedulable:
    return decide(read_pod(wanted), Snapshot(NodeTable(nodes), storage or Shelf(), Nobody()), DEFAULT, 0)


def why(answer: Placement | Unschedulable) -> str:
    assert isinstance(answer, Unschedulable)
    return answer.message


TAINT = {"key": "k", "value": "v", "effect": "NoSchedule"}


def test_no_nodes() -> None:
    assert why(place(pod())) == "no nodes available to schedule pods"


def test_every_reason_is_counted_and_sorted() -> None:
    nodes = (node("a", cpu="1"), node("b", taints=[TAINT]), node("c", taints=[TAINT]), node("d", unschedulable=True))
    message = why(place(pod(cpu="2"), *nodes))
    assert message == (
        "0/4 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable, 2 node(s) had untolerated taint(s)."
    )


def test_only_the_plugins_that_turned_nodes_away_can_wake_the_pod() -> None:
    answer = place(pod(cpu="2"), node("a", cpu="1"))
    assert isinstance(answer, Unschedulable)
    assert answer.plugins == {"NodeResourcesFit"}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "node(s) didn't match Pod's node affinity/selector"),
        ({"nodeName": "other"}, "node(s) didn't match the requested node name"),
        ({"host_port": 80}, "node(s) didn't have free ports for the requested pod ports"),
    ],
)
def test_reasons(spec: dict[str, Any], reason: str) -> None:
    taken = node("a").with_pod(read_pod(pod("there", host_port=80)))
    assert why(place(pod(**spec), taken)) == f"0/1 nodes are available: 1 {reason}."


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "k", "value": "w"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "j", "operator": "Exists"}, False),
    ],
)
def test_tolerations(toleration: dict[str, str], fits: bool) -> None:
    answer = place(pod(tolerations=[toleration]), node("a", taints=[TAINT]))
    assert isinstance(answer, Placement) == fits


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "zone", "operator": "In", "values": ["x", "y"]}, True),
        ({"key": "zone", "operator": "NotIn", "values": ["x"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["x"]}, True),
        ({"key": "zone", "operator": "Exists"}, True),
        ({"key": "zone", "operator": "DoesNotExist"}, False),
        ({"key": "gen", "operator": "Gt", "values": ["2"]}, True),
        ({"key": "gen", "operator": "Lt", "values": ["3"]}, False),
        ({"key": "zone", "operator": "Gt", "values": ["2"]}, False),
    ],
)
def test_node_affinity(expression: dict[str, Any], fits: bool) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    answer = place(pod(affinity=affinity), node("a", labels={"zone": "x", "gen": "3"}))
    assert isinstance(answer, Placement) == fits


def test_preferred_affinity_and_soft_taints_choose() -> None:
    soft = {"key": "s", "effect": "PreferNoSchedule"}
    assert place(pod(), node("a", taints=[soft]), node("b")) == Placement("b")
    preferred = [{"weight": 5, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    assert place(pod(affinity=affinity), node("a"), node("b", labels={"zone": "x"})) == Placement("b")


def test_the_emptier_node_is_chosen_and_pods_hold_what_they_ask_for() -> None:
    full = node("a").with_pod(read_pod(pod("big", cpu="3")))
    assert place(pod(cpu="1"), full, node("b")) == Placement("b")
    assert why(place(pod(cpu="2"), full)) == "0/1 nodes are available: 1 Insufficient cpu."
    assert place(pod(cpu="2"), full.without_pod(("n", "big"))) == Placement("a")


def test_a_pod_that_is_there_already_counts_once() -> None:
    info = node("a").with_pod(read_pod(pod("x", cpu="1"))).with_pod(read_pod(pod("x", cpu="2")))
    assert info.requested == {"cpu": 2000}
    assert len(info.pods) == 1


def test_requests_of_init_containers_and_sidecars() -> None:
    def c(cpu: str, **more: str) -> Obj:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {"initContainers": [c("1", restartPolicy="Always"), c("3")], "containers": [c("1"), c("500m")]}
    assert pod_requests(spec) == {"cpu": 4000}  # the init container beside the sidecar that is up by then
    assert pod_requests({"containers": [c("1")], "overhead": {"cpu": "100m"}}) == {"cpu": 1100}


def test_images_draw_pods() -> None:
    images = [{"names": ["i:latest"], "sizeBytes": 900_000_000}]
    assert place(pod(), node("a"), node("b", images=images)) == Placement("b")


# ---- volumes


def claim(storage_class: str = "late", bound_to: str = "", **annotations: str) -> Obj:
    spec: Obj = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class}
    spec["resources"] = {"requests": {"storage": "1Gi"}}
    if bound_to:
        spec["volumeName"] = bound_to
        annotations = {**annotations, "pv.kubernetes.io/bind-completed": "yes"}
    meta = {"name": "c", "namespace": "n", "uid": "u", "annotations": annotations}
    return {"kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec, "status": {"phase": "Pending"}}


def volume(name: str, size: str = "1Gi", at: str = "", storage_class: str = "late") -> Obj:
    spec: Obj = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": storage_class}
    if at:
        expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [at]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    return {"kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec, "status": {"phase": "Available"}}


def storage_class(mode: str = "WaitForFirstConsumer", provisioner: str = "sampan.dev/local-path") -> Obj:
    meta = {"name": "late"}
    return {"kind": "StorageClass", "metadata": meta, "provisioner": provisioner, "volumeBindingMode": mode}


USES: dict[str, Any] = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}


def test_a_late_claim_is_provisioned_on_the_chosen_node() -> None:
    answer = place(pod(**USES), node("a"), storage=Shelf(claim(), storage_class()))
    assert answer == Placement("a", (ClaimPlan("n", "c"),))


def test_the_smallest_volume_that_reaches_the_node_is_bound() -> None:
    shelf = Shelf(claim(), storage_class(), volume("big", "5Gi"), volume("small", "2Gi"), volume("b", "1Gi", at="b"))
    assert place(pod(**USES), node("a"), storage=shelf) == Placement("a", (ClaimPlan("n", "c", "small"),))


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ((), '0/1 nodes are available: persistentvolumeclaim "c" not found.'),
        (
            (claim(), storage_class("Immediate")),
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
        ),
        ((claim(""),), "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        (
            (claim(), storage_class(provisioner="kubernetes.io/no-provisioner")),
            "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.",
        ),
        (
            (claim(bound_to="far"), volume("far", at="b")),
            "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.",
        ),
        (
            (claim(bound_to="none"),),
            "0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).",
        ),
        (
            (claim(**{"volume.kubernetes.io/selected-node": "b"}), storage_class()),
            "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.",
        ),
    ],
)
def test_volume_reasons(objects: tuple[Obj, ...], message: str) -> None:
    assert why(place(pod(**USES), node("a"), storage=Shelf(*objects))) == message


@pytest.mark.parametrize(("nodes", "wanted"), [(1, 1), (100, 100), (200, 100), (1000, 420), (5000, 500), (10000, 500)])
def test_large_clusters_are_sampled_as_upstream_does(nodes: int, wanted: int) -> None:
    assert enough(nodes) == wanted
