"""What keeps a pod from its node, in upstream's words; and who has to make room for a critical one."""

from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.kubelet.admission.fit import Short, held
from sampan.kubelet.admission.judge import Judge
from sampan.kubelet.admission.preemption import NoVictims, victims
from sampan.kubelet.admission.sysctls import allowed

ALLOCATABLE = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "10Gi", "pods": "3", "example.com/gpu": "1"}
NODE: Obj = {
    "metadata": {"name": "n1", "labels": {"zone": "a", "kubernetes.io/os": "linux"}},
    "spec": {"taints": [{"key": "k", "effect": "NoExecute"}, {"key": "soft", "effect": "NoSchedule"}]},
}
STATIC: Obj = {"annotations": {"kubernetes.io/config.source": "file"}}
TOLERANT: Obj = {"tolerations": [{"operator": "Exists"}]}


def pod(name: str = "p", requests: Obj | None = None, limits: Obj | None = None, **spec: Any) -> Obj:
    own = {"requests": requests or {}, **({"limits": limits} if limits else {})}
    meta = {"name": name, "namespace": "default", "uid": name, **spec.pop("metadata", {})}
    containers = [{"name": "a", "image": "x", "resources": own, "ports": spec.pop("ports", [])}]
    return {"metadata": meta, "spec": {"containers": containers, **TOLERANT, **spec}}


