"""Services' addresses: ranges that are added, addresses that are written down, taken and given back."""

import json
from typing import Any

from sampan.apiserver.app import App
from sampan.net.http import Request

SERVICES, CIDRS = "/api/v1/namespaces/default/services", "/apis/networking.k8s.io/v1/servicecidrs"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"


async def send(app: App, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"content-type": "application/json"}
    response = await app(Request(method, path, "", headers, b"" if body is None else json.dumps(body).encode()))
    return response.status, json.loads(response.body)


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def names(app: App) -> set[str]:
    return {one["metadata"]["name"] for one in (await send(app, "GET", ADDRESSES))[1]["items"]}


async def test_addresses_are_written_down_and_crossed_out(app: App) -> None:
    _, made = await send(app, "POST", SERVICES, service("a"))
    address = made["spec"]["clusterIP"]
    _, written = await send(app, "GET", f"{ADDRESSES}/{address}")
    parent = {"resource": "services", "namespace": "default", "name": "a"}
    assert written["spec"]["parentRef"] == parent
    assert written["metadata"]["labels"]["ipaddress.kubernetes.io/managed-by"] == "ipallocator.k8s.io"
    await send(app, "DELETE", f"{SERVICES}/a")
    assert address not in await names(app)


async def test_an_added_range_gives_addresses(app: App) -> None:
    asked = service("b", clusterIP="10.200.0.5")
    status, refused = await send(app, "POST", SERVICES, asked)
    assert status == 422
    assert "the provided network does not match the current range" in refused["message"]
    await send(app, "POST", CIDRS, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.200.0.0/28"]}})
    assert (await send(app, "POST", SERVICES, asked))[0] == 201
    status, taken = await send(app, "POST", SERVICES, service("c", clusterIP="10.200.0.5"))
    assert status == 422
    assert "provided IP is already allocated" in taken["message"]
    for edge in ("10.200.0.0", "10.200.0.15"):
        assert (await send(app, "POST", SERVICES, service("d", clusterIP=edge)))[0] == 422


async def test_an_address_that_somebody_reserved_is_taken(app: App) -> None:
    parent = {"resource": "gateways", "namespace": "default", "name": "x"}
    await send(app, "POST", ADDRESSES, {"metadata": {"name": "10.96.0.77"}, "spec": {"parentRef": parent}})
    assert (await send(app, "POST", SERVICES, service("e", clusterIP="10.96.0.77")))[0] == 422
    await send(app, "DELETE", f"{ADDRESSES}/10.96.0.77")
    assert (await send(app, "POST", SERVICES, service("e", clusterIP="10.96.0.77")))[0] == 201


async def test_a_refused_service_keeps_nothing(app: App) -> None:
    before = await names(app)
    ports = [{"name": "a", "port": 80, "nodePort": 31000}, {"name": "b", "port": 81, "nodePort": 20}]
    assert (await send(app, "POST", SERVICES, service("f", type="NodePort", ports=ports)))[0] == 422
    assert await names(app) == before
    ports[1]["nodePort"] = 31001
    assert (await send(app, "POST", SERVICES, service("f", type="NodePort", ports=ports)))[0] == 201


async def test_the_health_check_port_goes_with_the_type(app: App) -> None:
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31500}
    assert (await send(app, "POST", SERVICES, service("g", **spec)))[0] == 201
    status, taken = await send(app, "POST", SERVICES, service("h", **spec))
    assert status == 500
    assert "failed to allocate requested HealthCheck NodePort 31500" in taken["message"]
    _, made = await send(app, "GET", f"{SERVICES}/g")
    made["spec"]["type"] = "ClusterIP"
    status, changed = await send(app, "PUT", f"{SERVICES}/g", made)
    assert status == 200
    gone = {"healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"} & changed["spec"].keys()
    assert not gone
    assert (await send(app, "POST", SERVICES, service("h", **spec)))[0] == 201
