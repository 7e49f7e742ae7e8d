"""kr8s: an asynchronous client that finds kinds by discovery."""

from collections.abc import AsyncIterator
from typing import Any

import kr8s
import pytest
from kr8s.asyncio.objects import ConfigMap, Deployment, Namespace, Pod

CONTAINER = {"name": "c", "image": "example.org/app:1"}


@pytest.fixture
async def api(up: Any, unique: str) -> AsyncIterator[Any]:
    """A client in a namespace that goes with the test."""
    made = await kr8s.asyncio.api(kubeconfig=str(up.kubeconfig), namespace=unique)
    space = await Namespace({"metadata": {"name": unique}}, api=made)
    await space.create()
    yield made
    await space.delete()


async def test_objects_come_change_and_go(api: Any, unique: str) -> None:
    made = await ConfigMap({"metadata": {"name": "c", "namespace": unique}, "data": {"a": "1"}}, api=api)
    await made.create()
    await made.patch({"data": {"b": "2"}})
    await made.label(tier="front")
    found = [one async for one in api.get("configmaps", label_selector={"tier": "front"})]
    assert [dict(one.raw["data"]) for one in found] == [{"a": "1", "b": "2"}]
    await made.delete()
    await made.wait("delete", timeout=20)
    assert not await made.exists()


async def test_a_deployment_is_scaled_and_waited_for(api: Any, unique: str) -> None:
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [CONTAINER]}},
    }
    web = await Deployment({"metadata": {"name": "web", "namespace": unique}, "spec": spec}, api=api)
    await web.create()
    await web.wait("condition=Available", timeout=30)
    await web.scale(3)
    await web.wait("jsonpath='{.status.readyReplicas}'=3", timeout=30)
    assert len(await web.pods()) == 3


async def test_watch_and_wait(api: Any, unique: str) -> None:
    pod = await Pod({"metadata": {"name": "p", "namespace": unique}, "spec": {"containers": [CONTAINER]}}, api=api)
    await pod.create()
    await pod.wait("condition=Ready", timeout=30)
    async for event, one in api.watch("pods"):
        assert (event, one.name, one.raw["status"]["phase"]) == ("ADDED", "p", "Running")
        break


async def test_names_of_kinds_are_found(api: Any) -> None:
    assert {"pods", "deployments", "customresourcedefinitions"} <= {kind["name"] for kind in await api.api_resources()}
    version = await api.version()
    assert (version["major"], version["minor"]) == ("1", "37")
