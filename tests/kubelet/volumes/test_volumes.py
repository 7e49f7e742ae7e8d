"""Volumes: what their files contain, how they are swapped, and that nobody gets out of them."""

import os
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sampan.api.json import Obj
from sampan.kubelet.volumes import VolumeError, Volumes
from sampan.kubelet.volumes.atomic import File, safe_name, write_payload
from sampan.kubelet.volumes.hostpath import check_host_path
from sampan.kubelet.volumes.hosts import hosts_file
from sampan.kubelet.volumes.subpath import sub_path
from sampan.testing.clock import FakeClock


class Rig:
    """Volumes over objects in a dict."""

    def __init__(self, root: Path, clock: FakeClock) -> None:
        self.objects: dict[tuple[str, str], Obj] = {}
        self.clock, self.issued = clock, 0
        self.volumes = Volumes(root / "pods", self.get, self.issue, clock)

    async def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        found = self.objects.get((kind, name))
        return None if found is None else {"kind": kind, **found}

    async def issue(self, namespace: str, account: str, audience: str, seconds: int, pod: Obj) -> tuple[str, str]:
        self.issued += 1
        end = self.clock.now().timestamp() + seconds
        return f"{account}/{audience}/{self.issued}", datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def pod(self, *volumes: Obj, **spec: Any) -> Obj:
        named = [{"name": f"v{number}", **volume} for number, volume in enumerate(volumes)]
        return {
            "metadata": {"name": "p", "namespace": "default", "uid": "u", "labels": {"a": "1"}},
            "spec": {"containers": [{"name": "c"}], "volumes": named, **spec},
        }

    async def files(self, volume: Obj, **spec: Any) -> dict[str, str]:
        """Set up one volume: its visible files with their content and mode."""
        made = await self.volumes.set_up(self.pod(volume, **spec))
        root = Path(made["v0"].path)
        found = {}
        for entry in sorted(root.iterdir()):
            if not entry.name.startswith(".."):
                for path in [entry, *entry.rglob("*")]:
                    if path.is_file():
                        found[str(path.relative_to(root))] = f"{path.read_text()} {path.stat().st_mode & 0o777:o}"
        return found


@pytest.fixture
def rig(tmp_path: Path, clock: FakeClock) -> Rig:
    made = Rig(tmp_path, clock)
    made.objects["ConfigMap", "m"] = {"data": {"k": "one", "l": "two"}, "binaryData": {"b": b64encode(b"bin").decode()}}
    made.objects["Secret", "s"] = {"data": {"k": b64encode(b"secret").decode()}}
    return made


CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "volumes" / "files.yaml").read_text())


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
async def test_what_is_in_them(rig: Rig, case: Obj) -> None:
    if "error" not in case:
        assert await rig.files(case["volume"]) == case["want"]
        return
    with pytest.raises(VolumeError) as refused:
        await rig.volumes.set_up(rig.pod(case["volume"]))
    assert str(refused.value) == f'MountVolume.SetUp failed for volume "v0" : {case["error"]}'


async def test_secrets_are_for_nobody_else(rig: Rig, tmp_path: Path) -> None:
    await rig.volumes.set_up(rig.pod({"secret": {"secretName": "s"}}))
    assert (tmp_path / "pods").stat().st_mode & 0o777 == 0o700


async def test_a_refresh_shows_what_has_changed(rig: Rig) -> None:
    pod = rig.pod({"configMap": {"name": "m"}})
    path = Path((await rig.volumes.set_up(pod))["v0"].path)
    first = os.readlink(path / "..data")
    await rig.volumes.refresh(pod)
    assert os.readlink(path / "..data") == first, "nothing new, nothing written"
    rig.objects["ConfigMap", "m"] = {"data": {"k": "new"}}
    await rig.volumes.refresh(pod)
    assert (path / "k").read_text() == "new"
    assert sorted(e.name for e in path.iterdir() if not e.name.startswith("..")) == ["k"]
    assert not (path / first).exists()


