"""Pod Security over the real API: a Deployment is made, its pods are not; labels may change, images may not."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.resources.kinds import DEPLOYMENTS, NAMESPACES, PODS

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
LABELS = {"app": "web"}
SPEC = {"hostPID": True, "containers": [{"name": "c", "image": "i"}]}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": SPEC}
ENFORCE = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
WHY = 'is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)'


async def test_a_deployment_is_made_and_its_pods_are_refused(worlds: Worlds) -> None:
    async with worlds("deployment-controller", "replicaset-controller") as world:
        await world.patch(NAMESPACES, "default", ENFORCE)
        spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": TEMPLATE}
        await world.create(DEPLOYMENTS, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
        assert await world.all(PODS) == []
        said = await world.events("FailedCreate")
        assert any(WHY in text for text in said), said


async def test_a_running_pod_keeps_its_rights_but_not_for_another_image(worlds: Worlds) -> None:
    async with worlds("replicaset-controller") as world:
        await world.create(PODS, {"metadata": {"name": "old", "namespace": "default"}, "spec": SPEC})
        await world.patch(NAMESPACES, "default", ENFORCE)
        labelled = await world.patch(PODS, "old", {"metadata": {"labels": {"a": "b"}}})
        assert labelled["metadata"]["labels"] == {"a": "b"}
        containers = [{**one, "image": "other"} for one in labelled["spec"]["containers"]]
        with pytest.raises(StatusError) as caught:
            await world.patch(PODS, "old", {"spec": {"containers": containers}})
        assert (caught.value.code, caught.value.message) == (403, f'pods "old" {WHY}')
