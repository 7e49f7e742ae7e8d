"""PodSecurity: what is refused, warned of, annotated and counted, for pods, carriers and namespaces."""

from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.pod_security.configuration import Configuration, Exemptions
from sampan.api.pod_security.levels import LevelVersion, Policy
from sampan.apiserver.admission.plugin import Facts, Need
from sampan.apiserver.admission.plugins.pod_security import PodSecurity
from sampan.apiserver.admission.plugins.pod_security_existing import existing_pods
from sampan.apiserver.admission.pod_security_metrics import PodSecurityMetrics
from sampan.apiserver.admission.review import Review
from sampan.apiserver.context import UserInfo
from sampan.obs.metrics import Metrics

Reviews = Callable[..., Review]
Obj = dict[str, Any]
P = "pod-security.kubernetes.io/"
BAD: Obj = {"hostPID": True, "containers": [{"name": "c", "image": "i"}]}
WOULD = 'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'


def namespace(name: str = "ns", **labels: str) -> Obj:
    return {"metadata": {"name": name, "labels": {f"{P}{k.replace('_', '-')}": v for k, v in labels.items()}}}


def pod(name: str = "p", *, owner: str = "", **spec: Any) -> Obj:
    meta: Obj = {"name": name, "namespace": "ns"}
    if owner:
        meta["ownerReferences"] = [{"uid": owner, "controller": True, "kind": "ReplicaSet", "name": owner}]
    return {"metadata": meta, "spec": {**BAD, **spec}}


class Asked:
    """One plugin with its metrics; `ask` gives the review after it, or raises."""

    def __init__(self, configuration: Configuration = Configuration()) -> None:  # noqa: B008
        self.metrics = Metrics()
        self.plugin = PodSecurity(configuration, PodSecurityMetrics(self.metrics, 36))

    def ask(
        self, review: Review, *stored: Obj, failing: str = "", elapsed: Callable[[], float] = lambda: 0.0
    ) -> Review:
        """`failing`: the plural whose read fails."""
        assert self.plugin.handles(review)
        plurals = {True: "pods", False: "namespaces"}
        found = {
            need: [one for one in stored if plurals["spec" in one] == need.plural]
            for need in self.plugin.needs(review)
            if need.plural != failing
        }
        self.plugin.validate(review, Facts(found, monotonic=elapsed))
        return review

    def counted(self) -> list[str]:
        """The samples that are not comments."""
        return sorted(line for line in self.metrics.text().decode().splitlines() if line.startswith("pod_security"))


# ---- pods


