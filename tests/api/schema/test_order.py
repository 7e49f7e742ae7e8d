"""Go's order of fields, as an API server writes an object into a message."""

from sampan.api.schema.order import go_ordered
from sampan.resources.load import load_schema

PODS = load_schema("1.36").node("io.k8s.api.core.v1.Pod")


def test_a_pod_is_written_as_its_go_type_lists_it() -> None:
    pod = {
        "spec": {"nodeName": "n", "containers": [{"image": "i", "name": "c"}], "initContainers": [], "volumes": []},
        "zz": 1,
        "metadata": {"labels": {"b": "1", "a": "2"}, "uid": "u", "name": "x"},
        "kind": "Pod",
        "apiVersion": "v1",
        "aa": 1,
    }
    made = go_ordered(pod, PODS)
    assert made == pod
    assert list(made) == ["kind", "apiVersion", "metadata", "spec", "aa", "zz"]
    assert list(made["metadata"]) == ["name", "uid", "labels"]
    assert list(made["metadata"]["labels"]) == ["a", "b"]
    assert list(made["spec"]) == ["volumes", "initContainers", "containers", "nodeName"]
    assert list(made["spec"]["containers"][0]) == ["name", "image"]


def test_a_manager_names_its_version_after_its_operation_and_raw_json_stays() -> None:
    entry = {"apiVersion": "v1", "fieldsV1": {"f:b": {}, "f:a": {}}, "operation": "Update", "manager": "m"}
    made = go_ordered({"metadata": {"managedFields": [entry]}}, PODS)["metadata"]["managedFields"][0]
    assert list(made) == ["manager", "operation", "apiVersion", "fieldsV1"]
    assert list(made["fieldsV1"]) == ["f:b", "f:a"]
