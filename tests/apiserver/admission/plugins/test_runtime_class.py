"""RuntimeClass."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.runtime_class import RuntimeClass, merged_tolerations
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
PLUGIN = RuntimeClass()
SCHEDULING = {"nodeSelector": {"rt": "x"}, "tolerations": [{"key": "rt", "operator": "Exists"}]}
HEAVY = {"metadata": {"name": "heavy"}, "overhead": {"podFixed": {"cpu": "100m"}}, "scheduling": SCHEDULING}
PLAIN = {"metadata": {"name": "plain"}}


def pod(**spec: Any) -> Obj:
    return {"metadata": {"name": "p"}, "spec": spec}


def test_a_pod_takes_overhead_and_scheduling(review: Reviews, stored: Any) -> None:
    given = pod(runtimeClassName="heavy", nodeSelector={"a": "b"}, tolerations=[{"key": "t", "operator": "Exists"}])
    spec = stored(runtimeclasses=[HEAVY]).mutate(PLUGIN, review("CREATE", "pods", given))["spec"]
    assert spec["overhead"] == {"cpu": "100m"}
    assert spec["nodeSelector"] == {"a": "b", "rt": "x"}
    assert [t["key"] for t in spec["tolerations"]] == ["t", "rt"]


@pytest.mark.parametrize("given", [pod(), pod(runtimeClassName="plain")])
def test_without_either_nothing_changes(review: Reviews, stored: Any, given: Obj) -> None:
    world = stored(runtimeclasses=[HEAVY, PLAIN])
    assert world.mutate(PLUGIN, review("CREATE", "pods", given)) == given
    world.validate(PLUGIN, review("CREATE", "pods", given))


@pytest.mark.parametrize("overhead", [{"cpu": "100m"}, {"cpu": "0.1"}])
def test_the_same_overhead_may_be_said(review: Reviews, stored: Any, overhead: Obj) -> None:
    world, given = stored(runtimeclasses=[HEAVY]), pod(runtimeClassName="heavy", overhead=overhead)
    world.mutate(PLUGIN, review("CREATE", "pods", given))
    world.validate(PLUGIN, review("CREATE", "pods", given))


DIFFERS = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"runtimeClassName": "gone"}, 'pod rejected: RuntimeClass "gone" not found'),
        ({"runtimeClassName": "heavy", "overhead": {"cpu": "1"}}, DIFFERS),
        ({"runtimeClassName": "heavy", "overhead": {"cpu": "100m", "memory": "1"}}, DIFFERS),
        (
            {"runtimeClassName": "heavy", "nodeSelector": {"rt": "y"}},
            "conflict: runtimeClass.scheduling.nodeSelector[rt] = x; pod.spec.nodeSelector[rt] = y",
        ),
    ],
)
def test_what_does_not_fit_is_refused(review: Reviews, stored: Any, spec: Obj, why: str) -> None:
    with pytest.raises(StatusError) as caught:
        stored(runtimeclasses=[HEAVY]).mutate(PLUGIN, review("CREATE", "pods", pod(**spec)))
    assert caught.value.message == f'pods "p" is forbidden: {why}'


@pytest.mark.parametrize("name", [{}, {"runtimeClassName": "plain"}])
def test_overhead_comes_from_a_class_alone(review: Reviews, stored: Any, name: Obj) -> None:
    with pytest.raises(StatusError) as caught:
        stored(runtimeclasses=[PLAIN]).validate(PLUGIN, review("CREATE", "pods", pod(overhead={"cpu": "1"}, **name)))
    assert "Pod Overhead set without corresponding RuntimeClass defined Overhead" in caught.value.message


def toleration(text: str) -> Obj:
    """`key operator value effect seconds`, `-` for what is not said."""
    fields = zip(("key", "operator", "value", "effect", "tolerationSeconds"), text.split(), strict=False)
    return {k: int(v) if k == "tolerationSeconds" else v for k, v in fields if v != "-"}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (["a Exists"], ["a Exists"], ["a Exists"]),
        (["a Exists"], ["b Exists"], ["a Exists", "b Exists"]),
        (["a Equal x"], ["a Exists"], ["a Exists"]),
        (["a Exists"], ["a Equal x"], ["a Exists"]),
        (["a Equal x"], ["a Equal y"], ["a Equal x", "a Equal y"]),
        (["- Exists"], ["a Exists - NoSchedule"], ["- Exists"]),
        (["a Exists - NoSchedule"], ["a Exists"], ["a Exists"]),
        (["a Exists - NoExecute 10"], ["a Exists - NoExecute 20"], ["a Exists - NoExecute 20"]),
        (["a Exists - NoExecute"], ["a Exists - NoExecute 20"], ["a Exists - NoExecute"]),
    ],
)
def test_merged_tolerations(first: list[str], second: list[str], kept: list[str]) -> None:
    one, two, wanted = ([toleration(text) for text in texts] for texts in (first, second, kept))
    assert merged_tolerations(one, two) == wanted
