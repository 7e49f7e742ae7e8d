"""lightkube: typed models, server-side apply, watches, waits."""

from collections.abc import Iterator
from typing import Any

import lightkube
import pytest
from lightkube import codecs
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, Service
from lightkube.types import PatchType

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {part: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "example.org/app:1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {part: web}}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


@pytest.fixture
def api(up: Any, unique: str) -> Iterator[Any]:
    """A client in a namespace that goes with the test."""
    config = lightkube.KubeConfig.from_file(str(up.kubeconfig))
    made = lightkube.Client(config=config, namespace=unique, field_manager="lightkube-test")
    made.create(Namespace(metadata=ObjectMeta(name=unique)))
    yield made
    made.delete(Namespace, unique)


def test_apply_a_file_of_manifests(api: Any) -> None:
    for wanted in codecs.load_all_yaml(WEB):
        api.apply(wanted)
    api.wait(Deployment, "web", for_conditions=["Available"])
    assert [one.metadata.name for one in api.list(Service, labels={"part": "web"})] == ["web"]
    scale = api.get(Deployment.Scale, "web")
    scale.spec.replicas = 1
    assert api.replace(scale, "web").spec.replicas == 1
    with pytest.raises(ApiError) as caught:
        api.apply(codecs.load_all_yaml(WEB)[0], field_manager="another")
    assert caught.value.status.code == 409
    assert {cause.reason for cause in caught.value.status.details.causes} == {"FieldManagerConflict"}


def test_objects_are_models(api: Any) -> None:
    pod = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(containers=[Container(name="c", image="example.org/app:1")]))
    assert api.create(pod).spec.containers[0].terminationMessagePath == "/dev/termination-log"
    done = api.wait(Pod, "p", for_conditions=["Ready"])
    assert done.status.phase == "Running"
    api.patch(Pod, "p", {"metadata": {"labels": {"a": "b"}}}, patch_type=PatchType.MERGE)
    assert [one.metadata.name for one in api.list(Pod, labels={"a": ("b", "c")})] == ["p"]
    with pytest.raises(ApiError) as caught:
        api.create(pod)
    assert caught.value.status.reason == "AlreadyExists"


def test_watch(api: Any) -> None:
    api.create(ConfigMap(metadata=ObjectMeta(name="c"), data={"a": "1"}))
    names = []
    for event, one in api.watch(ConfigMap, server_timeout=20):
        names.append((event, one.metadata.name))
        if names[-1] == ("ADDED", "c"):
            api.delete(ConfigMap, "c")
        if names[-1] == ("DELETED", "c"):
            break


def test_a_kind_of_our_own(api: Any, unique: str) -> None:
    group = f"{unique}.example.org"
    text = f"""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: kites.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: kites, kind: Kite}}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {{status: {{}}}}
    schema: {{openAPIV3Schema: {{type: object, properties: {{
      spec: {{type: object, properties: {{tail: {{type: integer, maximum: 9}}}}}},
      status: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}}}
"""
    api.create(codecs.load_all_yaml(text)[0])
    try:
        api.wait(CustomResourceDefinition, f"kites.{group}", for_conditions=["Established"])
        kites = create_namespaced_resource(group, "v1", "Kite", "kites")
        api.create(kites(metadata=ObjectMeta(name="k"), spec={"tail": 3}))
        assert api.patch(kites.Status, "k", {"status": {"flies": True}}, patch_type=PatchType.MERGE).status == {
            "flies": True
        }
        with pytest.raises(ApiError) as caught:
            api.create(kites(metadata=ObjectMeta(name="long"), spec={"tail": 10}))
        assert caught.value.status.details.causes[0].field == "spec.tail"
    finally:
        api.delete(CustomResourceDefinition, f"kites.{group}")
