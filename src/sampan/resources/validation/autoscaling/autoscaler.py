"""What is wrong with HorizontalPodAutoscalers (autoscaling validation), which are given as autoscaling/v2."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_path_segment
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_negative, required, spec_of
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.autoscaling.behavior import check_behavior
from sampan.resources.validation.autoscaling.metrics import check_metric

CLASSES = ("Object", "External")
"""Metrics that can be told without any pod."""
NO_GROUP = "apiVersion must specify API group"
TO_ZERO = "must specify at least one Object or External metric to support scaling to zero replicas"


def check_autoscaler(obj: Obj) -> Errors:
    """A new autoscaler."""
    return _spec(spec_of(obj), {})


def check_autoscaler_update(new: Obj, old: Obj) -> Errors:
    """A changed one: what could be said once may stay."""
    return metadata_again(new, old) + _spec(spec_of(new), spec_of(old))


def check_autoscaler_status(new: Obj, old: Obj) -> Errors:
    """Counts, besides the metadata."""
    status = new.get("status") or {}
    return [
        error
        for key in ("currentReplicas", "desiredReplicas")
        for error in not_negative(f"status.{key}", status.get(key))
    ]


def _spec(spec: Obj, old: Obj) -> Errors:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    bound = 0 if old.get("minReplicas") == 0 else 1
    errors: Errors = []
    if least is not None and least < bound:
        errors.append(invalid("spec.minReplicas", least, f"must be greater than or equal to {bound}"))
    if most == 0:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    errors += _target(spec.get("scaleTargetRef") or {}, old.get("scaleTargetRef"))
    metrics: Sequence[Obj] = spec.get("metrics") or ()
    any_version = any(_bad_version(one) for one in old.get("metrics") or ())
    for index, metric in enumerate(metrics):
        errors += check_metric(metric, f"spec.metrics[{index}]", any_version=any_version)
    if least == 0 and not any(metric.get("type") in CLASSES for metric in metrics):
        errors.append(forbidden("spec.metrics", TO_ZERO))
    behavior = spec.get("behavior")
    return errors if behavior is None else errors + check_behavior(behavior, "spec.behavior")


def _bad_version(metric: Obj) -> bool:
    described = (metric.get("object") or {}).get("describedObject") or {}
    return metric.get("type") == "Object" and (described.get("apiVersion") or "").count("/") > 1


def _target(target: Obj, old: Obj | None) -> Errors:
    """What is scaled: a kind with a group, or ReplicationControllers; one that stays may say what it likes."""
    errors: Errors = []
    for key in ("kind", "name"):
        value, at = target.get(key) or "", f"spec.scaleTargetRef.{key}"
        errors += [invalid(at, value, problem) for problem in is_path_segment(value)] if value else [required(at)]
    if old is not None and all((old.get(key) or "") == (target.get(key) or "") for key in ("apiVersion", "kind")):
        return errors
    version, at = target.get("apiVersion") or "", "spec.scaleTargetRef.apiVersion"
    if version.count("/") > 1:
        errors.append(invalid(at, version, f"unexpected GroupVersion string: {version}"))
    elif not version.rpartition("/")[0] and target.get("kind") != "ReplicationController":
        errors.append(invalid(at, version, NO_GROUP))
    return errors
