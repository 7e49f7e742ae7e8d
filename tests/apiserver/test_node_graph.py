"""Which objects a node needs."""

from typing import Any

import pytest

from sampan.apiserver.node_graph import NodeGraph
from sampan.apiserver.pod_references import api_reference, references

Obj = dict[str, Any]


def pod(name: str = "p", node: str = "n1", annotations: Obj | None = None, **spec: Any) -> Obj:
    meta = {"name": name, "namespace": "ns", "annotations": annotations or {}}
    return {"metadata": meta, "spec": {**({"nodeName": node} if node else {}), **spec}}


def volume(**source: Any) -> Obj:
    return pod(volumes=[{"name": "v", **source}])


@pytest.mark.parametrize(
    ("made", "plural", "name"),
    [
        (pod(serviceAccountName="a"), "serviceaccounts", "a"),
        (pod(imagePullSecrets=[{"name": "a"}]), "secrets", "a"),
        (pod(containers=[{"envFrom": [{"secretRef": {"name": "a"}}]}]), "secrets", "a"),
        (pod(initContainers=[{"envFrom": [{"configMapRef": {"name": "a"}}]}]), "configmaps", "a"),
        (pod(containers=[{"env": [{"valueFrom": {"secretKeyRef": {"name": "a"}}}]}]), "secrets", "a"),
        (pod(ephemeralContainers=[{"env": [{"valueFrom": {"configMapKeyRef": {"name": "a"}}}]}]), "configmaps", "a"),
        (volume(secret={"secretName": "a"}), "secrets", "a"),
        (volume(configMap={"name": "a"}), "configmaps", "a"),
        (volume(azureFile={"secretName": "a"}), "secrets", "a"),
        (volume(csi={"nodePublishSecretRef": {"name": "a"}}), "secrets", "a"),
        (volume(iscsi={"secretRef": {"name": "a"}}), "secrets", "a"),
        (volume(projected={"sources": [{"secret": {"name": "a"}}]}), "secrets", "a"),
        (volume(projected={"sources": [{"configMap": {"name": "a"}}]}), "configmaps", "a"),
        (volume(persistentVolumeClaim={"claimName": "a"}), "persistentvolumeclaims", "a"),
        (volume(ephemeral={"volumeClaimTemplate": {}}), "persistentvolumeclaims", "p-v"),
        (pod(resourceClaims=[{"name": "x", "resourceClaimName": "a"}]), "resourceclaims", "a"),
        (pod(), "pods", "p"),
    ],
)  # fmt: skip
def test_a_pod_gives_its_node_what_it_names(made: Obj, plural: str, name: str) -> None:
    graph = NodeGraph()
    graph.put("pods", made)
    assert graph.reaches("n1", plural, "ns", name)
    assert not graph.reaches("n2", plural, "ns", name)
    assert not graph.reaches("n1", plural, "other", name)
    assert not graph.reaches("n1", plural, "ns", "b")
    graph.drop("pods", "ns", "p")
    assert not graph.reaches("n1", plural, "ns", name)


def test_a_generated_resource_claim_is_named_by_the_status() -> None:
    made = {**pod(resourceClaims=[{"name": "x", "resourceClaimTemplateName": "t"}])}
    made["status"] = {"resourceClaimStatuses": [{"name": "x", "resourceClaimName": "p-x-1"}]}
    assert ("resourceclaims", "ns", "p-x-1") in set(references(made))


def test_a_pod_without_a_node_and_a_mirror_pod_give_nothing() -> None:
    graph = NodeGraph()
    graph.put("pods", pod("waiting", "", serviceAccountName="a"))
    graph.put("pods", pod("mirror", annotations={"kubernetes.io/config.mirror": "x"}, serviceAccountName="a"))
    assert not graph.reaches("n1", "serviceaccounts", "ns", "a")
    assert graph.reaches("n1", "pods", "ns", "mirror")
    assert not graph.reaches("n1", "pods", "ns", "waiting")