async def test_tokens_are_renewed_in_time(rig: Rig, clock: FakeClock) -> None:
    volume = {"projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 1000}}]}}
    assert await rig.files(volume) == {"token": "default//1 644"}
    await clock.advance(799)
    assert await rig.files(volume) == {"token": "default//1 644"}
    await clock.advance(2)
    assert await rig.files(volume) == {"token": "default//2 644"}


async def test_claims(rig: Rig, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    rig.objects["PersistentVolumeClaim", "c"] = {"spec": {"volumeName": "pv"}, "status": {"phase": "Pending"}}
    pod = rig.pod({"persistentVolumeClaim": {"claimName": "c", "readOnly": True}})
    with pytest.raises(VolumeError, match="PVC is not bound"):
        await rig.volumes.set_up(pod)
    rig.objects["PersistentVolumeClaim", "c"]["status"] = {"phase": "Bound"}
    with pytest.raises(VolumeError, match='persistentvolume "pv" not found'):
        await rig.volumes.set_up(pod)
    rig.objects["PersistentVolume", "pv"] = {"spec": {"local": {"path": str(data)}}}
    made = (await rig.volumes.set_up(pod))["v0"]
    assert (made.path, made.readonly) == (str(data), True)


async def test_an_empty_dir_keeps_its_data_and_goes_with_its_pod(rig: Rig, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    pod = rig.pod({"emptyDir": {}}, {"hostPath": {"path": str(outside)}})
    made = await rig.volumes.set_up(pod)
    (Path(made["v0"].path) / "f").write_text("x")
    (Path(made["v0"].path) / "link").symlink_to(outside)
    assert (Path(made["v0"].path)).stat().st_mode & 0o777 == 0o777
    await rig.volumes.set_up(pod)
    assert (Path(made["v0"].path) / "f").read_text() == "x"
    assert rig.volumes.uids() == {"u"}
    await rig.volumes.tear_down("u")
    assert rig.volumes.uids() == set()
    assert (outside / "precious").exists()


async def test_mounts(rig: Rig) -> None:
    pod = rig.pod({"emptyDir": {}}, {"secret": {"secretName": "s"}})
    paths = await rig.volumes.set_up(pod)
    container = {
        "name": "c",
        "terminationMessagePath": "/dev/termination-log",
        "volumeMounts": [
            {"name": "v0", "mountPath": "/data", "subPathExpr": "logs/$(POD)", "mountPropagation": "HostToContainer"},
            {"name": "v1", "mountPath": "/secret"},
        ],
    }
    data, secret, hosts, message = rig.volumes.mounts(pod, container, 2, paths, [("POD", "p")], ["10.0.0.2"])
    assert (data.host_path, data.readonly, data.propagation) == (
        f"{paths['v0'].path}/logs/p",
        False,
        "host-to-container",
    )
    assert Path(data.host_path).stat().st_mode & 0o777 == 0o777, "as the volume"
    assert (secret.host_path, secret.readonly) == (paths["v1"].path, True)
    assert hosts.container_path == "/etc/hosts"
    assert "10.0.0.2\tp\n" in Path(hosts.host_path).read_text()
    assert (message.container_path, Path(message.host_path)) == (
        "/dev/termination-log",
        rig.volumes.termination_file("u", "c", 2),
    )
    wrong = {"name": "c", "volumeMounts": [{"name": "none", "mountPath": "/x"}]}
    with pytest.raises(VolumeError):
        rig.volumes.mounts(pod, wrong, 0, paths, [], [])


# -- out of a volume


@pytest.mark.parametrize("sub", ["../x", "a/../../x", "/etc", "link", "link/x", "deep/link/passwd"])
def test_nobody_gets_out_by_a_sub_path(tmp_path: Path, sub: str) -> None:
    volume, outside = tmp_path / "v", tmp_path / "outside"
    (volume / "deep").mkdir(parents=True)
    outside.mkdir()
    (volume / "link").symlink_to(outside)
    (volume / "deep" / "link").symlink_to("/etc")
    with pytest.raises(VolumeError):
        sub_path(str(volume), sub)
    assert list(outside.iterdir()) == []


def test_links_within_are_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert sub_path(str(tmp_path), "link/new") == str(tmp_path / "real" / "new")


@pytest.mark.parametrize("path", ["", "/a", "..", "../a", "a/../b", "..data"])
def test_paths_that_lead_out(path: str) -> None:
    with pytest.raises(ValueError, match="invalid path"):
        safe_name(path)


NAMES = st.sampled_from(["a", "b", "c/d", "c/e", "f.txt"])


@given(st.lists(st.dictionaries(NAMES, st.binary(max_size=4), max_size=4), min_size=1, max_size=4))
def test_a_payload_is_always_whole(tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, bytes]]) -> None:
    folder = tmp_path_factory.mktemp("payload") / "v"
    before: dict[str, bytes] | None = None
    for state in states:
        wrote = write_payload(folder, {name: File(data, 0o640) for name, data in state.items()})
        assert wrote is (state != before)
        data = folder / "..data"
        shown = {str(p.relative_to(data)): p.read_bytes() for p in data.rglob("*") if p.is_file()}
        assert shown == state
        assert {e.name for e in folder.iterdir() if not e.name.startswith("..")} == {n.split("/")[0] for n in state}
        assert len([e for e in folder.iterdir() if e.is_dir() and not e.is_symlink()]) == 1
        before = state


# -- the node's own paths


def test_host_paths(tmp_path: Path) -> None:
    file, folder = tmp_path / "f", tmp_path / "d" / "e"
    check_host_path(str(folder), "DirectoryOrCreate")
    check_host_path(str(file), "FileOrCreate")
    check_host_path(str(folder), "Directory")
    check_host_path(str(file), "File")
    check_host_path(str(tmp_path / "new"), "")
    assert (tmp_path / "new").is_dir()
    for path, type_, why in (
        (file, "Directory", "is not a directory"),
        (folder, "File", "is not a file"),
        (file, "Socket", "is not a socket"),
        (tmp_path / "none", "Directory", "is not a directory"),
        (file, "Door", "Door is an invalid volume type"),
    ):
        with pytest.raises(VolumeError, match=why):
            check_host_path(str(path), type_)


def test_the_hosts_file(rig: Rig) -> None:
    pod = rig.pod(subdomain="db", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["x", "y"]}])
    text = hosts_file(pod, ["10.0.0.2"])
    assert "127.0.0.1\tlocalhost\n" in text
    assert "10.0.0.2\tp.db.default.svc.cluster.local\tp\n" in text
    assert text.endswith("1.2.3.4\tx\ty\n")
