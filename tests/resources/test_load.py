"""Schemas as loaded from the definitions."""

import subprocess
import sys

from sampan.resources.load import load_schema


def test_merge_rules_and_list_types() -> None:
    spec = load_schema("1.36").node("io.k8s.api.core.v1.PodSpec")
    volumes = spec.properties["volumes"]
    assert (volumes.list_type, volumes.map_keys) == ("map", ("name",))
    assert (volumes.merge_key, volumes.merge, volumes.retain_keys) == ("name", True, True)
    strategy = load_schema("1.36").node("io.k8s.api.apps.v1.DeploymentSpec").properties["strategy"]
    assert strategy.retain_keys
    assert load_schema("1.36").node("io.k8s.api.core.v1.LocalObjectReference").atomic
    budget = load_schema("1.36").node("io.k8s.api.policy.v1.PodDisruptionBudgetSpec").properties["selector"]
    assert budget.replace


def test_special_types() -> None:
    schema = load_schema("1.36")
    limits = schema.node("io.k8s.api.core.v1.ResourceRequirements").properties["limits"]
    assert limits.type == "map"
    assert limits.items is not None
    assert limits.items.type == "quantity"
    meta = schema.node("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta").properties
    assert meta["creationTimestamp"].type == "time"
    assert schema.node("io.k8s.api.coordination.v1.LeaseSpec").properties["renewTime"].type == "microtime"
    assert schema.node("io.k8s.api.core.v1.ServicePort").properties["targetPort"].type == "int-or-string"
    assert schema.node("io.k8s.api.apps.v1.ControllerRevision").properties["data"].type == "any"
    data = schema.node("io.k8s.api.core.v1.Secret").properties["data"]
    assert data.items is not None
    assert data.items.type == "bytes"


def test_references_share_their_children() -> None:
    schema = load_schema("1.36")
    pod, template = schema.node("io.k8s.api.core.v1.Pod"), schema.node("io.k8s.api.core.v1.PodTemplateSpec")
    assert pod.properties["spec"].properties["containers"] is template.properties["spec"].properties["containers"]


def test_schemas_may_be_recursive() -> None:
    props = load_schema("1.36").node("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
    inner = props.properties["properties"].items
    assert inner is not None
    assert inner.properties["not"].properties is props.properties


def test_nullability_of_the_package_is_not_kubernetes() -> None:
    spec = load_schema("1.36").node("io.k8s.api.core.v1.PodSpec")
    assert not any(child.nullable for child in spec.properties.values())


def test_the_package_itself_is_not_imported() -> None:
    code = (
        "import sys; from sampan.resources.build import builtin_resources; builtin_resources('1.36');"
        "sys.exit('kubernetes_validate' in sys.modules or 'jsonschema' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