def test_what_two_pods_need_stays_until_both_are_gone() -> None:
    graph = NodeGraph()
    graph.put("pods", pod("a", serviceAccountName="x"))
    graph.put("pods", pod("b", serviceAccountName="x"))
    graph.put("pods", pod("b", serviceAccountName="x"))
    graph.drop("pods", "ns", "a")
    assert graph.reaches("n1", "serviceaccounts", "ns", "x")
    graph.drop("pods", "ns", "b")
    graph.drop("pods", "ns", "b")
    assert not graph.reaches("n1", "serviceaccounts", "ns", "x")


def pv(**spec: Any) -> Obj:
    return {"metadata": {"name": "v1"}, "spec": {"claimRef": {"namespace": "ns", "name": "data"}, **spec}}


@pytest.mark.parametrize(
    ("spec", "namespace", "visible"),
    [
        ({"csi": {"nodeStageSecretRef": {"name": "s", "namespace": "sys"}}}, "sys", True),
        ({"csi": {"controllerExpandSecretRef": {"name": "s", "namespace": "sys"}}}, "sys", False),
        ({"rbd": {"secretRef": {"name": "s"}}}, "ns", True),
        ({"azureFile": {"secretName": "s", "secretNamespace": "sys"}}, "sys", True),
        ({"azureFile": {"secretName": "s"}}, "ns", True),
    ],
)
def test_a_volume_of_a_pod_s_claim_and_its_secrets(spec: Obj, namespace: str, visible: bool) -> None:
    graph = NodeGraph()
    graph.put("persistentvolumes", pv(**spec))
    assert not graph.reaches("n1", "persistentvolumes", "", "v1")
    graph.put("pods", volume(persistentVolumeClaim={"claimName": "data"}))
    assert graph.reaches("n1", "persistentvolumes", "", "v1")
    assert graph.reaches("n1", "secrets", namespace, "s") is visible
    assert not graph.reaches("n2", "persistentvolumes", "", "v1")
    graph.drop("persistentvolumes", "", "v1")
    assert not graph.reaches("n1", "persistentvolumes", "", "v1")
    assert not graph.reaches("n1", "secrets", namespace, "s")


@pytest.mark.parametrize("plural", ["volumeattachments", "resourceslices"])
def test_attachments_and_slices_name_their_node(plural: str) -> None:
    graph = NodeGraph()
    graph.put(plural, {"metadata": {"name": "x"}, "spec": {"nodeName": "n1"}})
    assert graph.reaches("n1", plural, "", "x")
    assert not graph.reaches("n2", plural, "", "x")
    graph.clear(plural)
    assert not graph.reaches("n1", plural, "", "x")


def test_a_kind_can_be_read_anew() -> None:
    graph = NodeGraph()
    graph.put("pods", volume(persistentVolumeClaim={"claimName": "data"}))
    graph.put("persistentvolumes", pv())
    graph.clear("persistentvolumes")
    assert not graph.reaches("n1", "persistentvolumes", "", "v1")
    graph.put("persistentvolumes", pv())
    graph.clear("pods")
    assert not graph.reaches("n1", "persistentvolumes", "", "v1")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (pod(), ""),
        (volume(emptyDir={}), ""),
        (volume(projected={"sources": [{"downwardAPI": {}}]}), ""),
        (pod(serviceAccountName="a"), "serviceaccounts"),
        (volume(secret={"secretName": "a"}), "secrets"),
        (volume(configMap={}), "configmaps (via configmap volumes)"),
        (volume(csi={"driver": "d"}), "csidrivers (via CSI volumes)"),
        (volume(persistentVolumeClaim={"claimName": "c"}), "persistentvolumeclaims"),
        (pod(resourceClaims=[{"name": "x"}]), "resourceclaims"),
        (volume(projected={"sources": [{"serviceAccountToken": {}}]}), "serviceaccounts (via projected volumes)"),
    ],
)
def test_the_first_api_object_that_a_pod_names(made: Obj, text: str) -> None:
    assert api_reference(made) == text
