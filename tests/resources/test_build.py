"""The table of built-in kinds over all versions."""

import pytest

from sampan.api.names import GVK, RestMapping
from sampan.api.resource import Resource
from sampan.resources import BUILTINS, kinds
from sampan.resources.build import body_schema, builtin_resources, definition_name
from sampan.resources.load import VERSIONS, UnknownVersion, load_schema

BODILESS = {"NodeProxyOptions", "PodAttachOptions", "PodExecOptions", "PodPortForwardOptions", "PodProxyOptions",
            "ServiceProxyOptions"}  # fmt: skip


def names(version: str) -> set[str]:
    return {f"{one.mapping.api_version}/{one.mapping.kind}" for one in builtin_resources(version)}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_has_a_schema_with_its_own_kind(version: str) -> None:
    for resource in builtin_resources(version):
        kinds_of = resource.schema.extra.get("gvk", [])
        gvk = resource.gvk
        assert {"group": gvk.group, "kind": gvk.kind, "version": gvk.version} in kinds_of, gvk
        assert "metadata" in resource.schema.properties


@pytest.mark.parametrize("version", VERSIONS)
def test_every_stable_kind_of_the_definitions_is_served(version: str) -> None:
    """A kind with ObjectMeta in a GA version is a resource, or the body of a subresource."""
    definitions = load_schema(version)
    served = {one.gvk for one in builtin_resources(version)}
    bodies = {GVK("policy", "v1", "Eviction"), GVK("autoscaling", "v1", "Scale"),
              GVK("authentication.k8s.io", "v1", "TokenRequest")}  # fmt: skip
    for name in definitions:
        node = definitions.node(name)
        for entry in node.extra.get("gvk", ()):
            kind = GVK(entry["group"], entry["version"], entry["kind"])
            if len(node.extra["gvk"]) == 1 and kind.version in ("v1", "v2") and "metadata" in node.properties:
                meta = node.properties["metadata"].name
                assert not meta.endswith("ObjectMeta") or kind in served | bodies, kind


@pytest.mark.parametrize("version", VERSIONS)
def test_kinds_of_one_group_agree_on_where_they_are_stored(version: str) -> None:
    resources = builtin_resources(version)
    by_gvr = {one.gvr: one for one in resources}
    for resource in resources:
        if resource.storage is None:
            assert resource.from_storage is None
            continue
        stored = by_gvr[resource.storage]
        assert stored.storage is None
        assert stored.mapping.kind == resource.mapping.kind
        assert resource.storage_version_hash == stored.storage_version_hash
        assert resource.from_storage is not None
        assert resource.to_storage is not None


@pytest.mark.parametrize("version", VERSIONS)
def test_subresource_bodies_have_schemas(version: str) -> None:
    for resource in builtin_resources(version):
        for sub in resource.subresources.values():
            if sub.kind is not None and sub.kind.kind not in BODILESS:
                assert body_schema(version, sub.kind).properties, sub
    assert "propagationPolicy" in body_schema(version, GVK("meta.k8s.io", "v1", "DeleteOptions")).properties


def test_versions_come_and_go() -> None:
    assert "autoscaling/v2beta2/HorizontalPodAutoscaler" in names("1.25") - names("1.26")
    assert "storage.k8s.io/v1beta1/CSIStorageCapacity" in names("1.26") - names("1.27")
    assert "flowcontrol.apiserver.k8s.io/v1beta2/FlowSchema" in names("1.28") - names("1.29")
    assert "flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema" in names("1.31") - names("1.32")
    assert "authentication.k8s.io/v1/SelfSubjectReview" in names("1.28") - names("1.27")
    assert "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy" in names("1.30") - names("1.29")
    assert "networking.k8s.io/v1/ServiceCIDR" in names("1.33") - names("1.32")
    assert "resource.k8s.io/v1/ResourceClaim" in names("1.34") - names("1.33")
    assert "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" in names("1.36") - names("1.35")
    assert "certificates.k8s.io/v1/ClusterTrustBundle" in names("1.37") - names("1.36")
    assert "policy/v1beta1/PodDisruptionBudget" not in names("1.25")


def find(version: str, plural: str, group: str = "") -> Resource:
    return next(one for one in builtin_resources(version) if one.mapping[:1] + one.mapping[3:4] == (group, plural))


def test_subresources_come_with_their_version() -> None:
    assert "resize" in find("1.33", "pods").subresources
    assert "resize" not in find("1.32", "pods").subresources


def test_deprecation_texts() -> None:
    assert find("1.36", "endpoints").deprecated == (
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    )
    assert find("1.32", "endpoints").deprecated == ""
    betas = [one.deprecated for one in builtin_resources("1.31") if one.mapping.version == "v1beta3"]
    assert betas[0] == (
        "flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema is deprecated in v1.29+, unavailable in v1.32+; "
        "use flowcontrol.apiserver.k8s.io/v1 FlowSchema"
    )


def test_selectable_fields_read_as_go_prints() -> None:
    pods = find("1.36", "pods").selectable
    pod = {"spec": {"nodeName": "n"}, "status": {"podIPs": [{"ip": "1.2.3.4"}]}}
    assert pods["spec.nodeName"](pod) == pods["spec.host"](pod) == "n"
    assert pods["spec.hostNetwork"](pod) == "false"
    assert pods["status.podIP"](pod) == "1.2.3.4"
    assert pods["status.phase"](pod) == ""
    assert find("1.36", "nodes").selectable["spec.unschedulable"]({"spec": {"unschedulable": True}}) == "true"
    assert find("1.36", "jobs", "batch").selectable["status.successful"]({"status": {"succeeded": 3}}) == "3"


def test_constants_are_rows() -> None:
    rows = {(row.group, row.version, row.kind, row.plural, row.namespaced) for row in BUILTINS}
    constants = {name: value for name, value in vars(kinds).items() if isinstance(value, RestMapping)}
    for name, mapping in constants.items():
        if name not in ("SCALE", "EVICTION", "TOKENREQUEST"):
            assert tuple(mapping) in rows, name


def test_definition_names() -> None:
    assert definition_name(GVK("", "v1", "Pod")) == "io.k8s.api.core.v1.Pod"
    assert definition_name(GVK("rbac.authorization.k8s.io", "v1", "Role")) == "io.k8s.api.rbac.v1.Role"


@pytest.mark.parametrize("version", ["1.24", "1.38", "2.0", "", "latest"])
def test_unknown_versions_are_named(version: str) -> None:
    with pytest.raises(UnknownVersion, match=r"is not one of 1\.25 to 1\.37"):
        builtin_resources(version)


@pytest.mark.parametrize("version", ["v1.36", "1.36.2"])
def test_other_spellings_of_a_version(version: str) -> None:
    assert names(version) == names("1.36")
