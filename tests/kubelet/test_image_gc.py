"""Unused images go when the disk is full or when they are old; used, pinned and young ones stay."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sampan.kubelet.configuration import ConfigurationError, load
from sampan.kubelet.host_usage import FileSystem
from sampan.kubelet.house_settings import eviction_rules, image_policy, shutdown_graces
from sampan.kubelet.image_choice import Policy, Record, in_order, size_text, to_free, too_old
from sampan.kubelet.image_gc import CollectionError, ImageCollector
from sampan.kubelet.runtime import Container, ContainerState, Image
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from sampan.api.json import Obj

GI = 1 << 30


@dataclass
class Store:
    """A runtime's images, and the disk that they are on."""

    images: list[Image]
    used: list[str] = field(default_factory=list)
    free: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    async def list_images(self) -> list[Image]:
        return list(self.images)

    async def list_containers(self) -> list[Container]:
        return [
            Container(f"c-{name}", "box", name, 0, ContainerState.EXITED, 0, 0, 0, 0, image_ref=name)
            for name in self.used
        ]

    async def remove_image(self, image: str) -> None:
        gone = next(i for i in self.images if i.id == image)
        self.images.remove(gone)
        self.free += gone.size

    async def space(self) -> FileSystem:
        return FileSystem(100 * GI, self.free, 0)

    def names(self) -> list[str]:
        return [image.id for image in self.images]


def collector(store: Store, clock: FakeClock, policy: Policy, pods: "list[Obj] | None" = None) -> ImageCollector:
    def tell(reason: str, message: str) -> None:
        store.told.append((reason, message))

    return ImageCollector(policy, store, store.space, lambda: pods or [], tell, clock)  # type: ignore[arg-type]


def image(name: str, size: int = 3, *, pinned: bool = False) -> Image:
    return Image(name, (f"{name}:1",), size=size * GI, pinned=pinned)


async def test_a_full_disk(clock: FakeClock) -> None:
    store = Store([image("used"), image("pinned", pinned=True), image("a"), image("b"), image("c")], ["used"], 15 * GI)
    made = collector(store, clock, Policy(85, 80, 120.0))
    await made.collect()
    assert store.names() == ["used", "pinned", "c"], "enough is free again after two"
    assert not store.told
    await made.collect()
    assert "c" in store.names(), "it is not too full any more"


async def test_the_longest_unused_goes_first_and_young_ones_stay(clock: FakeClock) -> None:
    store = Store([image("a"), image("b")], ["a"], 50 * GI)
    made = collector(store, clock, Policy(85, 80, 120.0))
    await made.collect()
    await clock.advance(60)
    store.used = ["b"]
    await made.collect()
    store.used = []
    store.images.append(image("young"))
    await clock.advance(60)
    store.free = 14 * GI
    await made.collect()
    assert store.names() == ["young"]


async def test_too_little_to_remove(clock: FakeClock) -> None:
    store = Store([image("a")], [], 10 * GI)
    made = collector(store, clock, Policy(85, 80, 120.0))
    with pytest.raises(CollectionError):
        await made.collect()
    assert store.told == [
        ("FreeDiskSpaceFailed",
         "Insufficient free disk space on the node's image filesystem (90% of 100.0 GiB used). Failed to free "
         f"sufficient space by deleting unused images (freed {3 * GI} bytes). Investigate disk usage, as it could be "
         "used by active images, logs, volumes, or other data."),
    ]  # fmt: skip


async def test_age(clock: FakeClock) -> None:
    store = Store([image("used"), image("a")], ["used"], 90 * GI)
    made = collector(store, clock, Policy(85, 80, 120.0, oldest=600.0))
    await made.collect()
    await clock.advance(600)
    await made.collect()
    assert store.names() == ["used", "a"], "the agent itself has not run for longer than that"
    await clock.advance(1)
    await made.collect()
    assert store.names() == ["used"]


async def test_an_image_volume_is_a_use(clock: FakeClock) -> None:
    store = Store([image("data"), image("a")], [], 50 * GI)
    pods: list[Obj] = [{"metadata": {}, "spec": {"volumes": [{"name": "v", "image": {"reference": "data:1"}}]}}]
    made = collector(store, clock, Policy(), pods)
    store.images[0] = Image("data", ("docker.io/library/data:1", "data:1"), size=1)
    await made.remove_unused()
    assert store.names() == ["data"]


def test_choices() -> None:
    assert to_free(100, 16, Policy()) == 0
    assert to_free(100, 15, Policy()) == 5
    assert to_free(100, 500, Policy()) == 0
    records = {"a": Record(1, 5.0, 9.0), "b": Record(1, 3.0, 9.0), "c": Record(1, 8.0, 1.0), "d": Record(1, 0, 0, True)}
    assert in_order(records, frozenset()) == ["c", "b", "a"]
    assert in_order(records, frozenset("c")) == ["b", "a"]
    assert too_old(records, ["c", "b", "a"], Policy(oldest=5.0), 0.0, 10.0) == ["c"]
    assert [size_text(n) for n in (1, 2048, 3 << 19, 5 << 30, 1 << 41)] == [
        "1 B", "2.0 KiB", "1.5 MiB", "5.0 GiB", "2.0 TiB",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"imageGCHighThresholdPercent": 101},
         "imageGCHighThresholdPercent (--image-gc-high-threshold) 101 must be between 0 and 100, inclusive"),
        ({"imageGCLowThresholdPercent": -1},
         "imageGCLowThresholdPercent (--image-gc-low-threshold) -1 must be between 0 and 100, inclusive"),
        ({"imageGCHighThresholdPercent": 80},
         "imageGCLowThresholdPercent (--image-gc-low-threshold) 80 must be less than imageGCHighThresholdPercent "
         "(--image-gc-high-threshold) 80"),
        ({"imageMaximumGCAge": "1m"}, "imageMaximumGCAge 1m0s must be greater than imageMinimumGCAge 2m0s"),
        ({"imageMinimumGCAge": "-1s"}, "imageMinimumGCAge -1s must not be negative"),
        ({"shutdownGracePeriodCriticalPods": "10s"},
         "shutdownGracePeriodCriticalPods 10s must be <= shutdownGracePeriod 0s"),
        ({"shutdownGracePeriod": "500ms"}, "shutdownGracePeriod 500ms must be either zero or otherwise >= 1 sec"),
        ({"shutdownGracePeriod": "30s", "shutdownGracePeriodByPodPriority": [{"priority": 1}]},
         "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time"),
    ],
)  # fmt: skip
def test_what_is_refused(given: "Obj", want: str) -> None:
    settings = load(given)
    read = image_policy if "image" in want else shutdown_graces
    with pytest.raises(ConfigurationError) as refused:
        read(settings)
    assert str(refused.value) == f"invalid configuration: {want}"


def test_defaults() -> None:
    settings = load({})
    assert image_policy(settings) == Policy()
    assert shutdown_graces(settings) == ()
    rules = eviction_rules(settings)
    assert (len(rules.thresholds), rules.transition, rules.most_grace, rules.local_storage) == (5, 300.0, 0, True)
    with pytest.raises(ConfigurationError, match="unsupported eviction signal x"):
        eviction_rules(load({"evictionHard": {"x": "1"}}))
