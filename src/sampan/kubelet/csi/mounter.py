"""CSI volumes of the pods of one node: attached, staged, published, expanded, and all of it back again."""

import asyncio
import base64
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from sampan.aio.clock import Clock
from sampan.aio.files import write_atomic
from sampan.api.csi import PLUGIN, attachment_name, unique_name
from sampan.api.json import JSONDecodeError, Obj, dumps, loads
from sampan.api.quantity import compare, value
from sampan.kubelet.csi.client import CsiError, CsiNode
from sampan.kubelet.csi.records import (
    ESCAPED,
    Capability,
    Mounting,
    Wanted,
    access_mode,
    changes_group,
    pod_context,
)
from sampan.kubelet.summary import VolumeUsage
from sampan.kubelet.volumes.base import VolumeError, VolumePath
from sampan.kubelet.volumes.ownership import READ, WRITE, tree_of_group
from sampan.kubelet.volumes.payload import Get, IssueToken
from sampan.kubelet.volumes.removal import is_mounted

log = logging.getLogger("sampan.kubelet")
DATA = "vol_data.json"
ATTACH_LOOK, ATTACH_TIMEOUT = 0.5, 120.0
TOKEN_SECONDS = 3600
TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"


class Nodes(Protocol):
    """The drivers that are registered."""

    def get(self, name: str) -> CsiNode | None: ...


@dataclass(slots=True)
class Mounted:
    """A volume that is published to a pod."""

    wanted: Wanted
    mounting: Mounting
    staging: str
    target: str
    republish: bool = False


@dataclass(frozen=True, slots=True)
class Links:
    """What the mounter works with."""

    root: Path
    """The kubelet's directory: pods/ and plugins/ are below it."""
    node: str
    drivers: Nodes
    get: Get
    token: IssueToken
    resized: Callable[[Obj, str], Awaitable[None]]
    """Tell that a claim has a new size now."""
    clock: Clock
    report: Callable[[], Awaitable[None]]
    """Have the node's status say what is in use."""


