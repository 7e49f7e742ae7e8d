"""Pods: defaults, the status they start with, what may change."""

from functools import partial
from typing import Any

from sampan.api.json import Obj
from sampan.resources.row import RESET_META
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.pod_spec import pod_spec, template
from sampan.resources.strategies.qos import qos_class
from sampan.resources.strategies.rules import Rules, each, fill, within
from sampan.resources.validation.pods.pod import check_pod
from sampan.resources.validation.pods.template import check_pod_template
from sampan.resources.validation.pods.update import check_pod_update


def _requests_from_limits(container: Obj) -> Obj:
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return container
    requests = {**limits, **(resources.get("requests") or {})}
    if requests == resources.get("requests"):
        return container
    return {**container, "resources": {**resources, "requests": requests}}


def _host_ports(container: Obj) -> Obj:
    def port(value: Obj) -> Obj:
        return value if value.get("hostPort") else {**value, "hostPort": value.get("containerPort")}

    return within(container, "ports", partial(each, change=port)) if container.get("ports") else container


def _spec(spec: Obj) -> Obj:
    made = fill(pod_spec(spec), enableServiceLinks=True)
    for key in ("containers", "initContainers"):
        if made.get(key):
            made = within(made, key, partial(each, change=_requests_from_limits))
            if made.get("hostNetwork"):
                made = within(made, key, partial(each, change=_host_ports))
    return made


def default_pod(pod: Obj) -> Obj:
    """A pod with its defaults."""
    return within(pod, "spec", _spec, absent={})


GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def begin(pod: Obj) -> Obj:
    """A new pod's status: Pending, with its quality of service class."""
    status: dict[str, Any] = {"phase": "Pending", "qosClass": qos_class(pod.get("spec") or {})}
    if (pod.get("spec") or {}).get("schedulingGates"):
        status["conditions"] = [{**GATED, "lastTransitionTime": None}]
    return {**pod, "status": status}


def keep_status(new: Obj, old: Obj) -> Obj:
    """A status update keeps owner references and the quality of service class."""
    status = new.get("status") or {}
    before = (old.get("status") or {}).get("qosClass")
    if before and status.get("qosClass") != before:
        return {**new, "status": {**status, "qosClass": status.get("qosClass") or before}}
    return new


PODS = Rules(
    True,
    (*RESET_META[:2], "ownerReferences"),
    defaults=default_pod,
    on_create=begin,
    on_status=keep_status,
    check=check_pod,
    check_update=check_pod_update,
)


def _check_template(obj: Obj) -> Errors:
    return check_pod_template(obj.get("template") or {}, "template")


POD_TEMPLATES = Rules(defaults=template, check=_check_template)
