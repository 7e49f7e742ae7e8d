"""Plugins that look at a pod's node: PodTopologyLabels, NodeDeclaredFeatureValidator, PodResizeValidator."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.node_features import NodeDeclaredFeatureValidator
from sampan.apiserver.admission.plugins.pod_resize import PodResizeValidator
from sampan.apiserver.admission.plugins.pod_topology_labels import PodTopologyLabels
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
NODES = [
    {
        "metadata": {"name": "n", "labels": {ZONE: "z", REGION: "r", "other": "x"}},
        "status": {
            "allocatable": {"cpu": "2", "memory": "1Gi"},
            "declaredFeatures": ["InPlacePodLevelResourcesVerticalScaling"],
        },
    },
    {"metadata": {"name": "bare"}, "status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}},
    {"metadata": {"name": "w", "labels": {"kubernetes.io/os": "windows"}}},
]


def binding(kind: str = "Node", name: str = "n", **labels: str) -> Obj:
    return {"metadata": {"name": "p", "labels": labels}, "target": {"kind": kind, "name": name}}


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        (binding(), {ZONE: "z", REGION: "r"}),
        (binding(**{"a": "b", ZONE: "mine"}), {"a": "b", ZONE: "z", REGION: "r"}),
        (binding(name="bare", a="b"), {"a": "b"}),
        (binding(name="unknown"), {}),
    ],
)
def test_bindings_take_the_topology_of_the_node(review: Reviews, stored: Any, given: Obj, labels: Obj) -> None:
    made = stored(nodes=NODES).mutate(PodTopologyLabels(), review("CREATE", "pods/binding", given))
    assert made["metadata"]["labels"] == labels


def test_pods_that_come_with_a_node_do_as_well(review: Reviews, stored: Any) -> None:
    given = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}}
    made = stored(nodes=NODES).mutate(PodTopologyLabels(), review("CREATE", "pods", given))
    assert made["metadata"]["labels"] == {ZONE: "z", REGION: "r"}
    assert not PodTopologyLabels().handles(review("CREATE", "pods", {"metadata": {}, "spec": {}}))
    assert not PodTopologyLabels().handles(review("CREATE", "pods/binding", binding("Other")))


def pod(node: str = "n", generation: int = 1, cpu: str = "1", **spec: Any) -> Obj:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}}}
    return {
        "metadata": {"name": "p", "generation": generation},
        "spec": {"nodeName": node, "containers": [container], **spec},
    }


WHOLE = {"requests": {"cpu": "1"}}
INIT = [{"name": "i", "resources": WHOLE}]
SIDECAR = [{"name": "i", "resources": WHOLE, "restartPolicy": "Always"}]
INIT_FEATURE = "InPlacePodVerticalScalingInitContainers"


@pytest.mark.parametrize(
    ("node", "new", "old", "lacking"),
    [
        ("n", {"resources": WHOLE}, {}, ""),
        ("bare", {"resources": WHOLE}, {}, "InPlacePodLevelResourcesVerticalScaling"),
        ("n", {"initContainers": INIT}, {"initContainers": [{"name": "i"}]}, INIT_FEATURE),
        (
            "bare",
            {"initContainers": INIT, "resources": WHOLE},
            {"initContainers": [{"name": "i"}]},
            f"InPlacePodLevelResourcesVerticalScaling, {INIT_FEATURE}",
        ),
    ],
)
def test_updates_need_what_the_node_declares(
    review: Reviews, stored: Any, node: str, new: Obj, old: Obj, lacking: str
) -> None:
    asked = review("UPDATE", "pods/resize", pod(node, 2, **new), pod(node, **old))
    if not lacking:
        stored(nodes=NODES).validate(NodeDeclaredFeatureValidator(), asked)
        return
    text = f'pod update requires features {lacking} which are not available on node "{node}"'
    with pytest.raises(StatusError) as error:
        stored(nodes=NODES).validate(NodeDeclaredFeatureValidator(), asked)
    assert error.value.message == f'pods "p" is forbidden: {text}'


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (pod("bare", 2, initContainers=SIDECAR), pod("bare", initContainers=[{**SIDECAR[0], "resources": {}}])),
        (pod("bare", 1, resources=WHOLE), pod("bare")),
        (pod("", 2, resources=WHOLE), pod("")),
    ],
)
def test_other_updates_need_nothing(review: Reviews, new: Obj, old: Obj) -> None:
    assert not NodeDeclaredFeatureValidator().handles(review("UPDATE", "pods/resize", new, old))


MORE = "node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000"


@pytest.mark.parametrize(
    ("node", "cpu", "text", "cause"),
    [
        ("n", "2500m", MORE, "NodeCapacity"),
        ("w", "1", 'pod resize is only supported on linux nodes, node "w" is "windows"', "UnsupportedPlatform"),
        ("gone", "1", 'node "gone" not found', ""),
    ],
)
def test_a_resize_must_fit_its_node(review: Reviews, stored: Any, node: str, cpu: str, text: str, cause: str) -> None:
    with pytest.raises(StatusError) as error:
        stored(nodes=NODES).validate(
            PodResizeValidator(), review("UPDATE", "pods/resize", pod(node, 2, cpu), pod(node))
        )
    assert error.value.message == f'pods "p" is forbidden: {text}'
    assert (error.value.details or {}).get("causes", []) == ([{"reason": cause}] if cause else [])


def test_a_resize_that_fits_may_be(review: Reviews, stored: Any) -> None:
    asked = review("UPDATE", "pods/resize", pod("n", 2, "2"), pod("n"))
    stored(nodes=NODES).validate(PodResizeValidator(), asked)
    assert not PodResizeValidator().handles(review("UPDATE", "pods/resize", pod("n", 1, "3"), pod("n")))
