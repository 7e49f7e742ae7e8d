"""Volumes: sets up, mounts, refreshes and tears down the volumes of the pods of one node."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.env import ConfigError
from sampan.kubelet.expand import expand
from sampan.kubelet.podspec import spec, uses_host_network
from sampan.kubelet.runtime import Mount
from sampan.kubelet.sandbox_config import host_name
from sampan.kubelet.volumes.atomic import write_payload
from sampan.kubelet.volumes.base import VolumeError, VolumePath
from sampan.kubelet.volumes.hostpath import check_host_path
from sampan.kubelet.volumes.payload import KINDS, Get, IssueToken, Payloads

PLUGINS = {
    "emptyDir": "kubernetes.io~empty-dir",
    "configMap": "kubernetes.io~configmap",
    "secret": "kubernetes.io~secret",
    "downwardAPI": "kubernetes.io~downward-api",
    "projected": "kubernetes.io~projected",
}
REFRESH_EVERY = 60.0
"""Seconds, as upstream's sync period."""
PROPAGATION = {"None": "private", "HostToContainer": "host-to-container", "Bidirectional": "bidirectional"}
HOSTS = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


class Volumes:
    """`root` is the directory of pods' data. Whatever may block runs in a thread."""

    def __init__(self, root: Path, get: Get, token: IssueToken, clock: Clock) -> None:
        self.root, self._get, self._clock = root, get, clock
        self._payloads = Payloads(get, token, clock.now)

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
        renewal = self._payloads.renewal(pod["metadata"]["uid"])
        return float("inf") if renewal is None else max(1.0, (renewal - self._clock.now()).total_seconds())

    # --- setting up

    async def set_up(self, pod: Obj) -> dict[str, VolumePath]:
        """The paths of the pod's volumes by name; what is there already stays. Raises VolumeError."""
        made = {}
        for volume in spec(pod).get("volumes") or ():
            try:
                made[volume["name"]] = await self._set_up(pod, volume)
            except (VolumeError, ConfigError, ValueError, OSError) as error:
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}'
                raise VolumeError(text) from error
        return made

    async def refresh(self, pod: Obj) -> None:
        """Bring configMap, secret, downwardAPI and projected volumes up to date. Raises VolumeError."""
        for volume in spec(pod).get("volumes") or ():
            if any(kind in volume for kind in KINDS):
                try:
                    await self._set_up(pod, volume)
                except (VolumeError, ConfigError, ValueError, OSError) as error:
                    raise VolumeError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from error

    async def _set_up(self, pod: Obj, volume: Obj) -> VolumePath:
        for kind in KINDS:
            if kind in volume:
                files = await self._payloads.files(pod, volume)
                folder = self._folder(pod, kind, volume)
                await asyncio.to_thread(write_payload, folder, files, _fs_group(pod))
                return VolumePath(str(folder), readonly=True)
        if "emptyDir" in volume:
            folder = self._folder(pod, "emptyDir", volume)
            await asyncio.to_thread(_empty_dir, folder, volume["emptyDir"] or {}, _fs_group(pod))
            return VolumePath(str(folder))
        if "hostPath" in volume:
            source = volume["hostPath"]
            await asyncio.to_thread(check_host_path, source["path"], source.get("type") or "")
            return VolumePath(source["path"], wide=False)
        if "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]
            return await self._claim(pod, claim["claimName"], bool(claim.get("readOnly")))
        if "ephemeral" in volume:
            return await self._claim(pod, f"{pod['metadata']['name']}-{volume['name']}", False)
        kinds = ", ".join(sorted(set(volume) - {"name"}))
        raise VolumeError(f"no volume plugin matched: {kinds} is not supported by this node")

    def _folder(self, pod: Obj, kind: str, volume: Obj) -> Path:
        uid, name = str(pod["metadata"]["uid"]), str(volume["name"])
        return self.root / uid / "volumes" / PLUGINS[kind] / name

    async def _claim(self, pod: Obj, name: str, readonly: bool) -> VolumePath:
        namespace = pod["metadata"]["namespace"]
        claim = await self._get("PersistentVolumeClaim", namespace, name)
        if claim is None:
            raise VolumeError(f'error processing PVC {namespace}/{name}: persistentvolumeclaim "{name}" not found')
        volume_name = (claim.get("spec") or {}).get("volumeName")
        if not volume_name or (claim.get("status") or {}).get("phase") != "Bound":
            raise VolumeError(f"error processing PVC {namespace}/{name}: PVC is not bound")
        volume = await self._get("PersistentVolume", "", volume_name)
        if volume is None:
            raise VolumeError(f'error processing PVC {namespace}/{name}: persistentvolume "{volume_name}" not found')
        source = volume.get("spec") or {}
        if source.get("volumeMode") == "Block":
            raise VolumeError("block volumes are not supported by this node")
        if "local" in source:
            path = source["local"]["path"]
            await asyncio.to_thread(_exists, path)
            await asyncio.to_thread(_own, Path(path), _fs_group(pod))
            return VolumePath(path, readonly)
        if "hostPath" in source:
            path = source["hostPath"]["path"]
            await asyncio.to_thread(check_host_path, path, source["hostPath"].get("type") or "")
            return VolumePath(path, readonly, wide=False)
        raise VolumeError(f"no volume plugin matched: PersistentVolume {volume_name} is neither local nor hostPath")

    # --- mounting

    def mounts(
        self, pod: Obj, container: Obj, attempt: int, paths: Mapping[str, VolumePath],
        env: Sequence[tuple[str, str]], ips: Sequence[str],
    ) -> list[Mount]:  # fmt: skip
        """The mounts of one container. Blocks: makes sub-paths, the hosts file and the termination file.

        Raises VolumeError.
        """
        made = [self._mount(entry, paths, dict(env)) for entry in container.get("volumeMounts") or ()]
        taken = {mount.container_path for mount in made}
        folder = self.root / pod["metadata"]["uid"]
        if "/etc/hosts" not in taken:
            hosts = folder / "etc-hosts"
            folder.mkdir(parents=True, exist_ok=True, mode=0o755)
            hosts.write_text(hosts_file(pod, ips))
            made.append(Mount("/etc/hosts", str(hosts)))
        message = container.get("terminationMessagePath") or ""
        if message and message not in taken:
            target = self.termination_file(pod["metadata"]["uid"], container["name"], attempt)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            target.touch()
            target.chmod(0o666)
            made.append(Mount(message, str(target)))
        return made

    def _mount(self, entry: Obj, paths: Mapping[str, VolumePath], env: Mapping[str, str]) -> Mount:
        volume = paths.get(entry["name"])
        if volume is None:
            raise VolumeError(f"cannot find volume {entry['name']!r} to mount into container")
        path = volume.path
        sub = entry.get("subPath") or (expand(entry["subPathExpr"], env) if entry.get("subPathExpr") else "")
        if sub:
            path = sub_path(path, sub)
        readonly = bool(entry.get("readOnly")) or volume.readonly
        propagation = PROPAGATION[entry.get("mountPropagation") or "None"]
        return Mount(entry["mountPath"], path, readonly, propagation)  # type: ignore[arg-type]

    # --- the end

    async def tear_down(self, pod_uid: str) -> None:
        """Remove what a pod has here; the data of hostPath and persistent volumes stay. Raises OSError."""
        self._payloads.forget(pod_uid)
        await asyncio.to_thread(_remove, self.root / pod_uid)


