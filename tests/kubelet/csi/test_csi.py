"""CSI: a driver registers; its volumes are attached, staged, published, refreshed, grown, and given back."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from grpclib.const import Status

from sampan.aio.clock import RealClock
from sampan.api.csi import attachment_name, unique_name
from sampan.api.errors import not_found
from sampan.api.json import Obj, loads
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.kubelet.csi.client import CsiNode
from sampan.kubelet.csi.double import NAME, HostPathDouble
from sampan.kubelet.csi.mounter import CsiMounter, Links
from sampan.kubelet.csi.records import (
    NODE_IDS,
    Capability,
    Wanted,
    access_mode,
    changes_group,
    inline_handle,
)
from sampan.kubelet.csi.registration import Drivers
from sampan.kubelet.volumes import VolumeError

STAGE, PUBLISH = "NodeStageVolume", "NodePublishVolume"


class Objects:
    """An API server's objects, by kind and name; of Node and CSINode also what the registration writes."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Obj] = {
            ("Node", "n1"): {"metadata": {"name": "n1", "uid": "node-uid"}, "status": {}},
        }
        self.resized: list[tuple[str, str]] = []

    async def read(self, kind: str, namespace: str, name: str) -> Obj | None:
        return self.found.get((kind, name))

    async def token(self, namespace: str, account: str, audience: str, seconds: int, pod: Obj) -> tuple[str, str]:
        return f"{namespace}/{account}/{audience}/{seconds}", "2026-01-01T01:00:00Z"

    async def grew(self, claim: Obj, size: str) -> None:
        self.resized.append((claim["metadata"]["name"], size))

    # as Api

    async def get(self, ref: ObjectRef) -> Obj:
        found = self.found.get((ref.mapping.kind, ref.name))
        if found is None:
            raise not_found("", ref.mapping.plural, ref.name)
        return found

    async def create(self, mapping: Any, obj: Obj) -> Obj:
        self.found[mapping.kind, obj["metadata"]["name"]] = obj
        return obj

    async def update(self, mapping: Any, obj: Obj) -> Obj:
        return await self.create(mapping, obj)

    async def patch(self, ref: ObjectRef, patch: Obj) -> Obj:
        found = self.found[ref.mapping.kind, ref.name]
        meta = {**found["metadata"]}
        for part, values in patch["metadata"].items():
            merged = {**(meta.get(part) or {}), **values}
            meta[part] = {key: value for key, value in merged.items() if value is not None}
        self.found[ref.mapping.kind, ref.name] = {**found, "metadata": meta}
        return self.found[ref.mapping.kind, ref.name]


