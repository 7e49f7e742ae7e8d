"""HorizontalPodAutoscalers in both of their versions; rules are those of v2, whichever a request speaks."""

from sampan.api.json import Obj
from sampan.resources.convert_hpa import hpa_v1_to_v2, hpa_v2_to_v1
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.rules import Rules, fill_absent, within
from sampan.resources.validation.autoscaling.autoscaler import (
    check_autoscaler,
    check_autoscaler_status,
    check_autoscaler_update,
)

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
UP = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
DOWN = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def _is_v1(obj: Obj) -> bool:
    return obj.get("apiVersion") == "autoscaling/v1"


def _default(obj: Obj) -> Obj:
    if _is_v1(obj):  # there and back again: annotations that tell what v2 would are read, or dropped
        return _back(within(hpa_v1_to_v2(obj), "spec", _spec, absent={}), obj)
    return within(obj, "spec", _spec, absent={})


def _back(obj: Obj, given: Obj) -> Obj:
    made = hpa_v2_to_v1(obj)
    return {**made, "status": given["status"]} if "status" in given else made


def _spec(spec: Obj) -> Obj:
    spec = fill_absent(spec, minReplicas=1)
    spec = spec if spec.get("metrics") else {**spec, "metrics": [CPU]}
    return within(spec, "behavior", _behavior)


def _behavior(behavior: Obj) -> Obj:
    return {
        **behavior,
        "scaleUp": fill_absent(behavior.get("scaleUp") or {}, **UP),
        "scaleDown": fill_absent(behavior.get("scaleDown") or {}, **DOWN),
    }


def _v2(obj: Obj) -> Obj:
    return hpa_v1_to_v2(obj) if _is_v1(obj) else obj


def _check_update(new: Obj, old: Obj) -> Errors:
    return check_autoscaler_update(_v2(new), _v2(old))


AUTOSCALERS = Rules(
    True,
    defaults=_default,
    check=lambda obj: check_autoscaler(_v2(obj)),
    check_change=_check_update,
    check_status=check_autoscaler_status,
)