def test_enforced(review: Reviews) -> None:
    asked, made = Asked(), review("CREATE", "pods", pod())
    with pytest.raises(StatusError) as caught:
        asked.ask(made, namespace(enforce="baseline", audit="restricted", audit_version="v1.0"))
    assert caught.value.code == 403
    assert caught.value.message == (
        'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    )
    assert made.warnings == [], "a refused request carries no warnings"
    assert made.annotations == {
        f"{P}enforce-policy": "baseline:latest",
        f"{P}audit-violations": 'would violate PodSecurity "restricted:v1.0": host namespaces (hostPID=true), '
        'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
    }
    assert asked.counted() == [
        'pod_security_evaluations_total{decision="deny",mode="audit",policy_level="restricted",policy_version="v1.0",'
        'request_operation="create",resource="pod",subresource=""} 1.0',
        'pod_security_evaluations_total{decision="deny",mode="enforce",policy_level="baseline",policy_version="latest",'
        'request_operation="create",resource="pod",subresource=""} 1.0',
    ]


def test_warned_and_audited(review: Reviews) -> None:
    asked = Asked()
    made = asked.ask(review("CREATE", "pods", pod()), namespace(warn="baseline", audit="baseline"))
    assert made.warnings == [WOULD]
    assert made.annotations == {f"{P}enforce-policy": "privileged:latest", f"{P}audit-violations": WOULD}
    assert [line.partition("{")[2][:33] for line in asked.counted()] == [
        'decision="allow",mode="enforce",p', 'decision="deny",mode="audit",poli', 'decision="deny",mode="warn",polic',
    ]  # fmt: skip


def test_privileged_namespaces_are_not_looked_into(review: Reviews) -> None:
    made = Asked().ask(review("CREATE", "pods", {"metadata": {}, "spec": None}), namespace())
    assert made.annotations == {f"{P}enforce-policy": "privileged:latest"}


def test_enforce_alone_warns_too(review: Reviews) -> None:
    made = Asked().ask(
        review("CREATE", "deployments.apps", {"spec": {"template": pod()}}), namespace(enforce="baseline")
    )
    assert made.warnings == [WOULD]


def test_a_future_version_evaluates_as_the_newest(review: Reviews) -> None:
    asked = Asked()
    with pytest.raises(StatusError, match=r"baseline:v1\.99"):
        asked.ask(review("CREATE", "pods", pod()), namespace(enforce="baseline", enforce_version="v1.99"))
    assert 'policy_version="future"' in asked.counted()[0]


@pytest.mark.parametrize("name", ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"])
def test_subresources_that_change_no_spec_are_not_asked(review: Reviews, name: str) -> None:
    for operation in ("CREATE", "UPDATE", "CONNECT"):
        assert not PodSecurity().handles(review(operation, f"pods/{name}", pod()))


@pytest.mark.parametrize("subresource", ["ephemeralcontainers", "resize", "unheardof"])
def test_other_subresources_are(review: Reviews, subresource: str) -> None:
    new = pod(ephemeralContainers=[{"name": "e", "image": "i"}])
    with pytest.raises(StatusError, match="violates PodSecurity"):
        Asked().ask(review("UPDATE", f"pods/{subresource}", new, pod()), namespace(enforce="baseline"))


OTHER_IMAGE: Obj = {"containers": [{"name": "c", "image": "other"}]}
TWO: Obj = {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]}
EPHEMERAL: Obj = {"ephemeralContainers": [{"name": "e", "image": "i"}]}


@pytest.mark.parametrize(
    ("new", "old", "significant"),
    [
        (pod(), pod(), False),
        ({**pod(), "metadata": {"name": "p", "labels": {"a": "b"}}}, pod(), False),
        (pod(activeDeadlineSeconds=5), pod(), False),
        (pod(**OTHER_IMAGE), pod(), True),
        (pod(**TWO), pod(), True),
        (pod(initContainers=[{"name": "i", "image": "x"}]), pod(), True),
        (pod(initContainers=[{"name": "i", "image": "x"}]), pod(initContainers=[{"name": "i", "image": "y"}]), True),
        (pod(**EPHEMERAL), pod(), True),
        (pod(**EPHEMERAL), pod(**EPHEMERAL), False),
        (pod(), pod(**EPHEMERAL), False),
        (pod(ephemeralContainers=[{"name": "e", "image": "x"}]), pod(**EPHEMERAL), True),
    ],
)
def test_only_significant_updates_are_evaluated(review: Reviews, new: Obj, old: Obj, significant: bool) -> None:
    asked, made = Asked(), review("UPDATE", "pods", new, old)
    if significant:
        with pytest.raises(StatusError, match="violates PodSecurity"):
            asked.ask(made, namespace(enforce="baseline"))
    else:
        assert asked.ask(made, namespace(enforce="baseline")).annotations == {}


def test_a_missing_or_unreadable_namespace_is_an_error_for_pods_and_a_note_for_carriers(review: Reviews) -> None:
    for failing in ("", "namespaces"):
        asked, made = Asked(), review("CREATE", "pods", pod())
        with pytest.raises(StatusError) as caught:
            asked.ask(made, failing=failing)
        assert (caught.value.code, caught.value.message) == (
            500, 'Internal error occurred: failed to lookup namespace "ns"',
        )  # fmt: skip
        carrier = asked.ask(review("CREATE", "jobs.batch", {"spec": {"template": pod()}}), failing=failing)
        assert carrier.annotations == {f"{P}error": 'failed to lookup namespace "ns"'}
        assert [line.rpartition(",subresource")[0] for line in asked.counted()] == [
            'pod_security_errors_total{fatal="true",request_operation="create",resource="controller"',
            'pod_security_errors_total{fatal="true",request_operation="create",resource="pod"',
        ]


def test_bad_labels_of_an_old_namespace(review: Reviews) -> None:
    asked, made = Asked(), review("CREATE", "pods", pod())
    with pytest.raises(StatusError, match="restricted:latest"):
        asked.ask(made, namespace(enforce="banana", warn="x"))
    assert made.annotations[f"{P}error"] == (
        f'Failed to parse policy: [metadata.labels[{P}enforce]: Invalid value: "banana": must be one of privileged, '
        f'baseline, restricted, metadata.labels[{P}warn]: Invalid value: "x": must be one of privileged, baseline, '
        "restricted]"
    )
    assert any(line.startswith('pod_security_errors_total{fatal="false"') for line in asked.counted())


# ---- exemptions

EXEMPT = Configuration(Policy(), Exemptions(frozenset({"boss"}), frozenset({"free"}), frozenset({"sandbox"})))


@pytest.mark.parametrize(
    ("why", "more", "spec"),
    [("namespace", {"namespace": "free"}, {}), ("user", {"user": UserInfo("boss")}, {}),
     ("runtimeClass", {}, {"runtimeClassName": "sandbox"})],
)  # fmt: skip
def test_exemptions(review: Reviews, why: str, more: Obj, spec: Obj) -> None:
    asked = Asked(EXEMPT)
    labels = namespace(enforce="restricted", warn="restricted", audit="restricted")
    for made in (
        review("CREATE", "pods", pod(**spec), **more),
        review("CREATE", "deployments.apps", {"spec": {"template": pod(**spec)}}, **more),
    ):
        asked.ask(made, labels)
        assert made.annotations == {f"{P}exempt": why}
        assert made.warnings == []
    assert [line.partition("{")[0] for line in asked.counted()] == ["pod_security_exemptions_total"] * 2


def test_exempt_requests_do_not_read_the_namespace(review: Reviews) -> None:
    assert PodSecurity(EXEMPT).needs(review("CREATE", "pods", pod(), namespace="free")) == ()
    assert len(PodSecurity(EXEMPT).needs(review("CREATE", "pods", pod()))) == 1


# ---- carriers

CARRIERS = {
    "replicationcontrollers": {"spec": {"template": pod()}},
    "podtemplates": {"template": pod()},
    "replicasets.apps": {"spec": {"template": pod()}},
    "deployments.apps": {"spec": {"template": pod()}},
    "statefulsets.apps": {"spec": {"template": pod()}},
    "daemonsets.apps": {"spec": {"template": pod()}},
    "jobs.batch": {"spec": {"template": pod()}},
    "cronjobs.batch": {"spec": {"jobTemplate": {"spec": {"template": pod()}}}},
}


@pytest.mark.parametrize("plural", CARRIERS)
def test_carriers_are_never_refused(review: Reviews, plural: str) -> None:
    made = Asked().ask(
        review("CREATE", plural, CARRIERS[plural]), namespace(enforce="restricted", warn="baseline", audit="baseline")
    )
    assert made.warnings == [WOULD]
    assert made.annotations == {f"{P}audit-violations": WOULD}
    quiet = Asked().ask(
        review("UPDATE", plural, CARRIERS[plural], {}), namespace(enforce="baseline", warn="privileged")
    )
    assert (quiet.warnings, quiet.annotations) == ([], {})


def test_subresources_of_carriers_and_other_kinds_are_not_asked(review: Reviews) -> None:
    for plural in ("deployments.apps/scale", "deployments.apps/status", "namespaces/finalize", "configmaps"):
        assert not PodSecurity().handles(review("UPDATE", plural, {}, {}))
    assert not PodSecurity().handles(review("DELETE", "pods", None, pod()))


def test_a_controller_without_a_template(review: Reviews) -> None:
    made = Asked().ask(review("CREATE", "replicationcontrollers", {"spec": {}}), namespace(warn="restricted"))
    assert (made.warnings, made.annotations) == ([], {})


# ---- namespaces


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"enforce": "banana"}, "must be one of privileged, baseline, restricted"),
        ({"warn": ""}, "must be one of privileged, baseline, restricted"),
        ({"audit-version": "v1.08"}, 'must be "latest" or "v1.x"'),
    ],
)
def test_bad_labels_are_refused(review: Reviews, labels: dict[str, str], why: str) -> None:
    ((label, value),) = labels.items()
    bad = {"metadata": {"name": "ns", "labels": {f"{P}{label}": value}}}
    with pytest.raises(StatusError) as caught:
        Asked().ask(review("CREATE", "namespaces", bad, namespace=""))
    assert caught.value.code == 422
    assert (
        caught.value.message
        == f'Namespace "ns" is invalid: metadata.labels[{P}{label}]: Invalid value: "{value}": {why}'
    )
    with pytest.raises(StatusError):
        Asked().ask(review("UPDATE", "namespaces", bad, namespace()))