class World:
    """A node with a plugin registry and a mounter."""

    def __init__(self, root: Path) -> None:
        self.root, self.objects, self.clock = root, Objects(), RealClock()
        self.double = HostPathDouble(root / "driver", mounting=False)
        self.came = 0
        registry = root / "plugins_registry"
        self.drivers = Drivers(registry, "n1", cast(Api, self.objects), self.clock, self._came)
        self.mounter = self.fresh()
        self.task: asyncio.Task[None] | None = None

    def _came(self) -> None:
        self.came += 1

    def fresh(self) -> CsiMounter:
        """A mounter that remembers nothing, as after a restart."""
        o = self.objects
        links = Links(self.root, "n1", self.drivers, o.read, o.token, o.grew, self.clock, self.report)
        self.current = CsiMounter(links)
        return self.current

    async def report(self) -> None:
        """What a node's keeper does."""
        node = self.objects.found["Node", "n1"]
        in_use = {"volumesInUse": self.current.in_use()}
        self.objects.found["Node", "n1"] = {**node, "status": {**(node.get("status") or {}), **in_use}}

    async def register(self) -> CsiNode:
        """Start watching, and the driver; returns when it is registered."""
        registry = self.root / "plugins_registry"
        registry.mkdir(parents=True, exist_ok=True)
        self.task = asyncio.ensure_future(self.drivers.run())
        await self.double.start(registry)
        await self.until(lambda: self.came > 0)
        node = self.drivers.get(NAME)
        assert node is not None
        return node

    async def until(self, found: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not found():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def driver(self, **spec: Any) -> None:
        self.objects.found["CSIDriver", NAME] = {"spec": {"attachRequired": False, **spec}}

    def volume(self, pod: Obj, **more: Any) -> Wanted:
        """A claim's volume."""
        source = {"driver": NAME, "volumeHandle": "vol-1", "fsType": "ext4", **more.pop("source", {})}
        spec = {"csi": source, "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **more.pop("spec", {})}
        persistent = {"metadata": {"name": "pv-1"}, "spec": spec}
        claim = {"metadata": {"name": "c", "namespace": "default"}, "status": {"capacity": {"storage": "1Gi"}}}
        return Wanted(pod, "data", source, persistent, claim, **more)

    async def close(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        await self.drivers.close()
        await self.double.close()


def pod(uid: str = "u", **spec: Any) -> Obj:
    meta = {"name": f"p-{uid}", "namespace": "default", "uid": uid}
    return {"metadata": meta, "spec": {"serviceAccountName": "sa", **spec}}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="csi-") as folder:  # sockets want short paths
        made = World(Path(folder))
        yield made
        await made.close()


# -- registration


async def test_a_driver_registers_and_goes(world: World) -> None:
    world.double.topology, world.double.most = {"topology.hostpath.csi/node": "n1"}, 5
    await world.register()
    assert world.double.told == [(True, "")]
    assert world.came == 1
    entry = {"name": NAME, "nodeID": "node-x", "topologyKeys": ["topology.hostpath.csi/node"], "allocatable": {"count": 5}}  # noqa: E501  # fmt: skip
    csi_node = world.objects.found["CSINode", "n1"]
    assert csi_node["spec"]["drivers"] == [entry]
    assert csi_node["metadata"]["ownerReferences"][0]["uid"] == "node-uid"
    meta = world.objects.found["Node", "n1"]["metadata"]
    assert loads(meta["annotations"][NODE_IDS]) == {NAME: "node-x"}
    assert meta["labels"] == {"topology.hostpath.csi/node": "n1"}
    await world.double.close()
    await world.until(lambda: world.drivers.get(NAME) is None)
    assert world.objects.found["CSINode", "n1"]["spec"]["drivers"] == []
    assert NODE_IDS not in world.objects.found["Node", "n1"]["metadata"]["annotations"]


async def test_a_driver_that_was_there_before_the_agent(world: World) -> None:
    (world.root / "plugins_registry").mkdir()
    await world.double.start(world.root / "plugins_registry")
    world.task = asyncio.ensure_future(world.drivers.run())
    await world.until(lambda: bool(world.double.told))
    assert world.drivers.get(NAME) is not None


async def test_a_driver_that_answers_later(world: World) -> None:
    world.double.refuse("NodeGetInfo", Status.UNAVAILABLE)
    await world.register()
    assert world.double.named("NodeGetInfo") == ["NodeGetInfo"] * 2


# -- mounting


async def test_from_staging_to_nothing_left(world: World) -> None:
    await world.register()
    world.driver()
    path = await world.mounter.mount(world.volume(pod()))
    assert path.path == f"{world.root}/pods/u/volumes/kubernetes.io~csi/pv-1/mount"
    assert world.double.named() == [STAGE, PUBLISH]
    staged, published = world.double.last(STAGE), world.double.last(PUBLISH)
    assert staged.staging_target_path.startswith(f"{world.root}/plugins/kubernetes.io/csi/{NAME}/")
    assert staged.staging_target_path.endswith("/globalmount")
    assert (published.volume_id, published.target_path, published.readonly) == ("vol-1", path.path, False)
    assert published.staging_target_path == staged.staging_target_path
    assert published.volume_capability.mount.fs_type == "ext4"
    assert published.volume_capability.access_mode.mode == 7
    assert world.mounter.in_use() == [f"kubernetes.io/csi/{NAME}^vol-1"]
    assert await world.mounter.mount(world.volume(pod())) == path
    assert len(world.double.named()) == 2, "once"
    await world.mounter.unmount_pod("u")
    assert world.double.named()[2:] == ["NodeUnpublishVolume", "NodeUnstageVolume"]
    assert world.mounter.in_use() == []
    left = [p for p in world.root.rglob("*") if "driver" not in p.parts and p.is_file()]
    assert left == []
    assert not Path(staged.staging_target_path).exists()


async def test_a_volume_of_two_pods_is_staged_once(world: World) -> None:
    await world.register()
    world.driver()
    for uid in ("u", "w"):
        await world.mounter.mount(world.volume(pod(uid)))
    assert world.double.named() == [STAGE, PUBLISH, PUBLISH]
    await world.mounter.unmount_pod("u")
    await world.mounter.unmount_pod("w")
    assert world.double.named()[3:] == ["NodeUnpublishVolume", "NodeUnpublishVolume", "NodeUnstageVolume"]


async def test_an_agent_that_starts_again_takes_down_what_it_did_not_put_up(world: World) -> None:
    await world.register()
    world.driver()
    await world.mounter.mount(world.volume(pod()))
    await world.fresh().unmount_pod("u")
    assert world.double.named()[2:] == ["NodeUnpublishVolume", "NodeUnstageVolume"]


async def test_a_driver_without_staging(world: World) -> None:
    world.double.capabilities = ()
    await world.register()
    world.driver()
    await world.mounter.mount(world.volume(pod(), spec={"accessModes": ["ReadOnlyMany"]}, readonly=True))
    published = world.double.last(PUBLISH)
    assert world.double.named() == [PUBLISH]
    assert (published.staging_target_path, published.readonly) == ("", True)
    assert published.volume_capability.access_mode.mode == 3
    await world.mounter.unmount_pod("u")
    assert world.double.named() == [PUBLISH, "NodeUnpublishVolume"]


async def test_an_inline_volume(world: World) -> None:
    await world.register()
    wanted = Wanted(pod(), "scratch", {"driver": NAME, "volumeAttributes": {"size": "1"}})
    with pytest.raises(
        VolumeError, match=r'volume mode "Ephemeral" not supported by driver .* \(no CSIDriver object\)'
    ):
        await world.mounter.mount(wanted)
    world.driver()
    with pytest.raises(VolumeError, match=r'\(only supports \["Persistent"\]\)'):
        await world.mounter.mount(wanted)
    world.driver(volumeLifecycleModes=["Ephemeral"], podInfoOnMount=True)
    await world.mounter.mount(wanted)
    published = world.double.last(PUBLISH)
    assert world.double.named() == [PUBLISH]
    assert published.volume_id == inline_handle("u", "scratch")
    assert dict(published.volume_context) == {
        "size": "1", "csi.storage.k8s.io/pod.name": "p-u", "csi.storage.k8s.io/pod.namespace": "default",
        "csi.storage.k8s.io/pod.uid": "u", "csi.storage.k8s.io/serviceAccount.name": "sa",
        "csi.storage.k8s.io/ephemeral": "true",
    }  # fmt: skip
    await world.mounter.unmount_pod("u")
    assert world.double.named() == [PUBLISH, "NodeUnpublishVolume"]


async def test_tokens_and_secrets(world: World) -> None:
    await world.register()
    world.driver(tokenRequests=[{"audience": "vault", "expirationSeconds": 600}, {"audience": ""}])
    world.objects.found["Secret", "s"] = {"data": {"user": "YQ=="}}
    ref = {"name": "s", "namespace": "other"}
    wanted = world.volume(pod(), source={"nodeStageSecretRef": ref, "nodePublishSecretRef": ref})
    await world.mounter.mount(wanted)
    assert dict(world.double.last(STAGE).secrets) == {"user": "a"}
    published = world.double.last(PUBLISH)
    assert dict(published.secrets) == {"user": "a"}
    tokens = loads(published.volume_context["csi.storage.k8s.io/serviceAccount.tokens"])
    assert tokens == {
        "vault": {"token": "default/sa/vault/600", "expirationTimestamp": "2026-01-01T01:00:00Z"},
        "": {"token": "default/sa//3600", "expirationTimestamp": "2026-01-01T01:00:00Z"},
    }  # fmt: skip


async def test_a_secret_that_is_not_there(world: World) -> None:
    await world.register()
    world.driver()
    ref = {"name": "s", "namespace": "other"}
    with pytest.raises(VolumeError, match='fetching NodePublishSecretRef other/s failed: secrets "s" not found'):
        await world.mounter.mount(world.volume(pod(), source={"nodePublishSecretRef": ref}))


async def test_a_volume_waits_until_it_is_attached(world: World) -> None:
    await world.register()
    mounting = asyncio.ensure_future(world.mounter.mount(world.volume(pod())))  # no CSIDriver: attaching is required
    await world.until(lambda: world.double.named("NodeGetCapabilities") != [])
    name = attachment_name("vol-1", NAME, "n1")
    world.objects.found["VolumeAttachment", name] = {"status": {"attached": True, "attachmentMetadata": {"dev": "sdb"}}}
    await asyncio.sleep(0)
    assert world.double.named() == [], "the node has to say so too"
    node = world.objects.found["Node", "n1"]
    assert node["status"]["volumesInUse"] == [unique_name(NAME, "vol-1")], "it says first what it will use"
    attached = [{"name": unique_name(NAME, "vol-1"), "devicePath": ""}]
    world.objects.found["Node", "n1"] = {**node, "status": {**node["status"], "volumesAttached": attached}}
    await mounting
    assert dict(world.double.last(STAGE).publish_context) == {"dev": "sdb"}
    assert dict(world.double.last(PUBLISH).publish_context) == {"dev": "sdb"}


async def test_an_attachment_that_failed(world: World) -> None:
    await world.register()
    name = attachment_name("vol-1", NAME, "n1")
    world.objects.found["VolumeAttachment", name] = {"status": {"attached": False, "attachError": {"message": "no"}}}
    with pytest.raises(VolumeError, match="attachment for vol-1 failed: no"):
        await world.mounter.mount(world.volume(pod()))


async def test_what_is_in_use_is_told_until_it_is_unmounted_also_by_the_next_agent(world: World) -> None:
    await world.register()
    name, unique = attachment_name("vol-1", NAME, "n1"), unique_name(NAME, "vol-1")
    world.objects.found["VolumeAttachment", name] = {"status": {"attached": True}}
    node = world.objects.found["Node", "n1"]
    world.objects.found["Node", "n1"] = {**node, "status": {"volumesAttached": [{"name": unique, "devicePath": ""}]}}
    await world.mounter.mount(world.volume(pod()))
    fresh = world.fresh()
    assert fresh.in_use() == []
    fresh.remember()
    assert fresh.in_use() == [unique]
    await fresh.unmount_pod("u")
    assert fresh.in_use() == []
    assert world.objects.found["Node", "n1"]["status"]["volumesInUse"] == []


async def test_a_driver_that_is_not_there(world: World) -> None:
    text = f"driver name {NAME} not found in the list of registered CSI drivers"
    with pytest.raises(VolumeError, match=f"failed to get CSI client: {text}"):
        await world.mounter.mount(world.volume(pod()))


@pytest.mark.parametrize("call", [STAGE, PUBLISH])
async def test_a_refusal_is_told_and_tried_again(world: World, call: str) -> None:
    await world.register()
    world.driver()
    world.double.refuse(call, Status.INTERNAL, "disk on fire")
    with pytest.raises(VolumeError, match="rpc error: code = Internal desc = disk on fire"):
        await world.mounter.mount(world.volume(pod()))
    await world.mounter.mount(world.volume(pod()))
    await world.mounter.unmount_pod("u")


async def test_what_cannot_be_unpublished_is_not_forgotten(world: World) -> None:
    await world.register()
    world.driver()
    await world.mounter.mount(world.volume(pod()))
    world.double.refuse("NodeUnpublishVolume", Status.INTERNAL, "busy")
    with pytest.raises(VolumeError, match="busy"):
        await world.mounter.unmount_pod("u")
    assert world.mounter.in_use() != []
    await world.mounter.unmount_pod("u")
    assert world.mounter.in_use() == []


async def test_usage_as_the_driver_says(world: World) -> None:
    await world.register()
    world.driver()
    await world.mounter.mount(world.volume(pod()))
    (found,) = await world.mounter.usage("u")
    assert (found.name, found.claim, found.capacity, found.used, found.inodes_used) == ("data", "c", 1 << 30, 4096, 1)
    assert (found.ephemeral, found.abnormal) == (False, False)


async def test_a_volume_that_has_to_grow(world: World) -> None:
    await world.register()
    world.driver()
    await world.mounter.mount(world.volume(pod(), spec={"capacity": {"storage": "2Gi"}}))
    assert world.double.last("NodeExpandVolume").capacity_range.required_bytes == 2 << 30
    assert world.objects.resized == [("c", "2Gi")]
    larger = world.volume(pod(), spec={"capacity": {"storage": "3Gi"}})
    assert larger.volume is not None
    assert larger.claim is not None
    world.objects.found["PersistentVolume", "pv-1"] = larger.volume
    world.objects.found["PersistentVolumeClaim", "c"] = larger.claim
    await world.mounter.refresh("u")
    assert world.objects.resized[1:] == [("c", "3Gi")]


async def test_a_driver_that_wants_to_publish_again(world: World) -> None:
    await world.register()
    world.driver(requiresRepublish=True, volumeLifecycleModes=["Ephemeral"])
    await world.mounter.mount(Wanted(pod(), "scratch", {"driver": NAME}))
    await world.mounter.refresh("u")
    assert world.double.named() == [PUBLISH, PUBLISH]
    assert world.mounter.refreshes("u")


# -- the pure parts


@pytest.mark.parametrize(
    ("policy", "fs_type", "modes", "want"),
    [
        ("None", "ext4", ["ReadWriteOnce"], False),
        ("File", "", ["ReadWriteMany"], True),
        ("ReadWriteOnceWithFSType", "", ["ReadWriteOnce"], False),
        ("ReadWriteOnceWithFSType", "ext4", ["ReadWriteOnce"], True),
        ("ReadWriteOnceWithFSType", "ext4", ["ReadWriteMany"], False),
    ],
)
def test_whose_files_are_given_to_the_group(policy: str, fs_type: str, modes: list[str], want: bool) -> None:
    assert changes_group(policy, fs_type, modes) is want


def test_access_modes() -> None:
    multi = frozenset({Capability.SINGLE_NODE_MULTI_WRITER})
    assert [access_mode([m], multi) for m in ("ReadWriteOnce", "ReadWriteOncePod")] == [7, 6]
    assert [access_mode([m], frozenset()) for m in ("ReadWriteOnce", "ReadWriteMany")] == [1, 5]
    assert access_mode([], frozenset()) == 1
    with pytest.raises(ValueError, match="Other"):
        access_mode(["Other"], multi)
