"""The Python package `kubernetes`: typed and dynamic clients, watches, exec."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.stream import stream

POD = {
    "metadata": {"name": "p", "labels": {"app": "p"}},
    "spec": {"containers": [{"name": "c", "image": "example.org/app:1", "env": [{"name": "A", "value": "b"}]}]},
}


@pytest.fixture
def api(up: Any) -> Iterator[Any]:
    """An ApiClient of the shared cluster."""
    configuration = client.Configuration()
    config.load_kube_config(str(up.kubeconfig), client_configuration=configuration)
    with client.ApiClient(configuration) as made:
        yield made


@pytest.fixture
def namespace(api: Any, unique: str) -> Iterator[str]:
    """A namespace that goes with the test."""
    name = unique
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def test_typed(api: Any, namespace: str) -> None:
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    made = core.create_namespaced_config_map(namespace, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    made.data["a"] = "2"
    assert core.replace_namespaced_config_map("c", namespace, made).data == {"a": "2"}
    with pytest.raises(client.ApiException) as caught:
        core.replace_namespaced_config_map("c", namespace, made)  # its version is not the newest any more
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    assert core.patch_namespaced_config_map("c", namespace, {"data": {"b": "3"}}).data == {"a": "2", "b": "3"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": POD["spec"]}
    wanted = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    apps.create_namespaced_deployment(namespace, {"metadata": {"name": "web"}, "spec": wanted})
    for event in watch.Watch().stream(apps.list_namespaced_deployment, namespace, timeout_seconds=30):
        if event["object"].status.available_replicas == 2:
            break
    assert apps.read_namespaced_deployment_scale("web", namespace).status.replicas == 2
    pods = core.list_namespaced_pod(namespace, label_selector="app=web", field_selector="status.phase=Running")
    assert len(pods.items) == 2
    assert {pod.status.host_ip for pod in pods.items} == {"127.0.0.1"}


def test_errors_are_told_by_field(api: Any, namespace: str) -> None:
    with pytest.raises(client.ApiException) as caught:
        client.CoreV1Api(api).create_namespaced_pod(namespace, {"metadata": {"name": "P"}, "spec": {"containers": []}})
    assert caught.value.status == 422
    assert '"field":"spec.containers"' in caught.value.body


def test_watch_goes_on_from_a_version(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    at = core.list_namespaced_secret(namespace).metadata.resource_version
    for number in range(3):
        core.create_namespaced_secret(namespace, {"metadata": {"name": f"s{number}"}, "stringData": {"k": "v"}})
    core.delete_namespaced_secret("s1", namespace)
    seen = []
    for event in watch.Watch().stream(core.list_namespaced_secret, namespace, resource_version=at, timeout_seconds=20):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 4:
            break
    assert seen == [("ADDED", "s0"), ("ADDED", "s1"), ("ADDED", "s2"), ("DELETED", "s1")]


def test_dynamic_client_and_a_custom_kind(api: Any, namespace: str) -> None:
    group = f"{namespace}.example.org"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boats.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "versions": [version],
                 "names": {"plural": "boats", "kind": "Boat"}},
    }  # fmt: skip
    definitions = client.ApiextensionsV1Api(api)
    definitions.create_custom_resource_definition(crd)
    try:
        _wait_established(definitions, f"boats.{group}")
        boats = dynamic.DynamicClient(api).resources.get(api_version=f"{group}/v1", kind="Boat")
        body = {"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "b"}, "spec": {"oars": 2}}
        made = boats.server_side_apply(body, namespace=namespace, field_manager="test")
        assert made.spec.oars == 2
        assert made.metadata.managedFields[0].operation == "Apply"
        assert [boat.metadata.name for boat in boats.get(namespace=namespace).items] == ["b"]
        boats.delete("b", namespace=namespace)
    finally:
        definitions.delete_custom_resource_definition(f"boats.{group}")


def _wait_established(definitions: Any, name: str) -> None:
    """Return when the definition is served: as upstream, not before its condition says so."""
    seen = watch.Watch().stream(
        definitions.list_custom_resource_definition, field_selector=f"metadata.name={name}", timeout_seconds=20
    )
    for event in seen:
        conditions = event["object"].status.conditions or []
        if any(one.type == "Established" and one.status == "True" for one in conditions):
            return
    raise AssertionError(f"{name} was not established")


def test_exec_in_a_pod(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_pod(namespace, POD)
    for event in watch.Watch().stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
        if event["object"].status.phase == "Running":
            break
    said = stream(
        core.connect_get_namespaced_pod_exec, "p", namespace, command=["echo", "ahoy"],
        stdout=True, stderr=True, stdin=False, tty=False,
    )  # fmt: skip
    assert said.strip() == "ahoy"
    assert isinstance(core.read_namespaced_pod_log("p", namespace), str)


def test_manifests_of_several_documents(api: Any, namespace: str) -> None:
    documents = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"suspend": True, "template": {
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example.org/app:1"}]}}}},
    ]  # fmt: skip
    utils.create_from_yaml(api, yaml_objects=documents, namespace=namespace)
    assert client.BatchV1Api(api).read_namespaced_job("j", namespace).spec.suspend
