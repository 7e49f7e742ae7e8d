"""HorizontalPodAutoscaler between autoscaling/v1 and v2: what v1 cannot say travels in annotations."""

from collections.abc import Callable
from typing import Any, Final

from sampan.api import json
from sampan.api.json import Obj

_METRICS: Final = "autoscaling.alpha.kubernetes.io/metrics"
_STATUSES: Final = "autoscaling.alpha.kubernetes.io/current-metrics"
_CONDITIONS: Final = "autoscaling.alpha.kubernetes.io/conditions"
_BEHAVIOR: Final = "autoscaling.alpha.kubernetes.io/behavior"
_TRAVELLING: Final = (
    _METRICS, _STATUSES, _CONDITIONS, _BEHAVIOR,
    "autoscaling.alpha.kubernetes.io/scale-down-tolerance", "autoscaling.alpha.kubernetes.io/scale-up-tolerance",
)  # fmt: skip
_DEFAULT_UTILIZATION: Final = 80

# Per metric type: its key, the name of v1's fields for value, average value and utilization, and whether the
# metric is named flat (metricName, selector) and describes an object.
_KEYS: Final = {
    "Object": "object", "Pods": "pods", "Resource": "resource",
    "ContainerResource": "containerResource", "External": "external",
}  # fmt: skip
_SPEC_FIELDS: Final = {
    "Object": {"value": "targetValue", "averageValue": "averageValue"},
    "Pods": {"averageValue": "targetAverageValue"},
    "Resource": {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue"},
    "ContainerResource": {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue"},
    "External": {"value": "targetValue", "averageValue": "targetAverageValue"},
}
_STATUS_FIELDS: Final = {
    "Object": {"value": "currentValue", "averageValue": "averageValue"},
    "Pods": {"averageValue": "currentAverageValue"},
    "Resource": {"averageUtilization": "currentAverageUtilization", "averageValue": "currentAverageValue"},
    "ContainerResource": {"averageUtilization": "currentAverageUtilization", "averageValue": "currentAverageValue"},
    "External": {"value": "currentValue", "averageValue": "currentAverageValue"},
}


_USAGE: Final = "targetAverageUtilization currentAverageUtilization targetAverageValue currentAverageValue"
# Go writes the fields of v1's metrics in this order, and those with a zero even if there are none.
_ORDER: Final = {
    kind: tuple(names.split())
    for kind, names in (
        ("Object", "target metricName targetValue currentValue selector averageValue"),
        ("Pods", "metricName targetAverageValue currentAverageValue selector"),
        ("Resource", f"name {_USAGE}"),
        ("ContainerResource", f"name {_USAGE} container"),
        ("External", "metricName metricSelector targetValue currentValue targetAverageValue currentAverageValue"),
    )
}
_ALWAYS: Final = {
    "target": {"Object": ("targetValue",), "Pods": ("targetAverageValue",)},
    "current": {
        "Object": ("currentValue",), "Pods": ("currentAverageValue",), "Resource": ("currentAverageValue",),
        "ContainerResource": ("currentAverageValue",), "External": ("currentValue",),
    },
}  # fmt: skip
_RULES: Final = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
_POLICY: Final = ("type", "value", "periodSeconds")
_CONDITION: Final = ("type", "status", "lastTransitionTime", "reason", "message")


def _is_cpu(metric: Obj) -> bool:
    return metric.get("type") == "Resource" and (metric.get("resource") or {}).get("name") == "cpu"


def _utilization(metric: Obj, which: str) -> Any:
    return (metric["resource"].get(which) or {}).get("averageUtilization") if _is_cpu(metric) else None


def _metric_to_v1(metric: Obj, fields: dict[str, dict[str, str]], which: str) -> Obj:
    kind = metric.get("type", "")
    key = _KEYS.get(kind)
    if key is None or key not in metric:
        return metric
    source = metric[key]
    flat = {name: source[name] for name in ("name", "container") if name in source}
    for name, v1_name in fields[kind].items():
        if (source.get(which) or {}).get(name) is not None:
            flat[v1_name] = source[which][name]
    if "metric" in source:
        flat["metricName"] = source["metric"].get("name", "")
        if "selector" in source["metric"]:
            flat["metricSelector" if kind == "External" else "selector"] = source["metric"]["selector"]
    if "describedObject" in source:
        flat["target"] = source["describedObject"]
    for name in _ALWAYS[which].get(kind, ()):
        flat.setdefault(name, "0")
    return {"type": kind, key: {name: flat[name] for name in _ORDER[kind] if name in flat}}


def _metric_from_v1(metric: Obj, fields: dict[str, dict[str, str]], which: str) -> Obj:
    kind = metric.get("type", "")
    key = _KEYS.get(kind)
    if key is None or key not in metric:
        return metric
    flat = metric[key]
    target: Obj = {name: flat[v1_name] for name, v1_name in fields[kind].items() if flat.get(v1_name) is not None}
    if which == "target":
        target["type"] = _target_type(target)
        if kind == "Object" and "averageValue" in target and target.get("value") in ("0", 0):
            del target["value"]
    source: Obj = {name: flat[name] for name in ("name", "container") if name in flat}
    source[which] = target
    if "metricName" in flat:
        source["metric"] = {"name": flat["metricName"]}
        selector = flat.get("metricSelector" if kind == "External" else "selector")
        if selector is not None:
            source["metric"]["selector"] = selector
    if "target" in flat and kind == "Object":
        source["describedObject"] = flat["target"]
    return {"type": kind, key: source}


def _target_type(target: Obj) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    return "AverageValue" if "averageValue" in target or "value" not in target else "Value"


def _rename_keys(value: Any, change: Callable[[str], str]) -> Any:
    """The annotation holds Go's internal type, whose keys start with a capital letter."""
    if isinstance(value, dict):
        return {change(key): _rename_keys(child, change) for key, child in value.items() if child is not None}
    return [_rename_keys(child, change) for child in value] if isinstance(value, list) else value


def _told_behavior(behavior: Obj) -> Obj:
    """Go's internal type: every field under its own name."""
    return {
        key[:1].upper() + key[1:]: None if behavior.get(key) is None else _told_rules(behavior[key])
        for key in ("scaleUp", "scaleDown")
    }


def _told_rules(rules: Obj) -> Obj:
    made: Obj = {key: rules.get(key) for key in _RULES}
    if made["policies"] is not None:
        made["policies"] = [
            {key[:1].upper() + key[1:]: policy.get(key) for key in _POLICY} for policy in made["policies"]
        ]
    return {key[:1].upper() + key[1:]: value for key, value in made.items()}


def _lower(key: str) -> str:
    return key[:1].lower() + key[1:]


def _with_annotations(metadata: Obj, extra: dict[str, Any]) -> Obj:
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _TRAVELLING}
    annotations |= {key: json.dumps(value).decode() for key, value in extra.items()}
    result = {key: value for key, value in metadata.items() if key != "annotations"}
    if annotations:
        result["annotations"] = annotations
    return result


def hpa_v2_to_v1(obj: Obj) -> Obj:
    """A stored autoscaling/v2 HPA as autoscaling/v1."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics, current = spec.pop("metrics", None) or [], status.pop("currentMetrics", None) or []
    behavior, conditions = spec.pop("behavior", None), status.pop("conditions", None)
    extra: dict[str, Any] = {}
    others = [metric for metric in metrics if _utilization(metric, "target") is None]
    if others:
        extra[_METRICS] = [_metric_to_v1(metric, _SPEC_FIELDS, "target") for metric in others]
    if current:
        extra[_STATUSES] = [_metric_to_v1(metric, _STATUS_FIELDS, "current") for metric in current]
    if behavior is not None:
        extra[_BEHAVIOR] = _told_behavior(behavior)
    if conditions:
        extra[_CONDITIONS] = [{key: one[key] for key in _CONDITION if key in one} for one in conditions]
    wanted = [value for metric in metrics if (value := _utilization(metric, "target")) is not None]
    if wanted:
        spec["targetCPUUtilizationPercentage"] = wanted[0]
    seen = [value for metric in current if (value := _utilization(metric, "current")) is not None]
    if seen:
        status["currentCPUUtilizationPercentage"] = seen[-1]
    status = {"currentReplicas": 0, "desiredReplicas": 0, **status}
    metadata = _with_annotations(obj.get("metadata") or {}, extra)
    return {**obj, "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def _travelled(annotations: Obj, key: str) -> list[Obj]:
    """What an annotation lists; one that cannot be read is none."""
    found = _read(annotations, key)
    return found if isinstance(found, list) and all(isinstance(one, dict) for one in found) else []


def _read(annotations: Obj, key: str) -> Any:
    try:
        return json.loads(annotations[key]) if key in annotations else None
    except (json.JSONDecodeError, TypeError):
        return None


def _cpu(which: str, value: Any) -> Obj:
    target = {"averageUtilization": value} | ({"type": "Utilization"} if which == "target" else {})
    return {"type": "Resource", "resource": {"name": "cpu", which: target}}


def hpa_v1_to_v2(obj: Obj) -> Obj:
    """An autoscaling/v1 HPA as autoscaling/v2; without any metric it asks for 80 % CPU, as upstream's conversion."""
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    wanted, seen = spec.pop("targetCPUUtilizationPercentage", None), status.pop("currentCPUUtilizationPercentage", None)
    others = _travelled(annotations, _METRICS)
    metrics = [_metric_from_v1(metric, _SPEC_FIELDS, "target") for metric in others]
    if wanted is not None:
        metrics.append(_cpu("target", wanted))
    spec["metrics"] = metrics or [_cpu("target", _DEFAULT_UTILIZATION)]
    behavior = _read(annotations, _BEHAVIOR)
    if behavior and isinstance(behavior, dict):
        spec["behavior"] = _rename_keys(behavior, _lower)
    current = _travelled(annotations, _STATUSES)
    if current:
        status["currentMetrics"] = [_metric_from_v1(metric, _STATUS_FIELDS, "current") for metric in current]
    elif seen is not None:
        status["currentMetrics"] = [_cpu("current", seen)]
    conditions = _travelled(annotations, _CONDITIONS)
    if conditions:
        status["conditions"] = conditions
    status = {"desiredReplicas": 0, "currentMetrics": None, **status}
    if not status.get("currentReplicas"):
        status.pop("currentReplicas", None)
    return {
        **obj,
        "apiVersion": "autoscaling/v2",
        "metadata": _with_annotations(metadata, {}),
        "spec": spec,
        "status": status,
    }
