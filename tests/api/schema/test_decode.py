"""Decoding against recorded answers: what a real server stored is a fixed point, what it refused is refused alike."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.api import json
from sampan.api.names import GVK, parse_api_version
from sampan.api.resource import Resource
from sampan.api.schema.decode import DecodeError, decode, zero
from sampan.api.schema.nodes import Node
from sampan.api.schema.strict import cannot_handle, strict_message, strict_problems
from sampan.resources.build import body_schema, builtin_resources

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "decode-1.36.json").read_bytes())
RESOURCES: dict[tuple[str, str], Resource] = {
    (one.mapping.api_version, one.mapping.kind): one for one in builtin_resources("1.36")
}


def schema_of(obj: dict[str, Any]) -> Node:
    return body_schema("1.36", GVK(*parse_api_version(obj["apiVersion"]), obj["kind"]))


def strictly(obj: dict[str, Any]) -> str:
    """The message a strict server answers with, empty when it takes the object."""
    version = obj["apiVersion"].rpartition("/")[2]
    try:
        _, unknown = decode(obj, schema_of(obj))
    except DecodeError as error:
        return cannot_handle(obj["kind"], version, str(error))
    if not unknown:
        return ""
    return cannot_handle(obj["kind"], version, strict_message(strict_problems([], unknown)))


@pytest.mark.parametrize("obj", GOLDEN["objects"], ids=lambda obj: f"{obj['apiVersion']}-{obj['kind']}")
def test_stored_objects_are_fixed_points(obj: dict[str, Any]) -> None:
    decoded, unknown = decode(obj, schema_of(obj))
    assert unknown == []
    assert decoded == obj


@pytest.mark.parametrize("case", GOLDEN["errors"], ids=lambda case: case["message"][-60:])
def test_refusals_have_upstreams_words(case: dict[str, Any]) -> None:
    assert strictly(case["body"]) == case["message"]


def pod(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [], **spec}}


def decoded_spec(**spec: Any) -> dict[str, Any]:
    obj = pod(**spec)
    result: dict[str, Any] = decode(obj, schema_of(obj))[0]["spec"]
    return result


def test_input_is_not_changed() -> None:
    obj = pod(containers=[{"name": "c", "resources": {"limits": {"cpu": "1000m"}}, "nope": 1}], nodeName=None)
    before = json.dumps(obj)
    decode(obj, schema_of(obj))
    assert json.dumps(obj) == before


def test_nulls_and_empty_values_are_dropped() -> None:
    spec = decoded_spec(nodeName=None, hostNetwork=False, hostname="", tolerations=[], nodeSelector={})
    assert spec == {"containers": None}


def test_pointers_keep_their_zero_values() -> None:
    spec = decoded_spec(automountServiceAccountToken=False, terminationGracePeriodSeconds=0, securityContext={})
    assert spec["automountServiceAccountToken"] is False
    assert spec["terminationGracePeriodSeconds"] == 0
    assert spec["securityContext"] == {}


def test_values_without_omitempty_are_written() -> None:
    spec = decoded_spec(containers=[{"image": "a"}], volumes=[{"name": "v", "emptyDir": {}}])
    assert spec["containers"] == [{"image": "a", "name": "", "resources": {}}]
    assert spec["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_quantities_become_canonical() -> None:
    spec = decoded_spec(containers=[{"name": "c", "resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}])
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "500m", "memory": "1Gi"}}


def test_named_go_types_in_errors() -> None:
    assert strictly(pod(restartPolicy=5)).endswith(
        "json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy"
    )
    volume = {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"accessModes": [1]}}
    assert strictly(volume).endswith(
        "number into Go struct field PersistentVolumeSpec.spec.accessModes of type v1.PersistentVolumeAccessMode"
    )
    assert strictly(pod(containers=[{"resources": {"limits": []}}])).endswith(
        "array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList"
    )


def test_map_and_list_elements_that_are_null_become_zero() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": None}}
    assert decode(config, schema_of(config))[0]["data"] == {"a": ""}
    assert decoded_spec(containers=[None])["containers"] == [{"name": "", "resources": {}}]


def test_unknown_fields_are_dropped_and_named() -> None:
    obj = pod(containers=[{"name": "c", "imagee": 1}], nope={"deep": 1})
    result, unknown = decode(obj, schema_of(obj))
    assert unknown == ["spec.containers[0].imagee", "spec.nope"]
    assert "nope" not in result["spec"]


def test_schemas_within_schemas_are_checked() -> None:
    inner = {"type": "array", "items": {"type": "object", "bogus": 1, "additionalProperties": {"type": 5}}}
    crd: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"a": inner}}}}]},
    }
    assert "JSONSchemaProps" in strictly(crd)
    del inner["items"]["additionalProperties"]  # type: ignore[attr-defined]
    assert decode(crd, schema_of(crd))[1] == ["spec.versions[0].schema.openAPIV3Schema.properties.a.items.bogus"]
    inner["items"] = {"type": "object", "additionalProperties": False}
    assert strictly(crd) == ""


def test_zero_of_a_status() -> None:
    scaler = RESOURCES["autoscaling/v2", "HorizontalPodAutoscaler"].schema
    assert zero(scaler.properties["status"]) == {"currentMetrics": None, "desiredReplicas": 0}
    assert zero(RESOURCES["v1", "Pod"].schema.properties["status"]) == {}


@pytest.mark.parametrize("version", ["1.25", "1.29", "1.33", "1.37"])
def test_other_versions_decode_too(version: str) -> None:
    node = next(one.schema for one in builtin_resources(version) if one.mapping.plural == "pods")
    result, unknown = decode(pod(containers=[{"name": "c"}]), node)
    assert unknown == []
    assert result["spec"]["containers"] == [{"name": "c", "resources": {}}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    """A recorded object with something else in one place."""
    obj = json.loads(json.dumps(draw(st.sampled_from(GOLDEN["objects"]))))
    place: Any = obj
    while True:
        keys = (
            [key for key in place if key not in ("apiVersion", "kind")]
            if isinstance(place, dict)
            else range(len(place))
        )
        key = draw(st.sampled_from(list(keys)))
        if not place[key] or not isinstance(place[key], dict | list) or draw(st.booleans()):
            place[key] = draw(JSON)
            result: dict[str, Any] = obj
            return result
        place = place[key]


@settings(max_examples=400, deadline=None)
@given(damaged())
def test_damaged_objects_decode_or_are_refused_in_words(obj: dict[str, Any]) -> None:
    node = schema_of(obj)
    message = "taken"
    try:
        decoded, _ = decode(obj, node)
    except DecodeError as error:
        message = str(error)
    else:
        assert decode(decoded, node) == (decoded, [])
    assert message
