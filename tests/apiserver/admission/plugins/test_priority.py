"""Priority."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.priority import Priority
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
PLUGIN, KIND = Priority(), "priorityclasses.scheduling.k8s.io"


def klass(name: str, value: int, **fields: Any) -> Obj:
    return {"metadata": {"name": name}, "value": value, **fields}


def pod(**spec: Any) -> Obj:
    return {"metadata": {"name": "p"}, "spec": spec}


HIGH = klass("high", 1000, preemptionPolicy="Never")
USUAL, LOWER = klass("usual", 10, globalDefault=True), klass("lower", 5, globalDefault=True)


@pytest.mark.parametrize(
    ("classes", "spec", "made"),
    [
        ([], {}, {"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}),
        ([HIGH], {}, {"priority": 0, "preemptionPolicy": "PreemptLowerPriority"}),
        (
            [HIGH], {"priorityClassName": "high"},
            {"priorityClassName": "high", "priority": 1000, "preemptionPolicy": "Never"},
        ),
        (
            [HIGH, USUAL, LOWER], {},
            {"priorityClassName": "lower", "priority": 5, "preemptionPolicy": "PreemptLowerPriority"},
        ),
        (
            [HIGH], {"priorityClassName": "high", "priority": 1000, "preemptionPolicy": "Never"},
            {"priorityClassName": "high", "priority": 1000, "preemptionPolicy": "Never"},
        ),
    ],
)  # fmt: skip
def test_a_pod_s_class_says_its_priority(
    review: Reviews, stored: Any, classes: list[Obj], spec: Obj, made: Obj
) -> None:
    assert stored(priorityclasses=classes).mutate(PLUGIN, review("CREATE", "pods", pod(**spec)))["spec"] == made


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "x"}, "no PriorityClass with name x was found"),
        (
            {"priorityClassName": "high", "priority": 5},
            "the integer value of priority (5) must not be provided in pod spec; priority admission controller "
            "computed 1000 from the given PriorityClass name",
        ),
        (
            {"preemptionPolicy": "Never"},
            "the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission "
            "controller computed PreemptLowerPriority from the given PriorityClass name",
        ),
    ],
)
def test_a_pod_may_not_say_otherwise(review: Reviews, stored: Any, spec: Obj, why: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored(priorityclasses=[HIGH]).mutate(PLUGIN, review("CREATE", "pods", pod(**spec)))
    assert caught.value.message == f'pods "p" is forbidden: {why}'


def test_pods_keep_their_priority(review: Reviews, stored: Any) -> None:
    old = {**pod(), "spec": {"priority": 7, "preemptionPolicy": "Never"}}
    kept = stored().mutate(PLUGIN, review("UPDATE", "pods", pod(), old))
    assert kept["spec"] == {"priority": 7, "preemptionPolicy": "Never"}
    other = {**pod(), "spec": {"priority": 8}}
    assert stored().mutate(PLUGIN, review("UPDATE", "pods", other, old))["spec"]["priority"] == 8


@pytest.mark.parametrize("name", ["system-node-critical", "system-cluster-critical"])
def test_system_classes_stay(review: Reviews, stored: Any, name: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored().validate(PLUGIN, review("DELETE", KIND, None, klass(name, 1)))
    assert "this is a system priority class and cannot be deleted" in caught.value.message
    stored().validate(PLUGIN, review("DELETE", KIND, None, klass("other", 1)))


def test_there_is_one_default(review: Reviews, stored: Any) -> None:
    world = stored(priorityclasses=[HIGH, USUAL])
    with pytest.raises(StatusError) as caught:
        world.validate(PLUGIN, review("CREATE", KIND, LOWER))
    why = "PriorityClass usual is already marked as default. Only one default can exist"
    assert caught.value.message == f'priorityclasses.scheduling.k8s.io "lower" is forbidden: {why}'
    with pytest.raises(StatusError):
        world.validate(PLUGIN, review("UPDATE", KIND, {**HIGH, "globalDefault": True}, HIGH))
    world.validate(PLUGIN, review("UPDATE", KIND, USUAL, USUAL))
    world.validate(PLUGIN, review("CREATE", KIND, klass("x", 1)))
    stored().validate(PLUGIN, review("CREATE", KIND, LOWER))
