"""What writes cost, which quotas they concern, and the words of refusals (answers of a real API server)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.resources.quota.check import Exceeded, charge
from sampan.resources.quota.evaluator import Change, matches, requirements
from sampan.resources.quota.registry import counted_kind, evaluator_of

Obj = dict[str, Any]
GROUPS = {"resourceclaims": "resource.k8s.io", "widgets": "example.com"}


class World:
    """Device classes `gpu` (an extended resource) and `plain`, and one pod with a claim."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def extended_resources(self) -> Mapping[str, str]:
        return {"gpu": "example.com/gpu", "plain": ""}

    def pod(self, namespace: str, name: str) -> Obj | None:
        container = {"name": "c", "resources": {"requests": {"example.com/gpu": "2"}}}
        return {"metadata": {"name": name, "uid": "u"}, "spec": {"containers": [container]}} if name == "p" else None

    def claims_of_pod(self, namespace: str, uid: str) -> Sequence[Obj]:
        return ()


def pod(*containers: Obj, **spec: Any) -> Obj:
    made = [{"name": f"c{number}", "resources": resources} for number, resources in enumerate(containers)]
    return {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"containers": made, **spec}}


def asks(**requests: str) -> Obj:
    return {"requests": {name.replace("_", "-"): amount for name, amount in requests.items()}}


def quota(hard: Obj, used: Obj | None = None, **spec: Any) -> Obj:
    used = dict.fromkeys(hard, "0") if used is None else used
    return {"metadata": {"name": "q", "namespace": "ns"}, "spec": spec, "status": {"hard": hard, "used": used}}


def used_after(plural: str, quotas: list[Obj], new: Obj, old: Obj | None = None, subresource: str = "") -> list[Obj]:
    evaluator = evaluator_of(GROUPS.get(plural, ""), plural)
    assert evaluator is not None
    change = Change("UPDATE" if old is not None else "CREATE", subresource, new, old)
    assert evaluator.handles(change)
    return [one["status"]["used"] for one in charge(quotas, change, evaluator, World())]


SIDECAR = {"name": "s", "restartPolicy": "Always", "resources": asks(cpu="300m")}
FIRST = {"name": "i", "resources": asks(cpu="2")}
SERVICE = {"spec": {"type": "NodePort", "ports": [{"port": 1}, {"port": 2}]}}
BALANCED = {"spec": {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2}]}}
NO_PORTS = {"spec": {**BALANCED["spec"], "allocateLoadBalancerNodePorts": False}}
CLAIM = {"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1500m"}}}}
GPUS = {
    "spec": {
        "devices": {"requests": [{"exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 3}}]}
    }
}
BEST = {"spec": {"devices": {"requests": [{"firstAvailable": [
    {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 2},
    {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 4},
    {"deviceClassName": "plain", "allocationMode": "All"},
]}]}}}  # fmt: skip
OF_POD = {
    "metadata": {
        "name": "c", "namespace": "ns", "annotations": {"resource.kubernetes.io/extended-resource-claim": "true"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}],
    },
    **GPUS,
}  # fmt: skip
BY_CLASS = "deviceclass.resource.k8s.io/devices"
HUGE = "hugepages-2Mi"
IMPLICIT = "requests.deviceclass.resource.kubernetes.io/gpu"


@pytest.mark.parametrize(
    ("plural", "obj", "cost"),
    [
        ("pods", pod(asks(cpu="1"), asks(cpu="500m")), {"cpu": "1500m", "requests.cpu": "1500m", "pods": "1"}),
        ("pods", pod(asks(cpu="1"), initContainers=[SIDECAR, FIRST]), {"requests.cpu": "2300m"}),
        ("pods", pod({"limits": {"memory": "1Gi"}}), {"limits.memory": "1Gi", "limits.ephemeral-storage": "0"}),
        ("pods", pod(asks(cpu="1"), overhead={"cpu": "250m"}), {"requests.cpu": "1250m"}),
        ("pods", pod(asks(cpu="1"), resources=asks(cpu="3")), {"requests.cpu": "3"}),
        ("pods", pod({"requests": {"example.com/gpu": "2"}}), {"requests.example.com/gpu": "2"}),
        ("pods", pod({"requests": {HUGE: "4Mi"}}), {f"requests.{HUGE}": "4Mi", HUGE: "4Mi"}),
        ("pods", {**pod(asks(cpu="1")), "status": {"phase": "Failed"}}, {"pods": "0", "cpu": "0", "count/pods": "1"}),
        ("services", SERVICE, {"services": "1", "services.nodeports": "2", "services.loadbalancers": "0"}),
        ("services", BALANCED, {"services.nodeports": "2", "services.loadbalancers": "1"}),
        ("services", NO_PORTS, {"services.nodeports": "0", "services.loadbalancers": "1"}),
        ("persistentvolumeclaims", CLAIM, {"requests.storage": "2", "count/persistentvolumeclaims": "1"}),
        ("persistentvolumeclaims", CLAIM, {"fast.storageclass.storage.k8s.io/requests.storage": "2"}),
        ("persistentvolumeclaims", CLAIM, {"slow.storageclass.storage.k8s.io/persistentvolumeclaims": "0"}),
        ("resourceclaims", GPUS, {f"gpu.{BY_CLASS}": "3", "requests.example.com/gpu": "3", IMPLICIT: "3"}),
        ("resourceclaims", BEST, {f"gpu.{BY_CLASS}": "4", f"plain.{BY_CLASS}": "32"}),
        ("resourceclaims", OF_POD, {f"gpu.{BY_CLASS}": "3", "requests.example.com/gpu": "1", IMPLICIT: "3"}),
        ("secrets", {}, {"secrets": "1", "count/secrets": "1"}),
        ("widgets", {}, {"count/widgets.example.com": "1", "widgets": "0"}),
    ],
)  # fmt: skip
def test_what_new_objects_cost(plural: str, obj: Obj, cost: Obj) -> None:
    assert used_after(plural, [quota(dict.fromkeys(cost, "100Gi"))], obj) == [cost]


def test_a_resize_costs_the_difference_and_gives_nothing_back() -> None:
    full = quota({"requests.cpu": "5", "requests.memory": "1Gi"}, {"requests.cpu": "2", "requests.memory": "1Gi"})
    old, new = pod(asks(cpu="1", memory="1Gi")), pod(asks(cpu="3", memory="1Mi"))
    assert used_after("pods", [full], new, old, "resize") == [{"requests.cpu": "4", "requests.memory": "1Gi"}]


def test_what_comes_into_a_scope_costs_all() -> None:
    ending = quota({"pods": "2"}, {"pods": "1"}, scopes=["Terminating"])
    assert used_after("pods", [ending], pod(activeDeadlineSeconds=5), pod()) == [{"pods": "2"}]


def test_a_status_is_not_refused() -> None:
    full = quota({"requests.storage": "1"})
    old = {"spec": {"resources": {"requests": {"storage": "1"}}}}
    new = {**old, "status": {"allocatedResources": {"storage": "5"}}}
    assert used_after("persistentvolumeclaims", [full], new, old, "status") == [{"requests.storage": "4"}]


@pytest.mark.parametrize(
    ("limits", "obj", "text"),
    [
        (
            quota({"requests.cpu": "2", "pods": "1"}, {"requests.cpu": "1900m", "pods": "1"}),
            pod(asks(cpu="0.5")),
            "exceeded quota: q, requested: pods=1,requests.cpu=500m, used: pods=1,requests.cpu=1900m, "
            "limited: pods=1,requests.cpu=2",
        ),
        (
            quota({"limits.cpu": "2", "memory": "1Gi"}),
            pod({}, asks(memory="1Mi")),
            "failed quota: q: must specify limits.cpu for: c0,c1; memory for: c0",
        ),
        (quota({"pods": "1", "cpu": "1"}, {}), pod(asks(cpu="1")), "status unknown for quota: q, resources: cpu,pods"),
    ],
)
def test_refusals(limits: Obj, obj: Obj, text: str) -> None:
    with pytest.raises(Exceeded) as error:
        used_after("pods", [limits], obj)
    assert str(error.value) == text


def test_who_says_what_the_whole_pod_needs_need_not_say_it_of_containers() -> None:
    limits = quota({"cpu": "2"})
    assert used_after("pods", [limits], pod({}, resources=asks(cpu="1"))) == [{"cpu": "1"}]


FAR = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["x"]}]}}
NEAR: Obj = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": {}}]}}
GOLD = {"spec": {}, "status": {"modifyVolumeStatus": {"targetVolumeAttributesClassName": "gold"}}}


