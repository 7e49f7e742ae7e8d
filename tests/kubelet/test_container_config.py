"""What the YAML cases cannot say of containers: whom an image runs as, and sidecars beside others."""

import pytest

from sampan.api.json import Obj
from sampan.kubelet.container_config import SecurityError, must_not_be_root, oom_score, refuse_root
from sampan.kubelet.images import Images
from sampan.kubelet.runtime import Image
from sampan.kubelet.simulated import SimulatedRuntime
from sampan.testing.clock import FakeClock

META = {"name": "p", "namespace": "default", "uid": "u"}
GIB = 2**30


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ((0, ""), "image will run as root"),
        ((None, "nginx"), "image has non-numeric user (nginx), cannot verify user is non-root"),
        ((5, ""), ""),
    ],
)
def test_images_that_run_as_root(user: tuple[int | None, str], why: str) -> None:
    container = {"name": "a"}
    pod = {"metadata": META, "spec": {"containers": [container]}}
    if not why:
        refuse_root(pod, container, user)
        return
    with pytest.raises(SecurityError) as refused:
        refuse_root(pod, container, user)
    assert str(refused.value) == f'container has runAsNonRoot and {why} (pod: "p_default(u)", container: a)'


@pytest.mark.parametrize(
    ("wide", "own", "want"), [(None, None, False), (True, None, True), (True, False, False), (False, True, True)]
)
def test_who_must_not_be_root(wide: bool | None, own: bool | None, want: bool) -> None:
    pod = {"metadata": META, "spec": {"securityContext": {"runAsNonRoot": wide}}}
    assert must_not_be_root(pod, {"name": "a", "securityContext": {"runAsNonRoot": own}}) is want


@pytest.mark.parametrize(
    ("image", "want"),
    [
        (Image("i", uid=5), (5, "")),
        (Image("i", username="nginx"), (None, "nginx")),
        (Image("i"), (0, "")),
        (None, (0, "")),
    ],
)
async def test_whom_an_image_runs_as(
    runtime: SimulatedRuntime,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    image: Image | None,
    want: tuple[int | None, str],
) -> None:
    async def status(ref: str) -> Image | None:
        return image

    monkeypatch.setattr(runtime, "image_status", status)
    assert await Images(runtime, clock, lambda *event: None).user("i") == want


@pytest.mark.parametrize(("own", "want"), [("", 750), ("1Gi", 750), ("4Gi", 500)])
def test_a_sidecar_goes_no_sooner_than_what_it_serves(own: str, want: int) -> None:
    sidecar: Obj = {"name": "s", "restartPolicy": "Always"}
    if own:
        sidecar["resources"] = {"requests": {"memory": own}}
    apps = [{"name": name, "resources": {"requests": {"memory": much}}} for name, much in (("a", "2Gi"), ("b", "6Gi"))]
    pod = {
        "metadata": META,
        "spec": {"initContainers": [sidecar], "containers": apps},
        "status": {"qosClass": "Burstable"},
    }
    assert oom_score(pod, sidecar, 8 * GIB) == want
