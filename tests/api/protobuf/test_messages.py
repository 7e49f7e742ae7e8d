"""The field tables: they know all kinds, and all fields of their schemas."""

import pytest

from sampan.api.names import GVK
from sampan.api.protobuf.messages import SCALARS, Field, fields_of, message_of, message_of_names
from sampan.api.protobuf.reader import UNIONS
from sampan.api.protobuf.special import SPECIAL
from sampan.api.schema.nodes import Node
from sampan.resources.build import builtin_resources
from sampan.resources.load import VERSIONS

GONE = {GVK("autoscaling", "v2beta2", "HorizontalPodAutoscaler")}
"""Served by Kubernetes 1.25 alone; the tables begin later."""
NOT_YET = {
    ("core.v1.NodeSystemInfo", "runningInUserNamespace"),
    ("resource.v1.ExactDeviceRequest", "derivedAttributes"),
    ("resource.v1.DeviceSubRequest", "derivedAttributes"),
    ("resource.v1.DeviceCounterConsumption", "compatibilityGroups"),
}
"""Alpha fields of 1.37 whose numbers are not known."""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_is_a_message(version: str) -> None:
    missing = {one.gvk for one in builtin_resources(version) if not message_of(one.gvk)}
    assert missing == (GONE if version == "1.25" else set())
    for one in builtin_resources(version):
        if "list" in one.verbs and one.gvk not in GONE:
            assert message_of(one.gvk._replace(kind=one.list_kind)), one.list_kind


def flat(message: str) -> dict[str, Field]:
    """The fields of a message and of what is inlined in it."""
    found: dict[str, Field] = {}
    for field in fields_of(message):
        found |= flat(field.type) if field.shape == "inline" else {field.name: field}
    return found


@pytest.mark.parametrize(("version", "expected"), [("1.36", set()), ("1.37", NOT_YET)])
def test_every_field_of_a_schema_has_a_number(version: str, expected: set[tuple[str, str]]) -> None:
    missing: set[tuple[str, str]] = set()
    seen: set[str] = set()

    def walk(node: Node, message: str) -> None:
        if node.items is not None and node.type in ("array", "map"):
            walk(node.items, message)
        if node.type != "object" or message in seen:
            return
        seen.add(message)
        fields = flat(message)
        for key, child in node.properties.items():
            if key in fields:
                walk(child, fields[key].type)
            elif key not in ("kind", "apiVersion"):
                missing.add((message, key))

    for one in builtin_resources(version):
        walk(one.schema, message_of(one.gvk))
    assert missing == expected
    assert len(seen) > 400


def test_no_number_and_no_name_is_taken_twice() -> None:
    for name in ("core.v1.PodSpec", "core.v1.Volume", "meta.v1.ObjectMeta", "apiextensions.v1.JSONSchemaProps"):
        fields = fields_of(name)
        assert len({field.number for field in fields}) == len(fields)
        for field in fields:
            assert field.type in SCALARS or field.type in SPECIAL or field.type in UNIONS or fields_of(field.type)


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("v1", "Pod", "core.v1.Pod"),
        ("v1", "PodList", "core.v1.PodList"),
        ("v1", "Status", "meta.v1.Status"),
        ("apps/v1", "DeleteOptions", "meta.v1.DeleteOptions"),
        ("rbac.authorization.k8s.io/v1", "Role", "rbac.v1.Role"),
        ("meta.k8s.io/v1", "PartialObjectMetadata", "meta.v1.PartialObjectMetadata"),
        ("meta.k8s.io/v1beta1", "PartialObjectMetadata", "meta.v1.PartialObjectMetadata"),
        ("meta.k8s.io/v1beta1", "PartialObjectMetadataList", "meta.v1beta1.PartialObjectMetadataList"),
        ("meta.k8s.io/v1", "Table", ""),
        ("apps.example.com/v1", "Deployment", ""),
        ("example.com/v1", "Status", ""),
        ("apps/v1", "Nothing", ""),
    ],
)
def test_which_message_an_object_is(api_version: str, kind: str, message: str) -> None:
    assert message_of_names(api_version, kind) == message