def _api_access(volume: Obj) -> bool:
    """The volume that admission gives to every pod: only its token ever changes."""
    return str(volume["name"]).startswith("kube-api-access-")


def hosts_file(pod: Obj, ips: Sequence[str]) -> str:
    """The pod's /etc/hosts."""
    if uses_host_network(pod):
        try:
            text = Path("/etc/hosts").read_text()
        except OSError:
            text = HOSTS
    else:
        name, domain = host_name(pod), spec(pod).get("subdomain")
        full = f"{name}.{domain}.{pod['metadata']['namespace']}.svc.cluster.local\t{name}" if domain else name
        text = HOSTS + "".join(f"{ip}\t{full}\n" for ip in ips)
    for alias in spec(pod).get("hostAliases") or ():
        text += f"{alias['ip']}\t" + "\t".join(alias.get("hostnames") or ()) + "\n"
    return text


def sub_path(base: str, sub: str) -> str:
    """A path below a volume, made if it is not there; never out of it, not by links either. Raises VolumeError."""
    root = Path(base).resolve()
    if sub.startswith("/") or ".." in Path(sub).parts:
        raise VolumeError(f"subPath {sub!r} must be relative and must not contain '..'")
    target = (root / sub).resolve()
    if not target.is_relative_to(root):
        raise VolumeError(f"subPath {sub!r} leads out of the volume")
    if not target.exists():
        target.mkdir(parents=True, mode=0o750)
    return str(target)


def _fs_group(pod: Obj) -> int | None:
    group = (spec(pod).get("securityContext") or {}).get("fsGroup")
    return int(group) if group is not None and os.geteuid() == 0 else None


def _own(folder: Path, group: int | None) -> None:
    if group is not None and folder.stat().st_gid != group:
        os.chown(folder, -1, group)
        folder.chmod(folder.stat().st_mode | 0o2070)


def _exists(path: str) -> None:
    if not Path(path).exists():
        raise VolumeError(f'path "{path}" does not exist')


def _empty_dir(folder: Path, source: Obj, group: int | None) -> None:
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o777)
        folder.chmod(0o777)
        if source.get("medium") == "Memory":
            _mount_tmpfs(folder, source.get("sizeLimit"))
    _own(folder, group)


def _mount_tmpfs(folder: Path, limit: str | None) -> None:
    from sampan.api.quantity import value

    options = ["-o", f"size={value(limit)}"] if limit else []
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        raise VolumeError(f"mounting a tmpfs failed: {done.stderr.strip()}")
    folder.chmod(0o777)


def _remove(folder: Path) -> None:
    """Remove a pod's directory, unmounting first what is mounted below it."""
    if not folder.exists():
        return
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = sorted((m for m in mounts if Path(m).is_relative_to(folder)), key=len, reverse=True)
    for mount in below:
        subprocess.run(["umount", mount], capture_output=True, check=False)
    shutil.rmtree(folder, ignore_errors=True)