@dataclass(slots=True)
class CsiMounter:
    """One per node agent. Every call may raise VolumeError; none of them gives up what it has begun."""

    links: Links
    _mounted: dict[tuple[str, str], Mounted] = field(default_factory=dict)
    _staged: set[tuple[str, str]] = field(default_factory=set)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    _begun: dict[tuple[str, str], str] = field(default_factory=dict)
    """What may be in use though it is not mounted yet, or was mounted by an earlier agent; as the node names it."""

    def remember(self) -> None:
        """What an earlier agent has left here is in use until its pods are gone."""
        for folder in (self.links.root / "pods").glob(f"*/volumes/{ESCAPED}/*"):
            data = _read_data(folder)
            if data is not None and data.get("volumeLifecycleMode") != "Ephemeral":
                key = (folder.parent.parent.parent.name, folder.name)
                self._begun[key] = unique_name(data["driverName"], data["volumeHandle"])

    # --- asking

    def of(self, uid: str) -> list[Mounted]:
        """What a pod has."""
        return [mounted for (owner, _), mounted in self._mounted.items() if owner == uid]

    def in_use(self) -> list[str]:
        """node.status.volumesInUse: what must not be detached."""
        named = {unique_name(m.wanted.driver, m.wanted.handle) for m in self._mounted.values() if m.wanted.volume}
        staged = {unique_name(driver, handle) for driver, handle in self._staged}
        return sorted(named | staged | set(self._begun.values()))

    async def usage(self, uid: str) -> list[VolumeUsage]:
        """What a pod's CSI volumes take, as far as their drivers say."""
        found = []
        for mounted in self.of(uid):
            node = self.links.drivers.get(mounted.wanted.driver)
            if node is None or Capability.GET_VOLUME_STATS not in node.capabilities:
                continue
            try:
                told = await node.stats(mounted.mounting.volume_id, mounted.target, mounted.staging)
            except CsiError as error:
                log.info("stats of volume %s: %s", mounted.wanted.spec_name, error)
                continue
            total, available, used = told.bytes or (None, None, None)
            inodes, free, taken = told.inodes or (None, None, None)
            claim = mounted.wanted.claim
            named = claim["metadata"]["name"] if claim is not None else ""
            found.append(
                VolumeUsage(
                    mounted.wanted.name, total, available, used, inodes, free, taken, named,
                    mounted.wanted.volume is None, told.abnormal,
                )
            )  # fmt: skip
        return found

    # --- mounting

    async def mount(self, wanted: Wanted) -> VolumePath:
        """Publish a volume to its pod, once; what is there already stays."""
        async with self._locks.setdefault(wanted.handle, asyncio.Lock()):
            known = self._mounted.get((wanted.uid, wanted.spec_name))
            if known is None:
                known = await self._mount(wanted)
            known.wanted = wanted
            await self._expand(known)
        return VolumePath(known.target, known.mounting.readonly)

    async def refresh(self, uid: str) -> None:
        """Publish again where the driver wants that (requiresRepublish), and grow what was asked to grow."""
        for mounted in self.of(uid):
            if mounted.republish:
                await self._publish(mounted.wanted, self._node(mounted.wanted), mounted.staging, mounted.target)
            if mounted.wanted.claim is not None and mounted.wanted.volume is not None:
                claim_meta = mounted.wanted.claim["metadata"]
                claim = await self.links.get("PersistentVolumeClaim", claim_meta["namespace"], claim_meta["name"])
                volume = await self.links.get("PersistentVolume", "", mounted.wanted.spec_name)
                if claim is not None and volume is not None:
                    mounted.wanted = replace(mounted.wanted, claim=claim, volume=volume)
                    await self._expand(mounted)

    def refreshes(self, uid: str) -> bool:
        """Whether a pod has something that `refresh` may have to do something for."""
        return bool(self.of(uid))

    def _node(self, wanted: Wanted) -> CsiNode:
        node = self.links.drivers.get(wanted.driver)
        if node is None:
            text = f"driver name {wanted.driver} not found in the list of registered CSI drivers"
            raise VolumeError(f"{PLUGIN}: mounter.SetUpAt failed to get CSI client: {text}")
        return node

    async def _mount(self, wanted: Wanted) -> Mounted:
        node, about = self._node(wanted), await self._about(wanted)
        self._check_lifecycle(wanted, about)
        publish_context: Mapping[str, str] = {}
        if wanted.volume is not None and (about is None or about.get("attachRequired", True)):
            publish_context = await self._attached(wanted)
        await self._save(wanted)  # first: whatever is begun from here on is undone by that
        staging = ""
        if wanted.volume is not None and Capability.STAGE_UNSTAGE_VOLUME in node.capabilities:
            staging = self._staging(wanted.driver, wanted.handle)
            await self._stage(wanted, node, staging, publish_context)
        target = str(self._folder(wanted) / "mount")
        mounting = await self._publish(wanted, node, staging, target, publish_context)
        made = Mounted(wanted, mounting, staging, target, bool((about or {}).get("requiresRepublish")))
        self._mounted[wanted.uid, wanted.spec_name] = made
        await self._give_to_group(wanted, node, about, target)
        return made

    async def _about(self, wanted: Wanted) -> Obj | None:
        """The spec of the driver's CSIDriver object; None when there is none."""
        found = await self.links.get("CSIDriver", "", wanted.driver)
        return None if found is None else found.get("spec") or {}

    @staticmethod
    def _check_lifecycle(wanted: Wanted, about: Obj | None) -> None:
        mode = "Persistent" if wanted.volume is not None else "Ephemeral"
        if about is None:
            if mode == "Ephemeral":
                raise VolumeError(f'volume mode "{mode}" not supported by driver {wanted.driver} (no CSIDriver object)')
            return
        modes = about.get("volumeLifecycleModes") or ["Persistent"]
        if mode not in modes:
            only = " ".join(f'"{m}"' for m in modes)
            raise VolumeError(f'volume mode "{mode}" not supported by driver {wanted.driver} (only supports [{only}])')

    async def _attached(self, wanted: Wanted) -> Mapping[str, str]:
        """Wait until the volume is attached to this node; what its attacher says of it.

        First the node says that it uses the volume, then it looks: so nobody detaches it in between.
        """
        begun = (wanted.uid, wanted.spec_name)
        known = begun in self._begun
        self._begun[begun] = unique_name(wanted.driver, wanted.handle)
        try:
            return await self._attachment(wanted)
        except BaseException:
            if not known:
                self._begun.pop(begun, None)
            raise

    async def _attachment(self, wanted: Wanted) -> Mapping[str, str]:
        name = attachment_name(wanted.handle, wanted.driver, self.links.node)
        unique = unique_name(wanted.driver, wanted.handle)
        deadline = self.links.clock.monotonic() + ATTACH_TIMEOUT
        while True:
            node = await self.links.get("Node", "", self.links.node) or {}
            told: Obj = node.get("status") or {}
            if unique not in (told.get("volumesInUse") or ()):
                await self.links.report()
                node = await self.links.get("Node", "", self.links.node) or {}
                told = node.get("status") or {}
            attachment = await self.links.get("VolumeAttachment", "", name)
            status: Obj = (attachment or {}).get("status") or {}
            listed = any(entry.get("name") == unique for entry in told.get("volumesAttached") or ())
            if status.get("attached") and listed and unique in (told.get("volumesInUse") or ()):
                return dict(status.get("attachmentMetadata") or {})
            if error := status.get("attachError"):
                raise VolumeError(f"{PLUGIN}: attachment for {wanted.handle} failed: {error.get('message', '')}")
            if self.links.clock.monotonic() >= deadline:
                raise VolumeError(f"{PLUGIN}: volume {wanted.handle} is not attached to node {self.links.node} yet")
            await self.links.clock.sleep(ATTACH_LOOK)

    async def _stage(self, wanted: Wanted, node: CsiNode, staging: str, context: Mapping[str, str]) -> None:
        key = (wanted.driver, wanted.handle)
        if key in self._staged:
            return
        secrets = await self._secrets(wanted, "nodeStageSecretRef")
        await asyncio.to_thread(_make_staging, Path(staging), wanted.driver, wanted.handle)
        mounting = self._mounting(wanted, node, wanted.source.get("volumeAttributes") or {}, context)
        try:
            await node.stage(mounting, staging, secrets)
        except CsiError as error:
            if error.final:
                await asyncio.to_thread(_remove_staging, Path(staging))
            raise VolumeError(f"{PLUGIN}: attacher.MountDevice failed: {error}") from error
        self._staged.add(key)

    async def _publish(
        self, wanted: Wanted, node: CsiNode, staging: str, target: str, publish_context: Mapping[str, str] | None = None
    ) -> Mounting:
        about = await self._about(wanted) or {}
        context = dict(wanted.source.get("volumeAttributes") or {})
        secrets = await self._secrets(wanted, "nodePublishSecretRef")
        if about.get("podInfoOnMount"):
            context.update(pod_context(wanted.pod, ephemeral=wanted.volume is None))
        if requests := about.get("tokenRequests"):
            into = secrets if about.get("serviceAccountTokenInSecrets") else context
            into[TOKENS] = await self._tokens(wanted.pod, requests)
        if publish_context is None:
            known = self._mounted.get((wanted.uid, wanted.spec_name))
            publish_context = known.mounting.publish_context if known is not None else {}
        mounting = self._mounting(wanted, node, context, publish_context)
        try:
            await node.publish(mounting, staging, target, secrets)
        except CsiError as error:
            raise VolumeError(str(error)) from error
        return mounting

    def _mounting(
        self, wanted: Wanted, node: CsiNode, context: Mapping[str, str], publish_context: Mapping[str, str]
    ) -> Mounting:
        spec: Obj = wanted.volume["spec"] if wanted.volume is not None else {}
        try:
            access = access_mode(wanted.modes, node.capabilities)
        except ValueError as error:
            raise VolumeError(str(error)) from error
        group = _fs_group(wanted.pod) if Capability.VOLUME_MOUNT_GROUP in node.capabilities else None
        return Mounting(
            volume_id=wanted.handle, access=access, fs_type=wanted.source.get("fsType") or "",
            flags=tuple(spec.get("mountOptions") or ()),
            readonly=wanted.readonly or bool(wanted.source.get("readOnly")),
            context=context, publish_context=publish_context, group=group,
        )  # fmt: skip

    async def _secrets(self, wanted: Wanted, field_name: str) -> dict[str, str]:
        ref: Obj = wanted.source.get(field_name) or {}
        if not ref:
            return {}
        namespace = ref.get("namespace") or wanted.pod["metadata"]["namespace"]
        found = await self.links.get("Secret", namespace, ref["name"])
        if found is None:
            title = field_name[0].upper() + field_name[1:]
            why = f'secrets "{ref["name"]}" not found'
            raise VolumeError(f"fetching {title} {namespace}/{ref['name']} failed: {why}")
        data = found.get("data") or {}
        return {key: base64.b64decode(text).decode(errors="surrogateescape") for key, text in data.items()}

    async def _tokens(self, pod: Obj, requests: list[Obj]) -> str:
        account = (pod.get("spec") or {}).get("serviceAccountName") or "default"
        made = {}
        for request in requests:
            audience = request.get("audience") or ""
            seconds = int(request.get("expirationSeconds") or TOKEN_SECONDS)
            token, expires = await self.links.token(pod["metadata"]["namespace"], account, audience, seconds, pod)
            made[audience] = {"token": token, "expirationTimestamp": expires}
        return dumps(made).decode()

    async def _give_to_group(self, wanted: Wanted, node: CsiNode, about: Obj | None, target: str) -> None:
        group = _fs_group(wanted.pod)
        if group is None or os.geteuid() != 0 or wanted.readonly:
            return
        policy = (about or {}).get("fsGroupPolicy") or "ReadWriteOnceWithFSType"
        if Capability.VOLUME_MOUNT_GROUP in node.capabilities:
            return
        if changes_group(policy, wanted.source.get("fsType") or "", wanted.modes):
            change = ((wanted.pod.get("spec") or {}).get("securityContext") or {}).get(
                "fsGroupChangePolicy"
            ) or "Always"
            mode = READ if wanted.source.get("readOnly") else WRITE
            await asyncio.to_thread(tree_of_group, Path(target), group, mode, change)

    async def _expand(self, mounted: Mounted) -> None:
        """Have the driver grow a volume whose PersistentVolume is larger than its claim says it is."""
        wanted = mounted.wanted
        if wanted.claim is None or wanted.volume is None:
            return
        node = self._node(wanted)
        has = ((wanted.claim.get("status") or {}).get("capacity") or {}).get("storage")
        should = (wanted.volume["spec"].get("capacity") or {}).get("storage")
        if not has or not should or compare(should, has) <= 0 or Capability.EXPAND_VOLUME not in node.capabilities:
            return
        try:
            await node.expand(mounted.mounting, mounted.target, mounted.staging, value(should))
        except CsiError as error:
            raise VolumeError(f"{PLUGIN}: Expander.NodeExpand failed to expand the volume : {error}") from error
        await self.links.resized(wanted.claim, should)
        status = {**(wanted.claim.get("status") or {}), "capacity": {"storage": should}}
        mounted.wanted = replace(wanted, claim={**wanted.claim, "status": status})

    # --- unmounting

    async def unmount_pod(self, uid: str) -> None:
        """Unpublish all that a pod has here, also what an earlier agent made; unstage what nobody uses any more."""
        before = self.in_use()
        await self._unmount_pod(uid)
        for key in [key for key in self._begun if key[0] == uid]:
            del self._begun[key]
        if self.in_use() != before:
            await self.links.report()

    async def _unmount_pod(self, uid: str) -> None:
        for folder in await asyncio.to_thread(_folders, self.links.root / "pods" / uid / "volumes" / ESCAPED):
            data = await asyncio.to_thread(_read_data, folder)
            if data is None:
                await asyncio.to_thread(_remove_empty, folder / "mount", folder)
                continue
            driver, handle = data["driverName"], data["volumeHandle"]
            node = self.links.drivers.get(driver)
            if node is None:
                text = f"driver name {driver} not found in the list of registered CSI drivers"
                raise VolumeError(f"{PLUGIN}: Unmounter.TearDownAt failed to get CSI client: {text}")
            async with self._locks.setdefault(handle, asyncio.Lock()):
                try:
                    await node.unpublish(handle, str(folder / "mount"))
                    await asyncio.to_thread(_remove_mount, folder)
                    self._mounted.pop((uid, folder.name), None)
                    if data.get("volumeLifecycleMode") != "Ephemeral":
                        await self._unstage(node, driver, handle)
                except CsiError as error:
                    raise VolumeError(f"{PLUGIN}: Unmounter.TearDownAt failed: {error}") from error
            self._locks.pop(handle, None)

    async def _unstage(self, node: CsiNode, driver: str, handle: str) -> None:
        staging = Path(self._staging(driver, handle))
        if Capability.STAGE_UNSTAGE_VOLUME not in node.capabilities or not await asyncio.to_thread(staging.exists):
            return
        if await asyncio.to_thread(_used_elsewhere, self.links.root / "pods", driver, handle):
            return
        await node.unstage(handle, str(staging))
        await asyncio.to_thread(_remove_staging, staging)
        self._staged.discard((driver, handle))

    # --- places

    def _folder(self, wanted: Wanted) -> Path:
        return self.links.root / "pods" / wanted.uid / "volumes" / ESCAPED / wanted.spec_name

    def _staging(self, driver: str, handle: str) -> str:
        name = sha256(handle.encode()).hexdigest()
        return str(self.links.root / "plugins" / "kubernetes.io" / "csi" / driver / name / "globalmount")

    async def _save(self, wanted: Wanted) -> None:
        """What `unmount_pod` has to know, also after a restart."""
        persistent = wanted.volume is not None
        data = {
            "specVolID": wanted.spec_name,
            "volumeHandle": wanted.handle,
            "driverName": wanted.driver,
            "nodeName": self.links.node,
            "volumeLifecycleMode": "Persistent" if persistent else "Ephemeral",
            "attachmentID": attachment_name(wanted.handle, wanted.driver, self.links.node),
        }
        await asyncio.to_thread(_write_data, self._folder(wanted), data)