CASES: list[tuple[str, Obj, list[Obj], tuple[str, str] | None]] = [
    ("it fits", pod(requests={"cpu": "4", "memory": "8Gi"}), [], None),
    (
        "cpu", pod(requests={"cpu": "1500m"}), [pod("b", {"cpu": "3"})],
        ("OutOfcpu", "Node didn't have enough resource: cpu, requested: 1500, used: 3000, capacity: 4000"),
    ),
    (
        "memory", pod(requests={"memory": "9Gi"}), [],
        ("OutOfmemory", "Node didn't have enough resource: memory, requested: 9663676416, used: 0, "
                        "capacity: 8589934592"),
    ),
    (
        "ephemeral storage", pod(requests={"ephemeral-storage": "11Gi"}), [],
        ("OutOfephemeral-storage", "Node didn't have enough resource: ephemeral-storage, requested: 11811160064, "
                                   "used: 0, capacity: 10737418240"),
    ),
    (
        "the number of pods comes first", pod(requests={"cpu": "9"}), [pod(n) for n in "bcd"],
        ("OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"),
    ),
    (
        "extended", pod(requests={"example.com/gpu": "1"}), [pod("b", {"example.com/gpu": "1"})],
        ("OutOfexample.com/gpu", "Node didn't have enough resource: example.com/gpu, requested: 1, used: 1, "
                                 "capacity: 1"),
    ),
    ("extended, not of this node", pod(requests={"example.com/license": "1"}), [], None),
    (
        "pages that the node has not", pod(requests={"hugepages-2Mi": "2Mi"}), [],
        ("OutOfhugepages-2Mi", "Node didn't have enough resource: hugepages-2Mi, requested: 2097152, used: 0, "
                               "capacity: 0"),
    ),
    (
        "node selector", pod(nodeSelector={"zone": "b"}), [],
        ("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"),
    ),
    (
        "host port of the same address", pod(ports=[{"hostPort": 80, "hostIP": "127.0.0.1"}]),
        [pod("b", ports=[{"hostPort": 80}])],
        ("NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"),
    ),
    ("another protocol", pod(ports=[{"hostPort": 80, "protocol": "UDP"}]), [pod("b", ports=[{"hostPort": 80}])], None),
    (
        "NoExecute", pod(tolerations=[{"key": "soft", "operator": "Exists"}]), [],
        ("TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"),
    ),
    ("NoSchedule is the scheduler's", pod(tolerations=[{"key": "k", "operator": "Exists"}]), [], None),
    (
        "static pods tolerate all", pod(tolerations=[], metadata=STATIC),
        [], None,
    ),
    (
        "another system", pod(os={"name": "windows"}), [],
        ("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"),
    ),
    (
        "another system's label", pod(metadata={"labels": {"kubernetes.io/os": "windows"}}), [],
        ("PodOSSelectorNodeLabelDoesNotMatch",
         "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"),
    ),
    (
        "sysctl", pod(securityContext={"sysctls": [{"name": "kernel/msgmax", "value": "1"}]}), [],
        ("SysctlForbidden", 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
    ),
    (
        "sysctl of the host",
        pod(hostNetwork=True, securityContext={"sysctls": [{"name": "net.core.x", "value": "1"}]}),
        [], ("SysctlForbidden", 'forbidden sysctl: "net.core.x" not allowed with host Net enabled'),
    ),
    (
        "nobody to end for a critical one", pod(requests={"cpu": "5"}, priority=2_000_000_000),
        [pod("b", {"cpu": "1"})],
        ("UnexpectedAdmissionError", "Unexpected error while attempting to recover from admission failure: preemption: "
         "error finding a set of pods to preempt: no set of running pods found to reclaim resources: "
         "[(res: cpu, q: 1000), ]"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("case", "asked", "others", "want"), CASES, ids=[case[0] for case in CASES])
def test_verdict(case: str, asked: Obj, others: list[Obj], want: tuple[str, str] | None) -> None:
    judge = Judge(allowed(("net.core.*",)))
    found = judge.verdict(held(asked), [held(other) for other in others], NODE, ALLOCATABLE)
    assert found.refusal == want, case
    assert not found.preempt


def guaranteed(name: str, cpu: str, memory: str = "100Mi", **more: Any) -> Obj:
    both = {"cpu": cpu, "memory": memory}
    return pod(name, both, both, **more)


@pytest.mark.parametrize(
    ("others", "short", "want"),
    [
        ([pod("b", {"cpu": "2"}), pod("c", {"cpu": "3"})], 1000, ["b"]),
        ([pod("b", {"cpu": "2"}), pod("c", {"cpu": "2", "memory": "1Mi"})], 2000, ["b"]),
        ([guaranteed("g", "3"), pod("b", {"cpu": "1"})], 1000, ["b"]),
        ([guaranteed("g", "3"), pod("b", {"cpu": "1"})], 2000, ["g"]),
        ([guaranteed("g", "2"), pod("b", {"cpu": "2"})], 4000, ["b", "g"]),
        ([pod("b", {"cpu": "4"}, priority=2_000_001_000)], 1000, None),
        ([pod("b", {"cpu": "4"}, priority=2_000_000_000)], 1000, ["b"]),
        ([pod("b", {"cpu": "1"}), pod("c", {"cpu": "1"}), pod("d", {"cpu": "3"})], 3000, ["d"]),
    ],
)
def test_preemption(others: list[Obj], short: int, want: list[str] | None) -> None:
    critical = pod("critical", priority=2_000_000_500)
    asked = [Short("cpu", short, 4000, 4000)]
    if want is None:
        with pytest.raises(NoVictims):
            victims(critical, [held(other) for other in others], asked)
        return
    found = victims(critical, [held(other) for other in others], asked)
    assert [victim.pod["metadata"]["name"] for victim in found] == want


@pytest.mark.parametrize(
    ("pattern", "want"),
    [
        ("net.*", None), ("kernel.shm*", None), ("kernel/msgmax", None), ("fs.mqueue.*", None),
        ("vm.swappiness", 'the sysctls "vm.swappiness" are not known to be namespaced'),
        ("*", 'the sysctls "" are not known to be namespaced'),
        ("Net.x", 'sysctl "Net.x" must have at most 253 characters and match regex '
                  "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]"),
    ],
)  # fmt: skip
def test_what_may_be_allowed(pattern: str, want: str | None) -> None:
    if want is None:
        assert allowed((pattern,))
        return
    with pytest.raises(ValueError, match=r"sysctl") as refused:
        allowed((pattern,))
    assert str(refused.value) == want


def test_safe_ones_depend_on_the_kernel() -> None:
    assert "net.ipv4.tcp_rmem" in allowed((), "6.1.0-13-amd64").names
    assert "net.ipv4.tcp_rmem" not in allowed((), "4.14.2").names
