"""Volumes: sets up, mounts, refreshes and tears down the volumes of the pods of one node."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.csi.records import ESCAPED, Wanted
from sampan.kubelet.env import ConfigError
from sampan.kubelet.podspec import spec
from sampan.kubelet.runtime import Mount
from sampan.kubelet.summary import VolumeUsage
from sampan.kubelet.volumes.atomic import write_payload
from sampan.kubelet.volumes.base import CsiVolumes, VolumeError, VolumePath
from sampan.kubelet.volumes.emptydir import make_empty_dir
from sampan.kubelet.volumes.hostpath import check_host_path
from sampan.kubelet.volumes.hosts import hosts_file
from sampan.kubelet.volumes.ownership import READ, WRITE, tree_of_group
from sampan.kubelet.volumes.payload import KINDS, Get, IssueToken, Payloads
from sampan.kubelet.volumes.removal import remove_tree
from sampan.kubelet.volumes.subpath import sub_path, sub_path_of
from sampan.kubelet.volumes.usage import of_file_system, of_folder

PLUGINS = {
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
}
Propagation = Literal["private", "host-to-container", "bidirectional"]
REFRESH_EVERY = 60.0
"""Seconds, as upstream's sync period."""
PROPAGATION: Mapping[str, Propagation] = {
    "None": "private",
    "HostToContainer": "host-to-container",
    "Bidirectional": "bidirectional",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What volumes need to know of their node."""

    node: Callable[[], Obj] = field(default=dict)
    """The Node object: what it has is the limit of a container without one."""
    domain: str = "cluster.local"
    mounting: bool = True
    """Whether there is something to mount for; simulated containers need no tmpfs."""


class Volumes:
    """`root` is the directory of pods' data. Whatever may block runs in a thread."""

    def __init__(
        self, root: Path, get: Get, token: IssueToken, clock: Clock, around: Surroundings | None = None,
        csi: CsiVolumes | None = None,
    ) -> None:  # fmt: skip
        self._csi = csi
        self.root, self._get, self._clock, self._around = root, get, clock, around or Surroundings()
        self._payloads = Payloads(get, token, clock.now, self._around.node)
        self._owned: set[tuple[str, str]] = set()
        self._made: dict[str, dict[str, VolumePath]] = {}

    def uids(self) -> set[str]:
        """The pods that have files here. Blocks."""
        return {entry.name for entry in self.root.iterdir()} if self.root.is_dir() else set()

    def termination_file(self, uid: str, name: str, attempt: int) -> Path:
        """Where a container's termination message is written."""
        return self.root / uid / "containers" / name / str(attempt)

    def refresh_in(self, pod: Obj) -> float:
        """Seconds until `refresh` has something to do: by the clock for ConfigMaps and the like, else for tokens."""
        if any(kind in v for v in spec(pod).get("volumes") or () for kind in KINDS if not _api_access(v)):
            return REFRESH_EVERY
        if self._csi is not None and self._csi.refreshes(pod["metadata"]["uid"]):
            return REFRESH_EVERY
        renewal = self._payloads.renewal(pod["metadata"]["uid"])
        return float("inf") if renewal is None else max(1.0, (renewal - self._clock.now()).total_seconds())

    # --- setting up

    async def set_up(self, pod: Obj) -> dict[str, VolumePath]:
        """The paths of the pod's volumes by name; what is there already stays. Raises VolumeError."""
        made = {}
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)  # secrets are below it
        for volume in spec(pod).get("volumes") or ():
            try:
                made[volume["name"]] = await self._set_up(pod, volume)
            except (VolumeError, ConfigError, ValueError, OSError) as error:
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}'
                raise VolumeError(text) from error
        self._made[pod["metadata"]["uid"]] = made
        return made

    async def usage(self, pod: Obj) -> list[VolumeUsage]:
        """What the pod's volumes take. Those of the host have no account of their own, as upstream."""
        found = []
        made = self._made.get(pod["metadata"]["uid"], {})
        for volume in spec(pod).get("volumes") or ():
            name = volume["name"]
            kind = next((kind for kind in PLUGINS if kind in volume), "")
            claim = claim_of(pod, volume)
            try:
                if kind:
                    found.append(await asyncio.to_thread(of_folder, name, self._folder(pod, kind, volume)))
                elif claim and name in made and made[name].wide and not is_csi(made[name]):
                    found.append(await asyncio.to_thread(of_file_system, name, Path(made[name].path), claim))
            except OSError:
                continue
        return found if self._csi is None else [*found, *await self._csi.usage(pod["metadata"]["uid"])]

    async def refresh(self, pod: Obj) -> None:
        """Bring configMap, secret, downwardAPI and projected volumes up to date. Raises VolumeError."""
        for volume in spec(pod).get("volumes") or ():
            if any(kind in volume for kind in KINDS):
                try:
                    await self._set_up(pod, volume)
                except (VolumeError, ConfigError, ValueError, OSError) as error:
                    raise VolumeError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from error
        if self._csi is not None:
            await self._csi.refresh(pod["metadata"]["uid"])

    async def _set_up(self, pod: Obj, volume: Obj) -> VolumePath:
        for kind in KINDS:
            if kind in volume:
                files = await self._payloads.files(pod, volume)
                folder = self._folder(pod, kind, volume)
                await asyncio.to_thread(self._private, folder, write_payload, folder, files, _fs_group(pod))
                return VolumePath(str(folder), readonly=True)
        if "emptyDir" in volume:
            folder, mounting = self._folder(pod, "emptyDir", volume), self._around.mounting and os.geteuid() == 0
            source = volume["emptyDir"] or {}
            await asyncio.to_thread(self._private, folder, lambda: make_empty_dir(folder, source, mounting=mounting))
            await self._own(pod, volume["name"], folder)
            return VolumePath(str(folder))
        if "hostPath" in volume:
            source = volume["hostPath"]
            await asyncio.to_thread(check_host_path, source["path"], source.get("type") or "")
            return VolumePath(source["path"], wide=False)
        if "persistentVolumeClaim" in volume:
            return await self._claim(pod, volume, claim_of(pod, volume))
        if "ephemeral" in volume:
            return await self._claim(pod, volume, claim_of(pod, volume))
        if "image" in volume:
            return VolumePath("", readonly=True, wide=False)  # pulled and mounted by the runtime
        if "csi" in volume and self._csi is not None:
            source = volume["csi"]
            return await self._csi.mount(Wanted(pod, volume["name"], source, readonly=bool(source.get("readOnly"))))
        kinds = ", ".join(sorted(set(volume) - {"name"}))
        raise VolumeError(f"no volume plugin matched: {kinds} is not supported by this node")

    def _folder(self, pod: Obj, kind: str, volume: Obj) -> Path:
        uid, name = str(pod["metadata"]["uid"]), str(volume["name"])
        return self.root / uid / "volumes" / PLUGINS[kind] / name

    def _private(self, folder: Path, make: Callable[..., object], *args: object) -> None:
        """Make a volume below directories that only the agent's user may enter."""
        for above, mode in ((self.root, 0o700), (folder.parents[2], 0o750)):
            above.mkdir(parents=True, exist_ok=True, mode=mode)
        make(*args)

    async def _own(self, pod: Obj, name: str, folder: Path, *, readonly: bool = False) -> None:
        """Give a volume to the pod's fsGroup, once in the agent's life."""
        key, group = (pod["metadata"]["uid"], name), _fs_group(pod)
        if group is None or key in self._owned:
            return
        policy = (spec(pod).get("securityContext") or {}).get("fsGroupChangePolicy") or "Always"
        await asyncio.to_thread(tree_of_group, folder, group, READ if readonly else WRITE, policy)
        self._owned.add(key)

    async def _claim(self, pod: Obj, volume: Obj, name: str) -> VolumePath:
        readonly = bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))
        claim, found = await self._bound(pod, name, owned="ephemeral" in volume)
        source = found.get("spec") or {}
        if source.get("volumeMode") == "Block":
            raise VolumeError("block volumes are not supported by this node")
        if "local" in source:
            path = source["local"]["path"]
            if not await asyncio.to_thread(os.path.exists, path):
                raise VolumeError(f'path "{path}" does not exist')
            await self._own(pod, volume["name"], Path(path), readonly=readonly)
            return VolumePath(path, readonly)
        if "hostPath" in source:
            path = source["hostPath"]["path"]
            await asyncio.to_thread(check_host_path, path, source["hostPath"].get("type") or "")
            return VolumePath(path, readonly, wide=False)
        if "csi" in source and self._csi is not None:
            return await self._csi.mount(Wanted(pod, volume["name"], source["csi"], found, claim, readonly))
        where = found["metadata"]["name"]
        raise VolumeError(f"no volume plugin matched: PersistentVolume {where} is not of a kind that this node mounts")

    async def _bound(self, pod: Obj, name: str, *, owned: bool) -> tuple[Obj, Obj]:
        """A claim, and the PersistentVolume that it is bound to."""
        meta = pod["metadata"]
        namespace = meta["namespace"]
        trouble = f"error processing PVC {namespace}/{name}"
        claim = await self._get("PersistentVolumeClaim", namespace, name)
        if claim is None:
            raise VolumeError(
                f'{trouble}: failed to fetch PVC from API server: persistentvolumeclaims "{name}" not found'
            )
        about = claim.get("metadata") or {}
        owners = about.get("ownerReferences") or ()
        if owned and not any(o.get("uid") == meta["uid"] and o.get("controller") for o in owners):
            raise VolumeError(
                f"{trouble}: PVC {namespace}/{name} was not created for pod {namespace}/{meta['name']} "
                "(pod is not owner)"
            )
        volume_name = (claim.get("spec") or {}).get("volumeName")
        if not volume_name or (claim.get("status") or {}).get("phase") != "Bound":
            raise VolumeError(f"{trouble}: PVC is not bound")
        found = await self._get("PersistentVolume", "", volume_name)
        if found is None:
            raise VolumeError(
                f'{trouble}: failed to fetch PV {volume_name}: persistentvolume "{volume_name}" not found'
            )
        if ((found.get("spec") or {}).get("claimRef") or {}).get("uid") != about.get("uid"):
            raise VolumeError(f"{trouble}: PersistentVolume {volume_name} is bound to another claim")
        return claim, found

    # --- mounting

    def mounts(
        self, pod: Obj, container: Obj, attempt: int, paths: Mapping[str, VolumePath],
        env: Sequence[tuple[str, str]], ips: Sequence[str],
    ) -> list[Mount]:  # fmt: skip
        """The mounts of one container. Blocks: makes sub-paths, the hosts file and the termination file.

        Raises VolumeError.
        """
        name, variables = container["name"], dict(env)
        made = [self._mount(name, entry, paths, variables) for entry in container.get("volumeMounts") or ()]
        taken = {mount.container_path for mount in made}
        folder = self.root / pod["metadata"]["uid"]
        if "/etc/hosts" not in taken and ips:
            hosts = folder / "etc-hosts"
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            hosts.write_text(hosts_file(pod, ips, self._around.domain))
            hosts.chmod(0o644)
            made.append(Mount("/etc/hosts", str(hosts)))
        message = container.get("terminationMessagePath") or ""
        if message and message not in taken:
            target = self.termination_file(pod["metadata"]["uid"], name, attempt)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            target.touch()
            target.chmod(0o666)
            made.append(Mount(message, str(target)))
        return made

    def _mount(self, name: str, entry: Obj, paths: Mapping[str, VolumePath], env: Mapping[str, str]) -> Mount:
        volume = paths.get(entry["name"])
        if volume is None:
            raise VolumeError(f'cannot find volume "{entry["name"]}" to mount into container "{name}"')
        if entry.get("recursiveReadOnly") == "Enabled":
            raise VolumeError("failed to resolve recursive read-only mode: not supported by this node")
        path, sub = volume.path, sub_path_of(entry, env)
        if sub and not volume.image:
            path = sub_path(path, sub)
        target = entry["mountPath"] if entry["mountPath"].startswith("/") else f"/{entry['mountPath']}"
        readonly = bool(entry.get("readOnly")) or volume.readonly
        propagation = PROPAGATION[entry.get("mountPropagation") or "None"]
        if volume.image:
            return Mount(target, "", True, propagation, image=volume.image, image_sub_path=sub or "")
        return Mount(target, path, readonly, propagation)

    # --- the end

    async def tear_down(self, pod_uid: str) -> None:
        """Remove what a pod has here; the data of hostPath and persistent volumes stay. Raises OSError."""
        self._payloads.forget(pod_uid)
        self._made.pop(pod_uid, None)
        if self._csi is not None:
            await self._csi.unmount_pod(pod_uid)
        self._owned = {key for key in self._owned if key[0] != pod_uid}
        await asyncio.to_thread(remove_tree, self.root / pod_uid)


def is_csi(volume: VolumePath) -> bool:
    """Whether a driver mounted it, who tells of its use as well."""
    return f"/{ESCAPED}/" in volume.path


def claim_of(pod: Obj, volume: Obj) -> str:
    """The name of the claim that a volume is, empty when it is none."""
    if "persistentVolumeClaim" in volume:
        return str(volume["persistentVolumeClaim"]["claimName"])
    return f"{pod['metadata']['name']}-{volume['name']}" if "ephemeral" in volume else ""


def _api_access(volume: Obj) -> bool:
    """The volume that admission gives to every pod: only its token ever changes."""
    return str(volume["name"]).startswith("kube-api-access-")


def _fs_group(pod: Obj) -> int | None:
    group = (spec(pod).get("securityContext") or {}).get("fsGroup")
    return int(group) if group is not None and os.geteuid() == 0 else None
