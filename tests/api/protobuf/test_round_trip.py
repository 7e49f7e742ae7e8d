"""An object that came as protobuf is stored as if it had come as JSON; malformed bytes are refused in words."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sampan.api.protobuf import envelope
from sampan.api.protobuf.messages import fields_of, message_of
from sampan.api.protobuf.reader import read
from sampan.api.protobuf.wire import DEPTH, WireError, delimited
from sampan.api.protobuf.writer import write
from sampan.api.resource import Resource
from sampan.api.schema.decode import DecodeError, decode
from sampan.resources.build import builtin_resources

RESOURCES = builtin_resources("1.36")
NAMES = [f"{one.mapping.group}/{one.mapping.version}.{one.mapping.kind}" for one in RESOURCES]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
USUAL = settings(max_examples=25, deadline=None, database=None, suppress_health_check=SLOW)
Objects = Callable[..., st.SearchStrategy[Any]]


@pytest.mark.parametrize("resource", RESOURCES, ids=NAMES)
def test_protobuf_and_json_say_the_same(resource: Resource, objects_of: Objects) -> None:
    message = message_of(resource.gvk)

    @USUAL
    @given(objects_of(resource.schema))
    def check(value: Any) -> None:
        sent = json.loads(json.dumps(value))
        raw = write(message, sent)
        stored, unknown = decode(sent, resource.schema)
        received, also_unknown = decode(read(message, raw), resource.schema)
        assert received == stored
        assert unknown == also_unknown == []
        assert decode(read(message, write(message, stored)), resource.schema)[0] == stored

    check()


def with_zeros(message: str, data: Any) -> Any:
    """As Go writes it: texts, numbers and flags that are not set are written as their zero values."""
    zeros = {"string": "", "int32": 0, "int64": 0, "bool": False}
    made = {f.name: zeros[f.type] for f in fields_of(message) if f.shape == "one" and f.type in zeros}
    return made | data


def test_zero_values_that_go_always_writes_change_nothing() -> None:
    resource = next(one for one in RESOURCES if one.mapping.plural == "services")
    sent = {"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80, "targetPort": 8080}]}}
    go = {
        "metadata": {"name": "x", "generateName": "", "namespace": "", "uid": "", "generation": 0, "selfLink": ""},
        "spec": {
            "ports": [{"name": "", "protocol": "", "port": 80, "targetPort": 8080, "nodePort": 0}],
            "clusterIP": "", "type": "", "sessionAffinity": "", "publishNotReadyAddresses": False,
        },
        "status": {"loadBalancer": {}},
    }  # fmt: skip
    received = decode(read("core.v1.Service", write("core.v1.Service", go)), resource.schema)[0]
    assert received == decode(sent, resource.schema)[0]
    event = with_zeros("events.v1.Event", {"metadata": {"name": "x"}})
    schema = next(one.schema for one in RESOURCES if one.mapping.group == "events.k8s.io")
    assert decode(event, schema) == decode({"metadata": {"name": "x"}}, schema)


POD = write(
    "core.v1.Pod",
    {
        "metadata": {"name": "x", "labels": {"a": "b"}, "creationTimestamp": "2021-01-01T00:00:00Z"},
        "spec": {
            "containers": [
                {"name": "c", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "100m"}}},
                {"name": "d", "livenessProbe": {"httpGet": {"port": "web", "path": "/"}, "periodSeconds": 5}},
            ],
            "volumes": [{"name": "v", "configMap": {"name": "m", "defaultMode": 420}}],
            "securityContext": {"supplementalGroups": [1, 2]},
        },
    },
)
SCHEMA = next(one.schema for one in RESOURCES if one.mapping.plural == "pods")


def complaint(act: Callable[[], object]) -> str:
    """What is wrong with the bytes, if anything; other exceptions go through."""
    try:
        act()
    except (WireError, DecodeError) as error:
        return str(error) or "no words"
    return ""


def survives(message: str, data: bytes) -> None:
    """Whatever the bytes are: an object, or an error in words."""
    assert complaint(lambda: decode(read(message, data), SCHEMA)) != "no words"


@settings(max_examples=600, deadline=None, database=None)
@given(st.integers(0, len(POD) - 1), st.binary(max_size=4), st.integers(0, 5))
def test_a_damaged_pod_does_no_harm(at: int, patch: bytes, cut: int) -> None:
    survives("core.v1.Pod", POD[:at] + patch + POD[at + cut :])


@settings(max_examples=400, deadline=None, database=None)
@given(st.binary(max_size=40))
def test_any_bytes_do_no_harm(data: bytes) -> None:
    survives("core.v1.Pod", data)
    survives("core.v1.PodSpec", data)
    assert complaint(lambda: envelope.unwrap(b"k8s\x00" + data)) != "no words"


def test_every_prefix_of_a_pod_is_read_or_refused() -> None:
    for end in range(len(POD)):
        survives("core.v1.Pod", POD[:end])


@pytest.mark.parametrize("levels", [DEPTH - 5, DEPTH + 5, 5000])
def test_messages_nest_only_so_deep(levels: int) -> None:
    data = b""
    for _ in range(levels):
        data = delimited(28, data)  # not
    if levels < DEPTH:
        crd = next(one for one in RESOURCES if one.mapping.plural == "customresourcedefinitions")
        deep = {"spec": {"versions": [{"schema": {"openAPIV3Schema": read("apiextensions.v1.JSONSchemaProps", data)}}]}}
        assert write(message_of(crd.gvk), decode(deep, crd.schema)[0])
        return
    with pytest.raises(WireError, match="exceeded max depth"):
        read("apiextensions.v1.JSONSchemaProps", data)


@pytest.mark.parametrize(
    ("message", "data", "error"),
    [
        ("core.v1.Pod", "08", "proto: wrong wireType = 0 for field Metadata"),
        ("core.v1.Pod", "0a05", "unexpected EOF"),
        ("core.v1.Pod", "0a", "unexpected EOF"),
        ("core.v1.Pod", "00", r"proto: Pod: illegal tag 0 \(wire type 0\)"),
        ("core.v1.Pod", "0c", "proto: Pod: wiretype end group for non-group"),
        ("core.v1.Pod", "0affffffffffffffffff01", "proto: negative length"),
        ("core.v1.Pod", "2e", "proto: illegal wireType 6"),
        ("core.v1.PodSpec", "5880", "unexpected EOF"),
        ("core.v1.PodSpec", "58ffffffffffffffffffff01", "proto: integer overflow"),
        ("core.v1.Volume", "0801", "proto: wrong wireType = 0 for field Name"),
        ("core.v1.Volume", "1001", "proto: wrong wireType = 0 for field VolumeSource"),
        ("apps.v1.ControllerRevision", "12030a017b", "raw value is no JSON"),
        ("meta.v1.ObjectMeta", "420a08ffffffffffffffff7f", r"year outside of range \[0,9999\]"),
        ("core.v1.TCPSocketAction", "0a030a0161", "proto: wrong wireType = 2 for field number 1"),
        ("apiextensions.v1.JSONSchemaProps", "4900", "unexpected EOF"),
        ("apiextensions.v1.JSONSchemaProps", "49000000000000f07f", "json: unsupported value"),
    ],
)
def test_what_is_said_about_malformed_bytes(message: str, data: str, error: str) -> None:
    with pytest.raises(WireError, match=error):
        read(message, bytes.fromhex(data))
