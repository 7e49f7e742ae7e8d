"""Images: pull policies, credentials, and the back-off of pulls that fail."""

from base64 import b64encode
from json import dumps
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.kubelet.image_names import registry_of, with_tag
from sampan.kubelet.images import ImageError, Images
from sampan.kubelet.keyring import credentials
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
            ["ErrImageNeverPull", "Failed"],
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
        assert rig.told == ["BackOff", "Failed"]
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
    assert rig.told == ["InspectFailed", "Failed"]
    runtime.fail("image_status", DOWN)
    assert await rig.ensure("IfNotPresent") == 'ImageInspectError: Failed to inspect image "app:1": registry is down'


@pytest.mark.parametrize(
    ("image", "full", "registry"),
    [
        ("app", "app:latest", "docker.io"),
        ("app:1", "app:1", "docker.io"),
        ("me/app", "me/app:latest", "docker.io"),
        ("localhost/app", "localhost/app:latest", "localhost"),
        ("reg.example:5000/app", "reg.example:5000/app:latest", "reg.example:5000"),
        ("reg.example/app@sha256:" + "ab" * 32, "reg.example/app@sha256:" + "ab" * 32, "reg.example"),
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
    wanted = [want] if want else []
    assert credentials(image, [secret(auths)]) == wanted
    assert credentials(image, [secret(auths, ".dockercfg")]) == wanted


def test_secrets_that_are_none() -> None:
    wrong = [{}, {"data": {".dockerconfigjson": "bm8="}}, {"data": {".dockerconfigjson": "WzFd"}}]
    assert credentials("app", wrong) == []
    entries: list[Any] = [{"auth": "no base64!"}, {"auth": "bm8="}, {}, [], None]
    for entry in entries:
        assert credentials("reg.example/app", [secret({"reg.example": entry})]) == []


@pytest.mark.parametrize(
    ("key", "image", "good"),
    [
        ("reg.example/team", "reg.example/team/app:1", True),
        ("reg.example/team", "reg.example/other/app:1", False),
        ("*.example", "reg.example/app", True),
        ("*.example", "a.reg.example/app", False),
        ("reg.example:5000", "reg.example/app", False),
        ("http://reg.example:5000/v2/", "reg.example:5000/app", True),
        ("docker.io", "app", True),
        ("index.docker.io/v1/", "me/app", True),
    ],
)
def test_which_credentials_are_for_an_image(key: str, image: str, good: bool) -> None:
    assert credentials(image, [secret({key: ME})]) == ([ME] if good else [])


def test_the_most_specific_credentials_come_first() -> None:
    team = {"username": "team", "password": "x"}
    assert credentials("reg.example/team/app", [secret({"reg.example": ME, "reg.example/team": team})]) == [team, ME]


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("", "invalid reference format"),
        ("No Good", "invalid reference format"),
        ("Nginx", "invalid reference format: repository name must be lowercase"),
        ("a//b", "invalid reference format"),
        ("app:", "invalid reference format"),
        ("app@sha256:12", "invalid reference format"),
        ("-reg.example/app", "invalid reference format"),
        ("https://reg.example/app", "invalid reference format"),
        ("0" * 64, f"invalid repository name ({'0' * 64}), cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_what_is_no_image(image: str, why: str) -> None:
    with pytest.raises(ValueError, match="couldn't parse") as refused:
        with_tag(image)
    assert str(refused.value) == f'couldn\'t parse image name "{image}": {why}'


async def test_all_credentials_are_tried(rig: Rig, runtime: SimulatedRuntime, clock: FakeClock) -> None:
    runtime.fail("pull_image", CriError("PERMISSION_DENIED", "denied"))
    told: list[str] = []
    images = Images(runtime, clock, lambda pod, type_, reason, message, name: told.append(message))
    both = [secret({"reg.example": ME}), secret({"reg.example": {**ME, "username": "you"}})]
    await images.ensure(POD, {"name": "a", "image": "reg.example/app", "imagePullPolicy": "Always"}, both)
    assert told[0] == 'Pulling image "reg.example/app"'
    assert told[1].startswith('Successfully pulled image "reg.example/app" in 0s (0s including waiting). Image size: ')


async def test_errors_with_names(rig: Rig, runtime: SimulatedRuntime) -> None:
    runtime.fail("pull_image", CriError("UNAVAILABLE", "RegistryUnavailable: try later"))
    text = "image pull failed for app:1 because the registry is unavailable: try later"
    assert await rig.ensure() == f"RegistryUnavailable: {text}"
    assert await rig.ensure() == f'ImagePullBackOff: Back-off pulling image "app:1": RegistryUnavailable: {text}'
