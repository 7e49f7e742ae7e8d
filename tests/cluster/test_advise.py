"""A survey of a live cluster, and the rewriting policy at work in it."""

from datetime import date
from typing import Any

from sampan import Cluster
from sampan.advisories.image_policy import parse_mirrors, policy, rewrite
from sampan.advisories.survey import survey
from sampan.api.json import Obj
from sampan.resources.kinds import MUTATINGADMISSIONPOLICIES, MUTATINGADMISSIONPOLICYBINDINGS, PODS

OLD = ("k8s.gcr.io/pause:3.5", "busybox", "k8s.gcr.io/coredns/coredns:v1")


def pod(name: str) -> Obj:
    containers: list[Any] = [{"name": f"c{n}", "image": image} for n, image in enumerate(OLD)]
    first = [{"name": "i", "image": OLD[0]}]
    spec = {"containers": containers, "initContainers": first}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


async def test_survey_and_policy() -> None:
    async with Cluster(runtime="simulated", kubernetes_version="1.37") as cluster:
        api = cluster.api()
        await api.create(PODS, pod("before"))
        found = await survey(api, [], {}, date(2026, 1, 1))
        assert [one.where for one in found.findings if one.kind == "registry"] == ["Pod default/before"] * 2
        assert found.unseen == []
        mirrors = parse_mirrors(["k8s.gcr.io=registry.k8s.io", "k8s.gcr.io/coredns=mirror.example/dns"])
        made, binding = policy(mirrors)
        await api.create(MUTATINGADMISSIONPOLICIES, made)
        await api.create(MUTATINGADMISSIONPOLICYBINDINGS, binding)
        after = await api.create(PODS, pod("after"))
        assert [c["image"] for c in after["spec"]["containers"]] == [rewrite(image, mirrors) for image in OLD]
        assert after["spec"]["initContainers"][0]["image"] == "registry.k8s.io/pause:3.5"