def test_a_namespace_that_was_broken_before_can_be_edited(review: Reviews) -> None:
    broken = namespace(enforce="banana")
    edited = {"metadata": {**broken["metadata"], "annotations": {"a": "b"}}}
    Asked().ask(review("UPDATE", "namespaces", edited, broken))
    with pytest.raises(StatusError):
        Asked().ask(review("UPDATE", "namespaces", namespace(enforce="apple"), broken))


def change(review: Reviews, new: Obj, old: Obj) -> Review:
    return review("UPDATE", "namespaces", new, old, namespace="ns")


def test_tightening_tells_of_pods_that_violate(review: Reviews) -> None:
    pods = [
        pod("b", owner="rs"), pod("a", owner="rs"), pod("c", hostIPC=True),
        pod("d", hostPID=False), pod("x"), pod("e", hostIPC=True), pod("z"),
    ]  # fmt: skip
    made = Asked().ask(change(review, namespace(enforce="baseline"), namespace()), *pods)
    assert made.warnings == [
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
        "a (and 5 other pods): host namespaces",
    ]


def test_two_pods_of_one_controller_are_one_line(review: Reviews) -> None:
    made = Asked().ask(
        change(review, namespace(enforce="baseline", enforce_version="v1.30"), namespace()),
        pod("web-2", owner="rs"), pod("web-1", owner="rs"),
        pod("lone", containers=[{"name": "c", "ports": [{"hostPort": 1}]}]),
    )  # fmt: skip
    assert made.warnings == [
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:v1.30"',
        "lone: host namespaces, hostPort",
        "web-1 (and 1 other pod): host namespaces",
    ]


