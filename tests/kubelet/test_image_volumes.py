"""Image volumes: pulled for the containers that mount them, by the volume's own policy, and told of when that fails."""

from typing import TYPE_CHECKING, Any

import pytest

from sampan.api.json import Obj
from sampan.kubelet.runtime import ContainerConfig, CriError, Mount

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

VOLUME = {"name": "v", "image": {"reference": "registry.example/files:1", "pullPolicy": "Always"}}


def container(agent: "Node", **more: Any) -> Obj:
    mounts = [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/s", "subPath": "a/b"}]
    return agent.container("a", volumeMounts=mounts, imagePullPolicy="IfNotPresent", **more)


async def test_the_runtime_mounts_it(agent: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ContainerConfig] = []
    create = agent.simulated.create_container

    async def spy(sandbox_id: str, config: ContainerConfig, sandbox: Any) -> str:
        made.append(config)
        return await create(sandbox_id, config, sandbox)

    monkeypatch.setattr(agent.simulated, "create_container", spy)
    await agent.create(containers=[container(agent), agent.container("b")], volumes=[VOLUME])
    assert (await agent.shown())["phase"] == "Running"
    mounts = {c.name: [m for m in c.mounts if m.container_path in ("/v", "/s")] for c in made}
    found = await agent.simulated.image_status("registry.example/files:1")
    assert found is not None
    assert mounts["a"] == [
        Mount("/v", "", True, image=found.id), Mount("/s", "", True, image=found.id, image_sub_path="a/b"),
    ]  # fmt: skip
    assert mounts["b"] == []
    assert 'Successfully pulled image "registry.example/files:1"' in "".join(await agent.events("Pulled"))


async def test_one_that_cannot_be_pulled(agent: "Node") -> None:
    agent.simulated.fail("pull_image", CriError("NOT_FOUND", "no such image"), times=99)
    await agent.create(containers=[container(agent)], volumes=[VOLUME])
    assert (await agent.shown())["a"] in ("waiting ErrImagePull x0", "waiting ImagePullBackOff x0")
