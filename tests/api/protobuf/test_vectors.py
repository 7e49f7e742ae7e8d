"""Bytes put together by hand from the field numbers, against the objects they are."""

from typing import Any

import pytest

from sampan.api.protobuf import envelope
from sampan.api.protobuf.reader import read
from sampan.api.protobuf.wire import WireError
from sampan.api.protobuf.writer import write

VECTORS: list[tuple[str, Any, str]] = [
    # data is field 2, an entry has its key in 1 and its value in 2; name is field 1 of metadata
    ("core.v1.ConfigMap", {"metadata": {"name": "x"}, "data": {"a": "1"}}, "0a030a0178" "1206" "0a0161" "120131"),
    ("core.v1.ConfigMap", {"immutable": True, "binaryData": {"b": "AAE="}}, "2001" "1a07" "0a0162" "12020001"),
    ("apps.v1.DeploymentSpec", {"replicas": 0}, "0800"),
    ("apps.v1.DeploymentSpec", {"replicas": 300, "paused": False}, "08ac02" "3800"),
    ("core.v1.ContainerStateTerminated", {"exitCode": -1}, "08ffffffffffffffffff01"),
    # an int is type 0 and a value in 2, a string type 1 and a value in 3
    ("core.v1.TCPSocketAction", {"port": 80}, "0a06" "0800" "1050" "1a00"),
    ("core.v1.TCPSocketAction", {"port": "web"}, "0a09" "0801" "1000" "1a03776562"),
    ("core.v1.ResourceRequirements", {"limits": {"cpu": "1"}}, "0a0a" "0a03637075" "1203" "0a0131"),
    # 2021-01-01T00:00:00Z is 1609459200 seconds
    ("meta.v1.ObjectMeta", {"creationTimestamp": "2021-01-01T00:00:00Z"}, "4208" "0880ccb9ff05" "1000"),
    ("coordination.v1.LeaseSpec", {"renewTime": "2021-01-01T00:00:00.000001Z"}, "2209" "0880ccb9ff05" "10e807"),
    # the source of a volume lies in a message of its own (2), emptyDir is field 2 of it
    ("core.v1.Volume", {"name": "v", "emptyDir": {}}, "0a0176" "1202" "1200"),
    ("core.v1.EnvVarSource", {"configMapKeyRef": {"key": "k", "name": "n"}}, "1a08" "12016b" "0a03" "0a016e"),
    ("core.v1.PodSpec", {"nodeSelector": {"a": ""}, "hostNetwork": True}, "3a05" "0a0161" "1200" "5801"),
    ("meta.v1.ManagedFieldsEntry", {"fieldsV1": {"f:a": {}}}, "3a0c" "0a0a" "7b22663a61223a7b7d7d"),
    ("authentication.v1.UserInfo", {"extra": {"k": ["a", "b"]}}, "220b" "0a016b" "1206" "0a0161" "0a0162"),
    ("meta.v1.APIResource", {"name": "p", "verbs": ["get"]}, "0a0170" "2205" "0a03676574"),
    ("apps.v1.ControllerRevision", {"data": {"a": 1}, "revision": 2}, "1209" "0a07" "7b2261223a317d" "1802"),
    ("core.v1.PodSecurityContext", {"supplementalGroups": [1, 2]}, "2001" "2002"),
    ("apiextensions.v1.JSONSchemaProps", {"maximum": 1.5}, "49000000000000f83f"),
    ("apiextensions.v1.JSONSchemaProps", {"enum": ["a", None]}, "a20105" "0a03226122" "a20100"),
    ("apiextensions.v1.JSONSchemaProps", {"items": {"type": "x"}}, "c20105" "0a03" "2a0178"),
    ("apiextensions.v1.JSONSchemaProps", {"items": [{}, {"type": "x"}]}, "c20107" "1200" "1203" "2a0178"),
    ("apiextensions.v1.JSONSchemaProps", {"additionalProperties": True}, "f201020801"),
    ("apiextensions.v1.JSONSchemaProps", {"additionalProperties": {}}, "f20104" "0801" "1200"),
    ("apiextensions.v1.JSONSchemaProps", {"dependencies": {"a": ["b"]}}, "820208" "0a0161" "1203" "120162"),
    ("apiextensions.v1.JSONSchemaProps", {"x-kubernetes-int-or-string": True}, "c00201"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "obj", "data"), VECTORS)
