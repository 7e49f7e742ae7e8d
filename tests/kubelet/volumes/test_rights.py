"""Who may read what in volumes: fsGroup, users of tokens, owners of claims; and what is removed at the end."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sampan.api.json import Obj
from sampan.kubelet.volumes import Surroundings, VolumeError, Volumes
from sampan.kubelet.volumes.emptydir import make_empty_dir
from sampan.kubelet.volumes.hosts import hosts_file
from sampan.kubelet.volumes.ownership import READ, WRITE, tree_of_group
from sampan.kubelet.volumes.payload import only_user
from sampan.kubelet.volumes.removal import mounts_below, remove_tree
from sampan.kubelet.volumes.subpath import sub_path_of
from sampan.testing.clock import FakeClock

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
GROUP = 4321


class Rig:
    """Volumes over objects in a dict, and tokens that can be refused."""

    def __init__(self, root: Path, clock: FakeClock) -> None:
        self.objects: dict[tuple[str, str], Obj] = {}
        self.clock, self.issued, self.down = clock, 0, False
        node = {"status": {"allocatable": {"memory": "8Gi"}}}
        self.volumes = Volumes(root / "pods", self.get, self.issue, clock, Surroundings(lambda: node, "own.local"))

    async def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        return self.objects.get((kind, name))

    async def issue(self, namespace: str, account: str, audience: str, seconds: int, pod: Obj) -> tuple[str, str]:
        if self.down:
            raise OSError("failed to fetch token: no server")
        self.issued += 1
        end = self.clock.now().timestamp() + seconds
        return f"token {self.issued}", datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def path(self, volume: Obj, **spec: Any) -> Path:
        return Path((await self.volumes.set_up(pod(volume, **spec)))["v"].path)


def pod(volume: Obj, **spec: Any) -> Obj:
    wanted = {"containers": [{"name": "c"}], "volumes": [{"name": "v", **volume}], **spec}
    return {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": wanted}


@pytest.fixture
def rig(tmp_path: Path, clock: FakeClock) -> Rig:
    return Rig(tmp_path, clock)


def rights(path: Path) -> tuple[int, int, str]:
    """User, group and mode."""
    found = path.stat()
    return found.st_uid, found.st_gid, f"{found.st_mode & 0o7777:o}"


SECRET = {"kind": "Secret", "data": {"k": "eA=="}}
TOKEN = {"projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 1000}}]}}


@as_root
async def test_a_group_may_read_payloads(rig: Rig) -> None:
    rig.objects["Secret", "s"] = SECRET
    volume = {"secret": {"secretName": "s", "defaultMode": 0o400, "items": [{"key": "k", "path": "a/k"}]}}
    path = await rig.path(volume, securityContext={"fsGroup": GROUP})
    assert rights(path / "a" / "k")[1:] == (GROUP, "440")
    assert rights(path / "a")[1:] == (GROUP, "2755")
    first = os.readlink(path / "..data")
    await rig.path(volume, securityContext={"fsGroup": GROUP})
    assert os.readlink(path / "..data") == first, "nothing new, nothing written"


@as_root
@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ({}, (0, "644")),
        ({"securityContext": {"runAsUser": 5}}, (5, "600")),
        ({"containers": [{"name": "c", "securityContext": {"runAsUser": 6}}]}, (6, "600")),
        ({"securityContext": {"runAsUser": 5, "fsGroup": GROUP}}, (5, "640")),
        ({"securityContext": {"fsGroup": GROUP}}, (0, "640")),
        ({"securityContext": {"runAsUser": 5}, "initContainers": [{"securityContext": {"runAsUser": 6}}]}, (0, "644")),
    ],
)
async def test_tokens_are_for_the_user_of_the_pod(rig: Rig, spec: Obj, want: tuple[int, str]) -> None:
    user, _, mode = rights(await rig.path(TOKEN, **spec) / "t")
    assert (user, mode) == want


def test_the_only_user() -> None:
    assert only_user(pod({})) is None
    assert only_user(pod({}, securityContext={"runAsUser": 0})) == 0


async def test_a_token_is_used_while_it_is_good(rig: Rig, clock: FakeClock) -> None:
    path = await rig.path(TOKEN)
    rig.down = True
    await clock.advance(801)
    await rig.volumes.refresh(pod(TOKEN))
    assert (path / "t").read_text() == "token 1"
    assert rig.volumes.refresh_in(pod(TOKEN)) == 60
    rig.down = False
    await clock.advance(61)
    await rig.volumes.refresh(pod(TOKEN))
    assert (path / "t").read_text() == "token 2"
    rig.down = True
    await clock.advance(1001)
    with pytest.raises(VolumeError, match="no server"):
        await rig.volumes.refresh(pod(TOKEN))


async def test_a_limit_that_is_not_set_is_the_nodes(rig: Rig) -> None:
    item = {"path": "m", "resourceFieldRef": {"containerName": "c", "resource": "limits.memory", "divisor": "1Gi"}}
    assert (await rig.path({"downwardAPI": {"items": [item]}}) / "m").read_text() == "8"


# -- a volume's tree


@as_root
def test_a_tree_is_given_to_a_group(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch(mode=0o600)
    root = tmp_path / "v"
    (root / "d").mkdir(parents=True, mode=0o700)
    (root / "d" / "f").touch(mode=0o600)
    (root / "link").symlink_to(outside)
    (root / "there").symlink_to(tmp_path)
    tree_of_group(root, GROUP, WRITE)
    assert rights(root / "d" / "f")[1:] == (GROUP, "660")
    assert rights(root / "d")[1:] == (GROUP, "2770")
    assert (root / "link").lstat().st_gid == (root / "there").lstat().st_gid == GROUP
    assert rights(outside) == (0, 0, "600")
    (root / "late").touch(mode=0o600)
    tree_of_group(root, GROUP, WRITE, "OnRootMismatch")
    assert rights(root / "late")[2] == "600"
    tree_of_group(root, GROUP, READ)
    assert rights(root / "late")[1:] == (GROUP, "640")


@as_root
async def test_an_empty_dir_is_its_groups(rig: Rig) -> None:
    path = await rig.path({"emptyDir": {}}, securityContext={"fsGroup": GROUP})
    assert rights(path)[1:] == (GROUP, "2777")


def test_media_of_empty_dirs(tmp_path: Path) -> None:
    make_empty_dir(tmp_path / "m", {"medium": "Memory"}, mounting=False)
    assert not os.path.ismount(tmp_path / "m")
    with pytest.raises(VolumeError, match='unknown storage medium "HugePages"'):
        make_empty_dir(tmp_path / "h", {"medium": "HugePages"}, mounting=False)


# -- claims


def claim(uid: str, **meta: Any) -> Obj:
    status = {"phase": "Bound"}
    return {"metadata": {"name": "p-v", "uid": uid, **meta}, "spec": {"volumeName": "pv"}, "status": status}


async def test_an_ephemeral_claim_is_its_pods(rig: Rig, tmp_path: Path) -> None:
    volume: Obj = {"ephemeral": {}}
    where = {"claimRef": {"uid": "1"}, "local": {"path": str(tmp_path)}}
    rig.objects["PersistentVolume", "pv"] = {"metadata": {"name": "pv"}, "spec": where}
    for owner in ({}, {"ownerReferences": [{"uid": "another", "controller": True}]}):
        rig.objects["PersistentVolumeClaim", "p-v"] = claim("1", **owner)
        with pytest.raises(VolumeError, match=r"was not created for pod default/p \(pod is not owner\)"):
            await rig.path(volume)
    rig.objects["PersistentVolumeClaim", "p-v"] = claim("1", ownerReferences=[{"uid": "u", "controller": True}])
    assert await rig.path(volume) == tmp_path
    rig.objects["PersistentVolumeClaim", "p-v"] = claim("2", ownerReferences=[{"uid": "u", "controller": True}])
    with pytest.raises(VolumeError, match="PersistentVolume pv is bound to another claim"):
        await rig.path(volume)


# -- paths below volumes


@pytest.mark.parametrize(
    ("mount", "want"),
    [
        ({}, ""),
        ({"subPath": "$(A)"}, "$(A)"),
        ({"subPathExpr": "x/$(A)/$$(B)"}, "x/1/$(B)"),
    ],
)
def test_sub_paths(mount: dict[str, str], want: str) -> None:
    assert sub_path_of(mount, {"A": "1", "EMPTY": ""}) == want


def test_sub_paths_of_variables_that_there_are_not() -> None:
    with pytest.raises(VolumeError, match=r"missing value for B, EMPTY$"):
        sub_path_of({"subPathExpr": "$(EMPTY)/$(B)/$(A)"}, {"A": "1", "EMPTY": ""})


# -- the hosts file


def test_hosts_files(tmp_path: Path) -> None:
    node_file = tmp_path / "hosts"
    node_file.write_text("127.0.0.1\tnode\n")
    wide = pod({}, hostNetwork=True, hostAliases=[{"ip": "1.2.3.4", "hostnames": ["x"]}])
    want = "127.0.0.1\tnode\n\n# Entries added by HostAliases.\n1.2.3.4\tx\n"
    assert hosts_file(wide, ["192.0.2.1"], "own.local", node_file) == (
        f"# Kubernetes-managed hosts file (host network).\n{want}"
    )
    text = hosts_file(pod({}, hostname="web", subdomain="db"), ["10.0.0.2", "fd00::2"], "own.local")
    assert text.endswith("10.0.0.2\tweb.db.default.svc.own.local\tweb\nfd00::2\tweb.db.default.svc.own.local\tweb\n")


# -- the end


def test_mounts_below(tmp_path: Path) -> None:
    lines = [f"36 35 98:0 / {point} rw - ext4 /dev/x rw" for point in ("/", "/a", "/a/b\\040c", "/ab", "/a/b\\040c/d")]
    assert mounts_below(Path("/a"), "\n".join(lines)) == ["/a/b c/d", "/a/b c", "/a"]


def test_removing_what_is_not_there(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")
    (tmp_path / "link").symlink_to(tmp_path)
    remove_tree(tmp_path / "link")
    assert tmp_path.is_dir()


def can_mount(path: Path) -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(path)], capture_output=True).returncode == 0


def test_a_tmpfs_goes_with_its_pod(tmp_path: Path) -> None:
    """Needs the right to mount."""
    probe, root = tmp_path / "probe", tmp_path / "a b"
    probe.mkdir()
    if not can_mount(probe):
        pytest.skip("no right to mount")
    subprocess.run(["umount", str(probe)], check=True)
    volume = root / "volumes" / "m"
    make_empty_dir(volume, {"medium": "Memory", "sizeLimit": "1Mi"}, mounting=True)
    assert os.path.ismount(volume)
    make_empty_dir(volume, {"medium": "Memory"}, mounting=True)
    found = os.statvfs(volume)
    assert found.f_frsize * found.f_blocks == 2**20
    (volume / "f").touch()
    remove_tree(root)
    assert not root.exists()


def test_what_is_still_mounted_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bind mount of the same file system that cannot be unmounted: what is behind it stays."""
    behind = tmp_path / "pod" / "mount"
    behind.mkdir(parents=True)
    (behind / "file").write_text("kept")
    listing = tmp_path / "mountinfo"
    listing.write_text(f"36 35 98:0 /x {behind} rw - ext4 /dev/sda rw\n")
    monkeypatch.setattr("sampan.kubelet.volumes.removal.MOUNTS", listing)
    with pytest.raises(OSError, match="cannot unmount"):
        remove_tree(tmp_path / "pod")
    assert (behind / "file").read_text() == "kept"