def _fs_group(pod: Obj) -> int | None:
    group = ((pod.get("spec") or {}).get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)


def _write_data(folder: Path, data: Obj) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    write_atomic(folder / DATA, dumps(data), 0o644)


def _read_data(folder: Path) -> Obj | None:
    try:
        found = loads((folder / DATA).read_bytes())
    except (OSError, JSONDecodeError):
        return None
    return found if isinstance(found, dict) and {"driverName", "volumeHandle"} <= found.keys() else None


def _folders(above: Path) -> list[Path]:
    try:
        return sorted(entry for entry in above.iterdir() if entry.is_dir())
    except FileNotFoundError:
        return []


def _make_staging(staging: Path, driver: str, handle: str) -> None:
    staging.mkdir(parents=True, exist_ok=True, mode=0o750)
    write_atomic(staging.parent / DATA, dumps({"driverName": driver, "volumeHandle": handle}), 0o644)


def _remove_empty(*folders: Path) -> None:
    """Remove directories that are empty, in this order; what is behind a mount is never touched."""
    for folder in folders:
        if is_mounted(folder):
            raise VolumeError(f"{folder} is still mounted")
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue


def _remove_mount(folder: Path) -> None:
    target = folder / "mount"
    if is_mounted(target):
        raise VolumeError(f"{PLUGIN}: {target} is still mounted")
    if target.is_dir():
        target.rmdir()
    else:
        target.unlink(missing_ok=True)
    (folder / DATA).unlink(missing_ok=True)
    folder.rmdir()


def _remove_staging(staging: Path) -> None:
    if is_mounted(staging):
        raise VolumeError(f"{PLUGIN}: {staging} is still mounted")
    (staging.parent / DATA).unlink(missing_ok=True)
    _remove_empty(staging, staging.parent)


def _used_elsewhere(pods: Path, driver: str, handle: str) -> bool:
    """Whether a pod's directory here says that it has the volume."""
    for folder in pods.glob(f"*/volumes/{ESCAPED}/*"):
        data = _read_data(folder)
        if data is not None and (data["driverName"], data["volumeHandle"]) == (driver, handle):
            return True
    return False
