"""A claim of a local volume that asks for more gets it; one of another driver waits for that driver's resizer."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from sampan.resources.kinds import PVCS, PVS, STORAGECLASSES

Worlds = Callable[..., AbstractAsyncContextManager[Any]]
NAMES = ("persistentvolume-expander-controller", "persistentvolume-binder-controller")
WAITING = "waiting for an external controller to expand this PVC"


async def bound(world: Any, provisioner: str) -> None:
    """A claim of 1Gi with its volume, of a class whose volumes may grow."""
    meta = {"name": "grows"}
    await world.create(
        STORAGECLASSES, {"metadata": meta, "provisioner": provisioner, "allowVolumeExpansion": True}
    )  # fmt: skip
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": "grows"}
    volume = {**common, "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"}}
    annotations = {"pv.kubernetes.io/provisioned-by": provisioner}
    await world.create(PVS, {"metadata": {"name": "v", "annotations": annotations}, "spec": volume})
    claim = {**common, "resources": {"requests": {"storage": "1Gi"}}}
    await world.create(PVCS, {"metadata": {"name": "data", "namespace": "default"}, "spec": claim})
    assert (await world.get(PVCS, "data"))["status"]["phase"] == "Bound"


async def ask(world: Any, size: str) -> Any:
    await world.patch(PVCS, "data", {"spec": {"resources": {"requests": {"storage": size}}}})
    return await world.get(PVCS, "data")


async def test_a_local_volume_grows(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await bound(world, "sampan.dev/local-path")
        for size in ("2Gi", "5Gi"):
            status = (await ask(world, size))["status"]
            assert status["capacity"] == status["allocatedResources"] == {"storage": size}
            assert "conditions" not in status
            assert "allocatedResourceStatuses" not in status
            assert (await world.get(PVS, "v"))["spec"]["capacity"] == {"storage": size}
        assert "ExpandVolume succeeded for volume default/data" in await world.events("VolumeResizeSuccessful")


async def test_another_drivers_volume_waits_for_its_resizer(worlds: Worlds) -> None:
    async with worlds(*NAMES) as world:
        await bound(world, "csi.example.com")
        status = (await ask(world, "2Gi"))["status"]
        assert status["capacity"] == {"storage": "1Gi"}
        assert await world.events("ExternalExpanding") == [WAITING]


@pytest.mark.parametrize("refused", ["persistentvolumeclaims", "persistentvolumes"])
async def test_an_expansion_that_was_refused_goes_on_later(worlds: Worlds, refused: str) -> None:
    async with worlds(*NAMES) as world:
        await bound(world, "sampan.dev/local-path")
        world.gate.refuses = lambda review: review.resource.mapping.plural == refused and review.subresource == "status"
        if refused == "persistentvolumes":
            world.gate.refuses = lambda review: review.resource.mapping.plural == refused
        assert (await ask(world, "2Gi"))["status"]["capacity"] == {"storage": "1Gi"}
        world.gate.refuses = lambda review: False
        await world.pass_time(600)
        assert (await world.get(PVCS, "data"))["status"]["capacity"] == {"storage": "2Gi"}
