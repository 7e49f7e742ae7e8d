"""LimitRanger."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.plugins.limit_ranger import NOTE, LimitRanger
from sampan.apiserver.admission.plugins.pod_totals import totals
from sampan.apiserver.admission.review import Review

Reviews = Callable[..., Review]
Obj = dict[str, Any]
PLUGIN = LimitRanger()


def limits(*items: Obj) -> Obj:
    return {"metadata": {"name": "l", "namespace": "ns"}, "spec": {"limits": list(items)}}


def container(requests: Obj | None = None, most: Obj | None = None, **fields: Any) -> Obj:
    resources = {key: value for key, value in (("requests", requests), ("limits", most)) if value is not None}
    return {"name": "c", **({"resources": resources} if resources else {}), **fields}


def pod(*containers: Obj, init: list[Obj] | None = None, **spec: Any) -> Obj:
    spec = {"containers": list(containers), **({"initContainers": init} if init else {}), **spec}
    return {"metadata": {"name": "p"}, "spec": spec}


# ---- defaults


def test_containers_get_what_they_lack(review: Reviews, stored: Any) -> None:
    world = stored(
        limitranges=[
            limits(
                {"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "500m"}},
                {"type": "Pod", "max": {"cpu": "9"}},
            )
        ]
    )
    given = pod(container({"cpu": "100m"}), container(name="d"), init=[container(most={"cpu": "2"}, name="i")])
    made = world.mutate(PLUGIN, review("CREATE", "pods", given))
    one, two = made["spec"]["containers"]
    assert one["resources"] == {"requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    assert two["resources"] == {"requests": {"cpu": "500m"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    (init,) = made["spec"]["initContainers"]
    assert init["resources"] == {"requests": {"cpu": "500m"}, "limits": {"cpu": "2", "memory": "1Gi"}}
    assert made["metadata"]["annotations"] == {
        NOTE: "LimitRanger plugin set: cpu, memory limit for container c; cpu request for container d; cpu, "
        "memory limit for container d; cpu request for init container i; memory limit for init container i"
    }


def test_nothing_to_set_leaves_no_note(review: Reviews, stored: Any) -> None:
    given = pod(container({"cpu": "1"}))
    world = stored(limitranges=[limits({"type": "Container", "max": {"cpu": "2"}})])
    assert world.mutate(PLUGIN, review("CREATE", "pods", given)) is given


# ---- limits


LEAST = "minimum cpu usage per Container is 1"


def refusal(world: Any, asked: Review) -> str:
    with pytest.raises(StatusError) as caught:
        world.validate(PLUGIN, asked)
    assert caught.value.code == 403
    return caught.value.message.partition(" is forbidden: ")[2]


@pytest.mark.parametrize(
    ("item", "given", "why"),
    [
        ({"min": {"cpu": "1"}}, container(), f"{LEAST}.  No request is specified"),
        ({"min": {"cpu": "1"}}, container({"cpu": "500m"}), f"{LEAST}, but request is 500m"),
        (
            {"min": {"cpu": "1"}}, container({"cpu": "1"}, {"cpu": "0.5"}),
            f"{LEAST}, but limit is 0.5",
        ),
        ({"max": {"cpu": "1"}}, container(), "maximum cpu usage per Container is 1.  No limit is specified"),
        ({"max": {"cpu": "1"}}, container(most={"cpu": "2"}), "maximum cpu usage per Container is 1, but limit is 2"),
        (
            {"max": {"cpu": "1"}}, container({"cpu": "2"}, {"cpu": "1"}),
            "maximum cpu usage per Container is 1, but request is 2",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}}, container({"cpu": "1"}, {"cpu": "3"}),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}}, container(most={"cpu": "3"}),
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}}, container({"cpu": "3"}),
            "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
        ),
        (
            {"max": {"cpu": "1", "memory": "1Gi"}}, container(most={"cpu": "2", "memory": "2Gi"}),
            "[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but "
            "limit is 2Gi]",
        ),
    ],
)  # fmt: skip
def test_containers_keep_within(review: Reviews, stored: Any, item: Obj, given: Obj, why: str) -> None:
    world = stored(limitranges=[limits({"type": "Container", **item})])
    assert refusal(world, review("CREATE", "pods", pod(given))) == why
    assert refusal(world, review("CREATE", "pods", pod(init=[given]))) == why


def test_what_is_within_passes(review: Reviews, stored: Any) -> None:
    item = {"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "4"}}
    given = pod(container({"cpu": "0.5"}, {"cpu": "2000m"}))
    stored(limitranges=[limits(item)]).validate(PLUGIN, review("CREATE", "pods", given))


def test_a_pod_s_sum_keeps_within(review: Reviews, stored: Any) -> None:
    world = stored(limitranges=[limits({"type": "Pod", "max": {"cpu": "1"}})])
    half = container(most={"cpu": "600m"})
    world.validate(PLUGIN, review("CREATE", "pods", pod(half)))
    why = refusal(world, review("CREATE", "pods", pod(half, half)))
    assert why == "maximum cpu usage per Pod is 1, but limit is 1200m"


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ("512Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi"),
        ("10Gi", "maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi"),
    ],
)
def test_claims_keep_within(review: Reviews, stored: Any, size: str, why: str) -> None:
    item = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "5Gi"}}
    world = stored(limitranges=[limits(item)])
    claim = {"metadata": {"name": "c"}, "spec": {"resources": {"requests": {"storage": size}}}}
    assert refusal(world, review("CREATE", "persistentvolumeclaims", claim)) == why
    assert refusal(world, review("UPDATE", "persistentvolumeclaims", claim, {"metadata": {}})) == why


def test_what_it_does_not_concern(review: Reviews) -> None:
    going = {"metadata": {"name": "c", "deletionTimestamp": "2030-01-01T00:00:00Z"}}
    assert not PLUGIN.handles(review("UPDATE", "pods", pod(), pod()))
    assert not PLUGIN.handles(review("UPDATE", "persistentvolumeclaims", going, going))
    assert not PLUGIN.handles(review("CREATE", "pods/binding", pod()))
    assert PLUGIN.handles(review("UPDATE", "pods/resize", pod(), pod()))


# ---- totals

SIDECAR = container({"cpu": "1"}, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container({"cpu": "1"}), container({"cpu": "500m"})]}, "1500m"),
        ({"containers": [container({"cpu": "1"})], "initContainers": [container({"cpu": "3"})]}, "3"),
        ({"containers": [container({"cpu": "2"})], "initContainers": [container({"cpu": "1"})]}, "2"),
        (
            {"containers": [container({"cpu": "1"})], "initContainers": [SIDECAR]},
            "2",
        ),
        (
            {
                "containers": [container({"cpu": "1"})],
                "initContainers": [SIDECAR, container({"cpu": "2"})],
            },
            "3",
        ),
        ({"containers": [container({"cpu": "1"})], "resources": {"requests": {"cpu": "5", "x.y/z": "1"}}}, "5"),
    ],
)  # fmt: skip
def test_what_a_pod_asks_for(spec: Obj, cpu: str) -> None:
    assert totals(spec, "requests") == {"cpu": cpu}
