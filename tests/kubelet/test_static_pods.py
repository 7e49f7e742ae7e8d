"""Static pods: from manifests on disk, with mirrors in the API."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from sampan.api.json import Obj
from sampan.api.names import ObjectRef
from sampan.kubelet.manifest import ManifestError, static_pod
from sampan.resources.kinds import PODS

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

NAME = "web-n1"
REF = ObjectRef(PODS, "default", NAME)


def manifest(command: str = "sleep 1000", **spec: object) -> str:
    container = {"name": "a", "image": "app:1", "command": ["sh", "-c", command]}
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container], **spec}}
    )


@pytest.fixture
async def manifests(node: "Node", tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    node.settings["static_pods"] = folder
    return folder


async def mirror(node: "Node") -> Obj:
    found = await node.pod(NAME)
    assert found is not None
    return found


async def test_a_static_pod_runs_and_has_a_mirror(node: "Node", manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest())
    (manifests / ".hidden.yaml").write_text("no pod")
    (manifests / "wrong.yaml").write_text("kind: Node")
    await node.start()
    await node.advance(1)
    found = await mirror(node)
    notes, meta = found["metadata"]["annotations"], found["metadata"]
    assert notes["kubernetes.io/config.source"] == "file"
    assert notes["kubernetes.io/config.hash"] == notes["kubernetes.io/config.mirror"] != meta["uid"]
    assert notes["kubernetes.io/config.seen"]
    assert [(o["kind"], o["name"], o["controller"]) for o in meta["ownerReferences"]] == [("Node", "n1", True)]
    assert {"operator": "Exists", "effect": "NoExecute"} in found["spec"]["tolerations"]
    assert found["status"]["phase"] == "Running"
    assert await node.runs() == ["a/0 running"]


async def test_a_deleted_mirror_comes_again_and_the_pod_goes_on(node: "Node", manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest())
    await node.start()
    await node.advance(1)
    first = await mirror(node)
    await node.api.delete(REF)
    await node.advance(1)
    second = await mirror(node)
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert "deletionTimestamp" not in second["metadata"]
    assert second["status"]["phase"] == "Running"
    assert await node.runs() == ["a/0 running"]


async def test_a_changed_manifest_is_another_pod(node: "Node", manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest(terminationGracePeriodSeconds=3))
    await node.start()
    await node.advance(1)
    (old,) = await node.simulated.list_containers()
    first = await mirror(node)
    (manifests / "web.yaml").write_text(manifest("sleep 2000"))
    await node.advance(6)
    (new,) = await node.simulated.list_containers()
    second = await mirror(node)
    assert new.id != old.id
    key = "kubernetes.io/config.hash"
    assert first["metadata"]["annotations"][key] != second["metadata"]["annotations"][key]
    assert second["status"]["phase"] == "Running"


async def test_a_removed_manifest_ends_the_pod(node: "Node", manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest())
    await node.start()
    await node.advance(1)
    (manifests / "web.yaml").unlink()
    await node.advance(5)
    assert await node.runs() == []
    assert await node.pod(NAME) is None


async def test_a_restart_takes_the_pod_over(node: "Node", manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest())
    await node.start()
    await node.advance(1)
    first, (run,) = await mirror(node), await node.simulated.list_containers()
    await node.stop()
    await node.start()
    await node.advance(1)
    assert (await mirror(node))["metadata"]["uid"] == first["metadata"]["uid"]
    assert [c.id for c in await node.simulated.list_containers()] == [run.id]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("{", "couldn't parse as pod("),
        ("kind: Node", "couldn't parse as pod("),
        ("{apiVersion: v1, kind: Pod, metadata: {}}", "invalid pod: name is needed for the pod"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}", "invalid pod: [spec.containers: Required value"),
        (manifest(serviceAccountName="x"), "static pods may not reference serviceaccounts"),
        (manifest(volumes=[{"name": "v", "secret": {"secretName": "s"}}]), "static pods may not reference secrets"),
        (
            manifest(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "s"}}]),
            "static pods may not reference persistentvolumeclaims",
        ),
    ],
)
def test_what_is_no_static_pod(text: str, want: str) -> None:
    with pytest.raises(ManifestError) as refused:
        static_pod(text, "/m/a.yaml", "n1")
    assert str(refused.value).startswith(want)


def test_the_uid_is_of_the_content_and_its_place() -> None:
    def uid(text: str, source: str = "/m/a.yaml", node: str = "n1") -> str:
        return str(static_pod(text, source, node)["metadata"]["uid"])

    assert uid(manifest()) == uid(manifest())
    assert len({uid(manifest()), uid(manifest("x")), uid(manifest(), "/m/b.yaml"), uid(manifest(), node="n2")}) == 4
    given = manifest().replace("name: web", "name: web\n  uid: mine")
    assert uid(given) == "mine"