@pytest.mark.parametrize(
    ("new", "old", "looked"),
    [
        (namespace(enforce="baseline"), namespace(enforce="baseline"), False),
        (namespace(enforce="privileged"), namespace(enforce="baseline"), False),
        (namespace(enforce="baseline"), namespace(enforce="restricted"), False),
        (namespace(enforce="restricted"), namespace(enforce="baseline"), True),
        (namespace(enforce="baseline", enforce_version="v1.1"), namespace(enforce="baseline"), True),
        (namespace(enforce="baseline", enforce_version="v1.1"), namespace(enforce="restricted"), True),
        (namespace(warn="restricted"), namespace(), False),
    ],
)
def test_when_pods_are_looked_at(review: Reviews, new: Obj, old: Obj, looked: bool) -> None:
    asked, made = Asked(), change(review, new, old)
    assert (asked.plugin.needs(made) != ()) == looked
    assert bool(asked.ask(made, pod()).warnings) == looked


def test_only_3000_pods_are_looked_at_one_of_each_controller_first(review: Reviews) -> None:
    pods = [pod(f"p{index:04}", owner="rs") for index in range(3000)] + [pod("other", owner="second", hostIPC=True)]
    made = Asked().ask(change(review, namespace(enforce="baseline"), namespace()), *pods)
    assert made.warnings[0] == "new PodSecurity enforce level only checked against the first 3000 of 3001 existing pods"
    assert made.warnings[2].startswith("other (and 2999 other pods): ")


def test_no_more_than_a_second_is_spent(review: Reviews) -> None:
    times = iter([0.0, 0.1, 0.5, 1.2])
    made = Asked().ask(
        change(review, namespace(enforce="baseline"), namespace()),
        *(pod(f"p{index}") for index in range(9)),
        elapsed=lambda: next(times),
    )
    assert made.warnings == [
        "new PodSecurity enforce level only checked against the first 3 of 9 existing pods",
        'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
        "p0 (and 2 other pods): host namespaces",
    ]


def test_pods_that_cannot_be_listed(review: Reviews) -> None:
    made = Asked().ask(change(review, namespace(enforce="baseline"), namespace()), failing="pods")
    assert made.warnings == ["failed to list pods while checking new PodSecurity enforce level"]


def test_pods_of_exempt_runtime_classes_are_left_out(review: Reviews) -> None:
    made = Asked(EXEMPT).ask(
        change(review, namespace(enforce="baseline"), namespace()), pod(runtimeClassName="sandbox")
    )
    assert made.warnings == []


def test_labels_of_an_exempt_namespace_are_said_to_do_nothing(review: Reviews) -> None:
    asked = Asked(EXEMPT)
    labels = {"enforce": "baseline", "audit_version": "v1.3", "warn": "restricted", "warn_version": "v1.2"}
    said = [
        'namespace "free" is exempt from Pod Security, and the policy (enforce=baseline:latest, warn=restricted:v1.2) '
        "will be ignored"
    ]
    new = namespace("free", **labels)
    assert asked.ask(review("CREATE", "namespaces", new, namespace="")).warnings == said
    assert asked.ask(review("UPDATE", "namespaces", new, namespace("free")), pod()).warnings == said
    assert asked.ask(review("UPDATE", "namespaces", new, new)).warnings == []
    assert asked.ask(review("CREATE", "namespaces", namespace("free", enforce="privileged"))).warnings == []
    strict = Asked(EXEMPT._replace(defaults=Policy(enforce=LevelVersion("baseline"), warn=LevelVersion("baseline"))))
    assert strict.ask(review("CREATE", "namespaces", namespace("free", enforce="baseline"))).warnings == []


def test_existing_pods_without_a_violation() -> None:
    assert existing_pods("ns", LevelVersion("baseline"), [], lambda: 0.0) == []
    assert existing_pods("ns", LevelVersion("baseline"), [pod(hostPID=False)], lambda: 5.0) == []


def test_needs_may_fail(review: Reviews) -> None:
    (need,) = PodSecurity().needs(review("CREATE", "pods", pod()))
    assert need == Need("", "namespaces", "", "ns", may_fail=True)
