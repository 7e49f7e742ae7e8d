"""EndpointSlices and Endpoints over the real API (FACTS §7.5 and upstream's reconciler tests)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.resources.kinds import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAMES = ("endpointslice-controller", "endpoints-controller")
OURS = {
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
}


def service(**spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {
        "metadata": {"name": "web", "namespace": "default", "labels": {"team": "a"}},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i", "ports": spec.pop("ports", [])}
    meta = {"name": name, "namespace": "default", "labels": {"app": "web"}}
    return {"metadata": meta, "spec": {"nodeName": "n1", "containers": [container], **spec}}


async def slices(world: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await world.all(ENDPOINTSLICES, labels="kubernetes.io/service-name=web")
    return found


async def node(world: Any, name: str = "n1", zone: str = "z1") -> None:
    await world.create(NODES, {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}})


def addresses(endpoint_slice: dict[str, Any]) -> list[str]:
    return sorted(e["addresses"][0] for e in endpoint_slice.get("endpoints") or [])


async def test_a_service_without_pods_has_one_empty_slice_that_is_never_rewritten(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await world.create(SERVICES, service())
        (first,) = await slices(world)
        assert first["metadata"]["labels"] == {**OURS, "team": "a"}
        assert first["metadata"]["generateName"] == "web-"
        assert (first["endpoints"] or [], first["ports"] or []) == ([], [])
        assert first["metadata"]["ownerReferences"][0]["kind"] == "Service"
        for number in range(10):
            await world.patch(SERVICES, "web", {"metadata": {"annotations": {"n": str(number)}}})
        (again,) = await slices(world)
        assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_a_wrong_label_is_put_right_by_one_write(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await world.create(SERVICES, service())
        (first,) = await slices(world)
        patched = await world.patch(ENDPOINTSLICES, first["metadata"]["name"], {"metadata": {"labels": {"x": "y"}}})
        (again,) = await slices(world)
        assert again["metadata"]["labels"] == {**OURS, "team": "a"}
        assert again["metadata"]["name"] == first["metadata"]["name"]
        assert again["metadata"]["generation"] == patched["metadata"]["generation"] + 1  # labels count for slices
        await world.patch(SERVICES, "web", {"metadata": {"labels": {"team": "b"}}})
        (again,) = await slices(world)
        assert again["metadata"]["labels"]["team"] == "b"


async def test_the_first_pod_takes_over_the_placeholder_and_the_last_leaves_it(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        await world.create(SERVICES, service())
        (holder,) = await slices(world)
        made = await world.create(PODS, pod("a"))
        await world.make_ready(made)
        (full,) = await slices(world)
        assert full["metadata"]["name"] == holder["metadata"]["name"]
        assert full["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        assert full["endpoints"] == [
            {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": "n1",
                "zone": "z1",
                "targetRef": {"kind": "Pod", "namespace": "default", "name": "a", "uid": made["metadata"]["uid"]},
            }
        ]
        assert full["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"]
        await world.delete(PODS, "a", grace_seconds=0)
        (empty,) = await slices(world)
        assert not empty["endpoints"]
        assert empty["metadata"]["name"] == holder["metadata"]["name"]


async def test_conditions_of_unready_and_terminating_pods(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        await world.create(SERVICES, service())
        await world.create(PODS, pod("up"))
        await world.create(PODS, pod("down"))
        await world.create(PODS, pod("over"))
        up, down, over = [await world.get(PODS, name) for name in ("up", "down", "over")]
        await world.make_ready(up, down, over)
        await world.pod_status(down, {"conditions": [{"type": "Ready", "status": "False"}]})
        await world.pod_status(over, {"phase": "Succeeded"})
        await world.delete(PODS, "up", grace_seconds=30)
        (made,) = await slices(world)
        found = {e["targetRef"]["name"]: e["conditions"] for e in made["endpoints"]}
        assert found == {
            "up": {"ready": False, "serving": True, "terminating": True},
            "down": {"ready": False, "serving": False, "terminating": False},
        }
        legacy = await world.get(ENDPOINTS, "web")
        (subset,) = legacy["subsets"]
        assert "addresses" not in subset, "Endpoints leave terminating pods out"
        assert [a["targetRef"]["name"] for a in subset["notReadyAddresses"]] == ["down"]
        await world.patch(SERVICES, "web", {"spec": {"publishNotReadyAddresses": True}})
        (made,) = await slices(world)
        assert all(e["conditions"]["ready"] for e in made["endpoints"])
        (subset,) = (await world.get(ENDPOINTS, "web"))["subsets"]
        assert [a["targetRef"]["name"] for a in subset["addresses"]] == ["up", "down"]


async def test_named_ports_differ_from_pod_to_pod(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        ports = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "m", "port": 9, "targetPort": 9}]
        await world.create(SERVICES, service(ports=ports))
        for name, number in (("a", 8080), ("b", 8081)):
            await world.create(PODS, pod(name, ports=[{"name": "web", "containerPort": number}]))
        await world.make_ready(*await world.all(PODS))
        found = {tuple(p["port"] for p in s["ports"]): addresses(s) for s in await slices(world)}
        assert found == {(8080, 9): ["10.0.0.1"], (8081, 9): ["10.0.0.2"]}
        subsets = (await world.get(ENDPOINTS, "web"))["subsets"]
        shown = {tuple(p["port"] for p in s["ports"]): [a["ip"] for a in s["addresses"]] for s in subsets}
        assert shown == {(8080,): ["10.0.0.1"], (8081,): ["10.0.0.2"], (9,): ["10.0.0.1", "10.0.0.2"]}


async def test_headless_services_without_ports_and_with_host_names(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        await world.create(SERVICES, service(clusterIP="None", ports=[]))
        await world.create(PODS, pod("a", hostname="a", subdomain="web"))
        await world.make_ready(*await world.all(PODS))
        (made,) = await slices(world)
        assert made["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert made["endpoints"][0]["hostname"] == "a"
        assert not made["ports"]
        legacy = await world.get(ENDPOINTS, "web")
        assert legacy["metadata"]["labels"] == {
            "team": "a",
            "service.kubernetes.io/headless": "",
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        }
        assert legacy["subsets"][0]["addresses"][0]["hostname"] == "a"


@pytest.mark.parametrize("change", [{"type": "ExternalName", "externalName": "x.y"}, {"selector": None}])
async def test_external_and_selectorless_services_have_none(worlds: Worlds, change: dict[str, Any]) -> None:
    async with worlds(*NAMES) as world:
        await world.create(SERVICES, service(**change))
        assert await slices(world) == []
        assert not await world.exists(ENDPOINTS, "web")


async def test_a_hundred_to_a_slice_and_few_writes(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        await world.create(SERVICES, service())
        for number in range(205):
            await world.api.create(PODS, pod(f"p{number:03}"))
        await world.make_ready(*await world.all(PODS))
        sizes = sorted(len(s["endpoints"]) for s in await slices(world))
        assert sum(sizes) == 205
        assert max(sizes) <= 100
        before = {s["metadata"]["name"]: s["metadata"]["resourceVersion"] for s in await slices(world)}
        await world.delete(PODS, "p007", grace_seconds=0)
        after = {s["metadata"]["name"]: s["metadata"]["resourceVersion"] for s in await slices(world)}
        assert sum(before[name] != after[name] for name in before) == 1
        assert len((await world.get(ENDPOINTS, "web"))["subsets"][0]["addresses"]) == 204


async def test_a_slice_that_is_being_deleted_is_not_counted(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await world.create(SERVICES, service())
        (first,) = await slices(world)
        name = first["metadata"]["name"]
        await world.patch(ENDPOINTSLICES, name, {"metadata": {"finalizers": ["example.com/hold"]}})
        await world.delete(ENDPOINTSLICES, name)
        found = await slices(world)
        assert len(found) == 2
        assert sum("deletionTimestamp" not in s["metadata"] for s in found) == 1


async def test_a_service_that_is_being_deleted_gets_no_new_slices(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        made = service()
        made["metadata"]["finalizers"] = ["example.com/hold"]
        await world.create(SERVICES, made)
        await world.delete(SERVICES, "web")
        (holder,) = await slices(world)
        await world.delete(ENDPOINTSLICES, holder["metadata"]["name"])
        assert await slices(world) == []


async def test_slices_of_an_older_service_of_that_name_go(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        old = {
            "metadata": {
                "name": "web-old",
                "namespace": "default",
                "labels": OURS,
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "gone"}],
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.9.9.9"]}],
        }
        await world.create(ENDPOINTSLICES, old)
        await world.create(SERVICES, service())
        (only,) = await slices(world)
        assert only["metadata"]["name"] != "web-old"


async def test_two_families_two_placeholders(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        dual = {"clusterIP": "None", "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}
        made = service(**dual)
        selector = made["spec"].pop("selector")  # with one, only a cluster of two families makes it; it may come later
        await world.create(SERVICES, made)
        await world.patch(SERVICES, "web", {"spec": {"selector": selector}})
        families = (await world.get(SERVICES, "web"))["spec"]["ipFamilies"]
        assert sorted(s["addressType"] for s in await slices(world)) == families


async def test_pods_of_unknown_nodes_wait_for_the_node(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await world.create(SERVICES, service())
        await world.create(PODS, pod("a"))
        await world.make_ready(*await world.all(PODS))
        (made,) = await slices(world)
        assert addresses(made) == []
        await node(world, zone="z9")
        (made,) = await slices(world)
        assert addresses(made) == ["10.0.0.1"]
        assert made["endpoints"][0]["zone"] == "z9"


async def test_endpoints_are_cut_at_a_thousand_ready_ones_first(worlds: Worlds) -> None:
    from sampan.controllers.endpoints import truncated

    ready = [{"ip": f"10.0.{n // 200}.{n % 200}"} for n in range(900)]
    unready = [{"ip": f"10.1.{n // 200}.{n % 200}"} for n in range(300)]
    (cut,) = truncated([{"addresses": ready, "notReadyAddresses": unready, "ports": []}])
    assert (len(cut["addresses"]), len(cut["notReadyAddresses"])) == (900, 100)
    two = truncated([{"addresses": ready}, {"addresses": ready[:600], "notReadyAddresses": unready}])
    assert [len(s["addresses"]) for s in two] == [600, 400]
    assert "notReadyAddresses" not in two[1]


async def test_endpoints_follow_the_service(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await world.create(SERVICES, service())
        assert await world.exists(ENDPOINTS, "web")
        await world.patch(SERVICES, "web", {"metadata": {"labels": {"team": "b"}}})
        assert (await world.get(ENDPOINTS, "web"))["metadata"]["labels"]["team"] == "b"
        await world.delete(SERVICES, "web")
        assert not await world.exists(ENDPOINTS, "web")


async def test_endpoints_that_elect_leaders_are_left_alone(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        leader = {"control-plane.alpha.kubernetes.io/leader": "{}"}
        await world.create(ENDPOINTS, {"metadata": {"name": "lock", "namespace": "default", "annotations": leader}})
        await world.create(ENDPOINTS, {"metadata": {"name": "stray", "namespace": "default"}})
        assert await world.exists(ENDPOINTS, "lock")
        assert not await world.exists(ENDPOINTS, "stray")


async def test_a_resync_of_what_has_not_changed_writes_nothing(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await node(world)
        await world.create(SERVICES, service())
        await world.create(PODS, pod("a"))
        before, turns = world.store.revision, 0
        for runner in world.manager.runners:
            runner.resync()
            turns += len(runner.queue)
        assert turns >= 2
        await world.settle()
        assert world.store.revision == before
