"""Images: pull policies, credentials, and the back-off of pulls that fail."""

from base64 import b64encode
from json import dumps
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.kubelet.images import ImageError, Images, credentials, registry_of, with_tag
from sampan.kubelet.runtime import CriError
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

POD: Obj = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": {}}
DOWN = CriError("UNAVAILABLE", "registry is down")


class Rig:
    """Images over the runtime in memory, and the events told."""

    def __init__(self, runtime: SimulatedRuntime, clock: FakeClock) -> None:
        self.told: list[str] = []
        self.images = Images(runtime, clock, lambda pod, type_, reason, message, name: self.told.append(reason))

    async def ensure(self, policy: str = "Always", image: str = "app:1") -> str:
        """`ok`, or the reason why not; and what was told."""
        self.told.clear()
        container = {"name": "a", "image": image, "imagePullPolicy": policy}
        try:
            await self.images.ensure(POD, container, ())
        except ImageError as error:
            return f"{error.reason}: {error.message}"
        return "ok"


@pytest.fixture
def rig(runtime: SimulatedRuntime, clock: FakeClock) -> Rig:
    return Rig(runtime, clock)


@pytest.mark.parametrize(
    ("policy", "present", "want", "told"),
    [
        ("Always", True, "ok", ["Pulling", "Pulled"]),
        ("Always", False, "ok", ["Pulling", "Pulled"]),
        ("IfNotPresent", True, "ok", ["Pulled"]),
        ("IfNotPresent", False, "ok", ["Pulling", "Pulled"]),
        ("Never", True, "ok", ["Pulled"]),
        (
            "Never", False,
            'ErrImageNeverPull: Container image "app:1" is not present with pull policy of Never',
            ["ErrImageNeverPull"],
        ),
    ],
)  # fmt: skip
async def test_policies(
    rig: Rig, runtime: SimulatedRuntime, policy: str, present: bool, want: str, told: list[str]
) -> None:
    if not present:
        await runtime.remove_image("app:1")
    assert await rig.ensure(policy) == want
    assert rig.told == told


async def test_failed_pulls_back_off(rig: Rig, runtime: SimulatedRuntime, clock: FakeClock) -> None:
    runtime.fail("pull_image", DOWN, times=9)
    for delay in (10, 20, 40, 80, 160, 300, 300):
        assert await rig.ensure() == "ErrImagePull: registry is down"
        assert rig.told == ["Pulling", "Failed", "Failed"]
        await clock.advance(delay - 0.1)
        assert await rig.ensure() == 'ImagePullBackOff: Back-off pulling image "app:1": ErrImagePull: registry is down'
        assert rig.told == ["BackOff"]
        await clock.advance(0.1)
    await clock.advance(901)
    assert await rig.ensure() == "ErrImagePull: registry is down"
    await clock.advance(10)
    assert await rig.ensure() == "ErrImagePull: registry is down", "after ten quiet minutes it begins anew"
    await clock.advance(20)
    assert await rig.ensure() == "ok"
    runtime.fail("pull_image", DOWN)
    assert (await rig.ensure()).startswith("ErrImagePull"), "success forgets"


async def test_another_image_and_another_pod_do_not_wait(rig: Rig, runtime: SimulatedRuntime) -> None:
    runtime.fail("pull_image", DOWN)
    assert (await rig.ensure()).startswith("ErrImagePull")
    assert await rig.ensure(image="app:2") == "ok"
    rig.images.forget("u")
    assert await rig.ensure() == "ok"


async def test_names_that_are_none(rig: Rig, runtime: SimulatedRuntime) -> None:
    assert (await rig.ensure(image="No Good")).startswith("InvalidImageName")
    assert rig.told == ["InspectFailed"]
    runtime.fail("image_status", DOWN)
    assert await rig.ensure() == 'ImageInspectError: Failed to inspect image "app:1": registry is down'


@pytest.mark.parametrize(
    ("image", "full", "registry"),
    [
        ("app", "app:latest", "docker.io"),
        ("app:1", "app:1", "docker.io"),
        ("me/app", "me/app:latest", "docker.io"),
        ("localhost/app", "localhost/app:latest", "localhost"),
        ("reg.example:5000/app", "reg.example:5000/app:latest", "reg.example:5000"),
        ("reg.example/app@sha256:ab", "reg.example/app@sha256:ab", "reg.example"),
    ],
)
def test_references(image: str, full: str, registry: str) -> None:
    assert with_tag(image) == full
    assert registry_of(image) == registry


def secret(auths: Any, key: str = ".dockerconfigjson") -> Obj:
    body = {"auths": auths} if key == ".dockerconfigjson" else auths
    return {"data": {key: b64encode(dumps(body).encode()).decode()}}


ME = {"username": "me", "password": "pass"}


@pytest.mark.parametrize(
    ("image", "auths", "want"),
    [
        ("reg.example/app", {"reg.example": ME}, ME),
        ("reg.example/app", {"https://reg.example/v1/": ME}, ME),
        (
            "reg.example/app",
            {"reg.example": {"auth": b64encode(b"me:pa:ss").decode()}},
            {"username": "me", "password": "pa:ss"},
        ),
        ("reg.example/app", {"other.example": ME}, None),
        ("app", {"https://index.docker.io/v1/": ME}, ME),
        ("app", {"reg.example": ME}, None),
    ],
)
def test_credentials(image: str, auths: Any, want: Any) -> None:
    assert credentials(image, [secret(auths)]) == want
    assert credentials(image, [secret(auths, ".dockercfg")]) == want


def test_secrets_that_are_none() -> None:
    assert (
        credentials("app", [{}, {"data": {".dockerconfigjson": "bm8="}}, {"data": {".dockerconfigjson": "WzFd"}}])
        is None
    )