def scope(name: str, operator: str = "Exists", *values: str) -> Obj:
    return {"scopeSelector": {"matchExpressions": [{"scopeName": name, "operator": operator, "values": list(values)}]}}


@pytest.mark.parametrize(
    ("plural", "spec", "inside", "outside"),
    [
        ("pods", {"scopes": ["BestEffort"]}, pod(), pod(asks(cpu="1"))),
        ("pods", {"scopes": ["NotBestEffort", "NotTerminating"]}, pod(asks(cpu="1")), pod()),
        ("pods", {"scopes": ["Terminating"]}, pod(activeDeadlineSeconds=0), pod()),
        ("pods", {"scopes": ["PriorityClass"]}, pod(priorityClassName="a"), pod()),
        ("pods", scope("PriorityClass", "In", "a"), pod(priorityClassName="a"), pod(priorityClassName="b")),
        ("pods", scope("PriorityClass", "NotIn", "a"), pod(), pod(priorityClassName="a")),
        ("pods", scope("PriorityClass", "DoesNotExist"), pod(), pod(priorityClassName="a")),
        ("pods", {"scopes": ["CrossNamespacePodAffinity"]}, pod(affinity=FAR), pod(affinity=NEAR)),
        ("persistentvolumeclaims", scope("VolumeAttributesClass", "In", "gold"), GOLD, {}),
        ("persistentvolumeclaims", scope("VolumeAttributesClass", "NotIn", "gold"), {}, GOLD),
    ],
)
def test_scopes(plural: str, spec: Obj, inside: Obj, outside: Obj) -> None:
    evaluator = evaluator_of("", plural)
    assert evaluator is not None
    wanted = requirements({"spec": spec})
    assert [matches(wanted, evaluator, obj) for obj in (inside, outside)] == [True, False]


def test_events_and_reviews_cost_nothing() -> None:
    assert evaluator_of("", "events") is None
    assert evaluator_of("authorization.k8s.io", "subjectaccessreviews") is None


def test_kinds_that_are_counted_by_name() -> None:
    names = ("count/deployments.apps", "count/pods", "secrets", "pods", "requests.cpu")
    assert [counted_kind(name) for name in names] == [
        ("apps", "deployments"),
        ("", "pods"),
        ("", "secrets"),
        None,
        None,
    ]
