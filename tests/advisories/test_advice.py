"""End of life, skew, old registries and API versions, feature gates, the rewriting policy."""

from datetime import date
from typing import Any

import pytest

from sampan.advisories.image_policy import DEFAULT_MAP, parse_mirrors, policy, rewrite
from sampan.advisories.match import Running
from sampan.advisories.retired import from_metrics, images, old_images, old_versions
from sampan.advisories.support import lines, skew, supported
from sampan.advisories.versions import parse_version


def test_the_table_is_in_order() -> None:
    table = sorted(lines().items(), key=lambda one: parse_version(one[0]))
    ends = [line.end for _, line in table]
    assert ends == sorted(ends)
    assert lines()["1.21"].end == date(2022, 6, 28)
    assert all(str(line.last).startswith(f"{minor}.") for minor, line in table)


@pytest.mark.parametrize(
    ("version", "today", "said"),
    [
        ("1.21.14", date(2022, 6, 29), ["error: v1.21.14: support of 1.21 ended on 2022-06-28, 1 days ago"]),
        ("1.21.14", date(2022, 6, 28), ["warning: v1.21.14: support of 1.21 ends on 2022-06-28, in 0 days"]),
        ("1.21.14", date(2022, 1, 1), []),
        ("1.31.0", date(2025, 1, 1), ["warning: v1.31.0: the last patch of 1.31 is v1.31.14"]),
        ("0.9.0", date(2025, 1, 1), ["error: v0.9.0: 0.9 ended long ago"]),
        ("1.99.0", date(2025, 1, 1), ["info: v1.99.0: the end of 1.99 is not in the table"]),
    ],
)
def test_end_of_life(version: str, today: date, said: list[str]) -> None:
    found = supported(parse_version(version), lines(), today, "x")
    assert [f"{one.level}: {one.text}" for one in found] == said


@pytest.mark.parametrize(
    ("server", "kubelet", "said"),
    [
        ("1.30.0", "1.30.9", ""), ("1.30.0", "1.27.0", ""), ("1.30.0", "1.26.0", "4 minors older"),
        ("1.30.0", "1.31.0", "newer than"), ("1.24.0", "1.22.0", ""), ("1.24.0", "1.21.0", "3 minors older"),
    ],
)  # fmt: skip
def test_skew(server: str, kubelet: str, said: str) -> None:
    found = skew(parse_version(server), [Running("kubelet", parse_version(kubelet), "n")])
    assert (said in found[0].text) if said else not found


POD = {"containers": [{"image": "k8s.gcr.io/pause:3.5"}], "initContainers": [{"image": "busybox"}]}


@pytest.mark.parametrize(
    "spec", [POD, {"template": {"spec": POD}}, {"jobTemplate": {"spec": {"template": {"spec": POD}}}}]
)
def test_images_of_all_carriers(spec: Any) -> None:
    obj = {"kind": "X", "metadata": {"name": "x", "namespace": "shop"}, "spec": spec}
    assert list(images(obj)) == ["busybox", "k8s.gcr.io/pause:3.5"]
    [found] = old_images([obj])
    assert (found.where, found.text) == ("X shop/x", "k8s.gcr.io/pause:3.5: use registry.k8s.io/pause:3.5")


def test_who_writes_old_versions() -> None:
    fields = [{"manager": "helm", "apiVersion": v} for v in ("batch/v1beta1", "batch/v1", "batch/v1beta1")]
    [found] = old_versions([{"kind": "CronJob", "metadata": {"name": "c", "managedFields": fields}}])
    assert found.text == "helm writes batch/v1beta1, gone in v1.25: use batch/v1"


def test_what_the_server_s_figures_tell() -> None:
    found, gates = from_metrics(
        'apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="pdbs",subresource="",'
        'version="v1beta1"} 1\nkubernetes_feature_enabled{name="EventedPLEG",stage="ALPHA"} 1\n'
        'kubernetes_feature_enabled{name="Off",stage="BETA"} 0\nkubernetes_feature_enabled{name="Old",stage=""} 1\n'
    )
    assert [one.text for one in found] == ["pdbs of policy/v1beta1 were asked for, gone in v1.25"]
    assert gates == {"EventedPLEG": "ALPHA", "Old": "STABLE"}


def test_mirrors() -> None:
    mirrors = parse_mirrors(["k8s.gcr.io=mirror.example:5000/k8s", "k8s.gcr.io/coredns/=registry.k8s.io/coredns"])
    assert rewrite("k8s.gcr.io/pause:3.8", mirrors) == "mirror.example:5000/k8s/pause:3.8"
    assert rewrite("k8s.gcr.io/coredns:v1", mirrors) == "mirror.example:5000/k8s/coredns:v1"
    assert rewrite("k8s.gcr.io/coredns/coredns:v1", mirrors) == "registry.k8s.io/coredns/coredns:v1"
    assert rewrite("docker.io/k8s.gcr.io/x", mirrors) == "docker.io/k8s.gcr.io/x"
    for bad in ("k8s.gcr.io", "=x", "a'b=c", 'a"=c'):
        with pytest.raises(ValueError, match="expected OLD=NEW"):
            parse_mirrors([bad])


def test_the_policy_names_its_binding() -> None:
    made, binding = policy(DEFAULT_MAP)
    assert binding["spec"]["policyName"] == made["metadata"]["name"]