def test_an_object_is_these_bytes(message: str, obj: Any, data: str) -> None:
    assert write(message, obj).hex() == data
    assert read(message, bytes.fromhex(data)) == obj


def test_a_body_has_a_prefix_and_says_what_it_is() -> None:
    body = bytes.fromhex("6b3873000a0f0a0276311209" + b"ConfigMap".hex() + "12050a030a01781a002200")
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert envelope.encode(obj, "core.v1.ConfigMap") == body
    unknown = envelope.unwrap(body)
    assert (unknown.api_version, unknown.kind) == ("v1", "ConfigMap")
    assert envelope.decode(unknown, "core.v1.ConfigMap") == {"metadata": {"name": "x"}}


def test_a_frame_of_a_watch() -> None:
    assert envelope.frame("ADDED", b"k8s\x00").hex() == "0000000f0a05" + b"ADDED".hex() + "12060a046b387300"


@pytest.mark.parametrize(
    ("message", "data", "obj"),
    [
        ("core.v1.PodSecurityContext", "22020102", {"supplementalGroups": [1, 2]}),  # packed
        ("core.v1.Pod", "0a030a01780a031a0179", {"metadata": {"name": "x", "namespace": "y"}}),  # in two parts
        ("core.v1.Pod", "fa3f01610a030a0178983f01", {"metadata": {"name": "x"}}),  # fields of tomorrow
        ("core.v1.ObjectReference", "0a01610a0162", {"kind": "b"}),  # the last one wins
        ("core.v1.ObjectReference", "0a01ff", {"kind": "\ufffd"}),  # no UTF-8
        ("meta.v1.ObjectMeta", "4200", {"creationTimestamp": None}),  # no time
        ("core.v1.ResourceRequirements", "0a050a03637075", {"limits": {"cpu": "0"}}),  # an entry without a value
        ("core.v1.ResourceFieldSelector", "1a00", {"divisor": "0"}),
        ("core.v1.TCPSocketAction", "0a00", {"port": 0}),
        ("meta.v1.APIResource", "2200", {"verbs": []}),
    ],
)
def test_what_other_writers_may_write(message: str, data: str, obj: Any) -> None:
    assert read(message, bytes.fromhex(data)) == obj


def test_nulls_and_unknown_keys_are_left_out() -> None:
    obj = {"apiVersion": "v1", "metadata": {"creationTimestamp": None, "name": "x"}, "spec": None, "wat": 1}
    assert write("core.v1.Pod", obj).hex() == "0a030a0178"


@pytest.mark.parametrize("obj", [{"metadata": 1}, {"spec": {"containers": 5}}, {"spec": {"priority": "x"}}, []])
def test_an_object_that_misfits(obj: Any) -> None:
    with pytest.raises(ValueError, match=r"the object is no core\.v1\.Pod"):
        write("core.v1.Pod", obj)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty data"),
        (b"{}", r"provided data does not appear to be a protobuf message, expected prefix \[107 56 115 0\]"),
        (b"k8s\x00", "empty body"),
        (b"k8s\x00\x0a", "unexpected EOF"),
        (b"k8s\x00\x08\x01", "proto: wrong wireType = 0 for field TypeMeta"),
        (b"k8s\x00\x0a\x02\x10\x01", "proto: wrong wireType = 0 for field Kind"),
        (b"k8s\x00\x00", "proto: Unknown: illegal tag 0"),
        (b"k8s\x00\x0c", "proto: Unknown: wiretype end group for non-group"),
    ],
)
def test_bodies_that_are_none(body: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        envelope.unwrap(body)
