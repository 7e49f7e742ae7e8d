"""Conversions between versions that share storage."""

from typing import Any

import pytest

from sampan.resources.build import builtin_resources
from sampan.resources.convert import CONVERSIONS, event_from_core, event_to_core
from sampan.resources.convert_hpa import hpa_v1_to_v2, hpa_v2_to_v1

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
METRICS = [
    {"type": "Pods", "pods": {"metric": {"name": "p"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
    {
        "type": "Object",
        "object": {
            "metric": {"name": "o", "selector": {"matchLabels": {"a": "b"}}},
            "describedObject": {"kind": "Ingress", "name": "i", "apiVersion": "networking.k8s.io/v1"},
            "target": {"type": "Value", "value": "2k"},
        },
    },
    {
        "type": "External",
        "external": {"metric": {"name": "e"}, "target": {"type": "AverageValue", "averageValue": "3"}},
    },
    {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu", "container": "c", "target": {"type": "Utilization", "averageUtilization": 10},
        },
    },
]  # fmt: skip


def autoscaler(metrics: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x", "annotations": {"own": "kept"}},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "d"},
            "maxReplicas": 3,
            "metrics": metrics,
            "behavior": {"scaleUp": {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 4}]}},
        },
        "status": {
            "desiredReplicas": 1,
            "currentReplicas": 1,
            "conditions": [{"type": "AbleToScale", "status": "True"}],
            "currentMetrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "current": {"averageUtilization": 7, "averageValue": "1m"}},
                }
            ],
        },
    }


@pytest.mark.parametrize("metrics", [[CPU], METRICS, [*METRICS, CPU]], ids=["cpu", "others", "all"])
def test_autoscaler_survives_v1(metrics: list[dict[str, Any]]) -> None:
    original = autoscaler(metrics)
    assert hpa_v1_to_v2(hpa_v2_to_v1(original)) == original


def test_autoscaler_in_v1_terms() -> None:
    old = hpa_v2_to_v1(autoscaler([CPU]))
    assert old["apiVersion"] == "autoscaling/v1"
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert old["status"]["currentCPUUtilizationPercentage"] == 7
    assert "autoscaling.alpha.kubernetes.io/behavior" in old["metadata"]["annotations"]
    assert '"ScaleUp"' in old["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/behavior"]


def test_autoscaler_without_metrics_wants_80_percent_cpu() -> None:
    new = hpa_v1_to_v2({"apiVersion": "autoscaling/v1", "metadata": {}, "spec": {"maxReplicas": 1}})
    assert new["spec"]["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}


def test_fresh_autoscaler_seen_through_both_versions() -> None:
    """As recorded from a real API server."""
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "minReplicas": 1, "maxReplicas": 3}
    old = {
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": "x"},
        "spec": {**spec, "targetCPUUtilizationPercentage": 50},
        "status": {"currentReplicas": 0, "desiredReplicas": 0},
    }
    new = {
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": "x"},
        "spec": {**spec, "metrics": [CPU]},
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }
    assert hpa_v1_to_v2(old) == new
    assert hpa_v2_to_v1(new) == old


def test_unreadable_annotations_are_dropped() -> None:
    broken = {"autoscaling.alpha.kubernetes.io/metrics": "{"}
    new = hpa_v1_to_v2({"metadata": {"annotations": broken}, "spec": {"targetCPUUtilizationPercentage": 5}})
    assert "annotations" not in new["metadata"]
    assert len(new["spec"]["metrics"]) == 1


def test_events_have_two_faces() -> None:
    core = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "x"}, "involvedObject": {"kind": "Pod"},
        "message": "hello", "source": {"component": "me"}, "firstTimestamp": None, "lastTimestamp": None,
        "eventTime": None, "count": 2, "reportingComponent": "", "reportingInstance": "",
    }  # fmt: skip
    new = event_from_core(core)
    assert new["apiVersion"] == "events.k8s.io/v1"
    assert (new["note"], new["regarding"], new["deprecatedCount"]) == ("hello", {"kind": "Pod"}, 2)
    assert "reportingController" not in new
    assert event_to_core(new) == core


@pytest.mark.parametrize("old", ["v1beta1", "v1beta2", "v1beta3"])
@pytest.mark.parametrize("shares", [0, 30])
def test_priority_levels_survive_old_versions(old: str, shares: int) -> None:
    level = {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "metadata": {"name": "x"},
        "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": shares}},
    }
    group, kind = "flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"
    converted = CONVERSIONS[group, kind, "v1", old](level)
    assert converted["apiVersion"].endswith(old)
    assert ("assuredConcurrencyShares" in converted["spec"]["limited"]) == (old != "v1beta3")
    assert ("annotations" in converted["metadata"]) == (shares == 0)
    assert CONVERSIONS[group, kind, old, "v1"](converted) == level


def test_conversions_leave_their_input_alone() -> None:
    for version in ("1.25", "1.30", "1.36"):
        for resource in builtin_resources(version):
            if resource.to_storage is not None and resource.from_storage is not None:
                obj = {"apiVersion": resource.mapping.api_version, "metadata": {"annotations": {}}, "spec": {}}
                resource.from_storage(resource.to_storage(obj))
                assert obj == {"apiVersion": resource.mapping.api_version, "metadata": {"annotations": {}}, "spec": {}}
