"""Plugins that fill something in: default classes, tolerations, taints, finalizers."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.apiserver.admission.plugins.default_ingress_class import DefaultIngressClass
from sampan.apiserver.admission.plugins.default_storage_class import DefaultStorageClass
from sampan.apiserver.admission.plugins.default_tolerations import DefaultTolerationSeconds
from sampan.apiserver.admission.plugins.storage_protection import StorageObjectInUseProtection
from sampan.apiserver.admission.plugins.taint_nodes import TaintNodesByCondition
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
STORAGE, INGRESS = "storageclass.kubernetes.io/is-default-class", "ingressclass.kubernetes.io/is-default-class"


def klass(name: str, key: str, value: str = "true", day: int = 1) -> Obj:
    return {"metadata": {"name": name, "annotations": {key: value}, "creationTimestamp": f"2030-01-{day:02}T00:00:00Z"}}


CHOICES = [
    ([], None),
    ([("a", "false", 1)], None),
    ([("a", "True", 1)], None),
    ([("a", "true", 1), ("b", "true", 2)], "b"),
    ([("b", "true", 1), ("a", "true", 1)], "a"),
]


@pytest.mark.parametrize(("classes", "chosen"), CHOICES)
def test_a_claim_without_a_class_gets_the_newest_default(
    review: Reviews, stored: Any, classes: list[tuple[str, str, int]], chosen: str | None
) -> None:
    world = stored(storageclasses=[klass(name, STORAGE, value, day) for name, value, day in classes])
    made = world.mutate(DefaultStorageClass(), review("CREATE", "persistentvolumeclaims", {"metadata": {}, "spec": {}}))
    assert made["spec"].get("storageClassName") == chosen


@pytest.mark.parametrize(
    "claim",
    [
        {"metadata": {}, "spec": {"storageClassName": ""}},
        {"metadata": {}, "spec": {"storageClassName": "x"}},
        {"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "x"}}, "spec": {}},
    ],
)
def test_a_claim_that_says_its_class_keeps_it(review: Reviews, stored: Any, claim: Obj) -> None:
    world = stored(storageclasses=[klass("a", STORAGE)])
    assert world.mutate(DefaultStorageClass(), review("CREATE", "persistentvolumeclaims", claim)) == claim


def test_claims_are_not_changed_later(review: Reviews) -> None:
    assert not DefaultStorageClass().handles(review("UPDATE", "persistentvolumeclaims", {}, {}))


@pytest.mark.parametrize(("classes", "chosen"), CHOICES)
def test_an_ingress_without_a_class_gets_the_newest_default(
    review: Reviews, stored: Any, classes: list[tuple[str, str, int]], chosen: str | None
) -> None:
    world = stored(ingressclasses=[klass(name, INGRESS, value, day) for name, value, day in classes])
    given = review("CREATE", "ingresses.networking.k8s.io", {"metadata": {}, "spec": {}})
    assert world.mutate(DefaultIngressClass(), given)["spec"].get("ingressClassName") == chosen


@pytest.mark.parametrize(
    "ingress",
    [
        {"metadata": {}, "spec": {"ingressClassName": "x"}},
        {"metadata": {"annotations": {"kubernetes.io/ingress.class": "x"}}, "spec": {}},
    ],
)
def test_an_ingress_that_says_its_class_keeps_it(review: Reviews, stored: Any, ingress: Obj) -> None:
    world = stored(ingressclasses=[klass("a", INGRESS)])
    assert world.mutate(DefaultIngressClass(), review("CREATE", "ingresses.networking.k8s.io", ingress)) == ingress


NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ([], [NOT_READY, UNREACHABLE]),
        ([{"key": NOT_READY, "effect": "NoExecute", "operator": "Exists"}], [UNREACHABLE]),
        ([{"key": NOT_READY, "effect": "NoSchedule", "operator": "Exists"}], [NOT_READY, UNREACHABLE]),
        ([{"key": UNREACHABLE, "operator": "Exists"}], [NOT_READY]),
        ([{"operator": "Exists"}], []),
        ([{"key": "other", "operator": "Exists"}], [NOT_READY, UNREACHABLE]),
    ],
)
def test_pods_bear_with_a_bad_node_for_five_minutes(
    review: Reviews, stored: Any, given: list[Obj], added: list[str]
) -> None:
    pod = {"metadata": {}, "spec": {"tolerations": given}}
    made = stored().mutate(DefaultTolerationSeconds(), review("CREATE", "pods", pod))["spec"]["tolerations"]
    assert made[: len(given)] == given
    extra = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    assert made[len(given) :] == [{"key": key, **extra} for key in added]


def test_a_new_node_is_tainted_once(review: Reviews, stored: Any) -> None:
    taint = {"key": NOT_READY, "effect": "NoSchedule"}
    made = stored().mutate(TaintNodesByCondition(), review("CREATE", "nodes", {"metadata": {}, "spec": {}}))
    assert made["spec"]["taints"] == [taint]
    assert stored().mutate(TaintNodesByCondition(), review("CREATE", "nodes", made)) is made
    assert not TaintNodesByCondition().handles(review("UPDATE", "nodes", made, made))


@pytest.mark.parametrize(
    ("kind", "finalizer"),
    [
        ("persistentvolumeclaims", "kubernetes.io/pvc-protection"),
        ("persistentvolumes", "kubernetes.io/pv-protection"),
        ("volumeattributesclasses.storage.k8s.io", "kubernetes.io/vac-protection"),
    ],
)
def test_storage_is_protected_from_the_start(review: Reviews, stored: Any, kind: str, finalizer: str) -> None:
    plugin = StorageObjectInUseProtection()
    made = stored().mutate(plugin, review("CREATE", kind, {"metadata": {"finalizers": ["x"]}}))
    assert made["metadata"]["finalizers"] == ["x", finalizer]
    assert stored().mutate(plugin, review("CREATE", kind, made)) is made
    assert not plugin.handles(review("UPDATE", kind, made, made))
    assert not plugin.handles(review("CREATE", "configmaps", made))
