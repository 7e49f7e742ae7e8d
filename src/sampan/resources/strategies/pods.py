"""Pods: defaults, the status they start with, what may change."""

from functools import partial
from typing import Any

from sampan.api.json import Obj
from sampan.resources.row import RESET_META
from sampan.resources.strategies.checks import Errors
from sampan.resources.strategies.pod_fields import (
    drop_disabled,
    drop_disabled_template,
    merge_label_keys,
    sync_apparmor,
    warn_apparmor,
)
from sampan.resources.strategies.pod_parts import PARTS, agreeing_ips, keep_status
from sampan.resources.strategies.pod_spec import pod_spec, template, without_init_annotations
from sampan.resources.strategies.pod_totals import container_totals
from sampan.resources.strategies.qos import COUNTED, qos_class
from sampan.resources.strategies.rules import Rules, each, fill, metadata_again, within
from sampan.resources.validation.pods.past import template_options
from sampan.resources.validation.pods.pod import check_pod
from sampan.resources.validation.pods.status import check_pod_status, warn_pod_status
from sampan.resources.validation.pods.template import check_pod_template
from sampan.resources.validation.pods.update import check_pod_update
from sampan.resources.validation.pods.warnings import warn_pod, warn_pod_template

HUGE = "hugepages-"


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
        number = value.get("containerPort")
        return value if value.get("hostPort") or not number else {**value, "hostPort": number}

    return within(container, "ports", partial(each, change=port)) if container.get("ports") else container


def _spec(spec: Obj) -> Obj:
    made = fill(pod_spec(spec), enableServiceLinks=True)
    for key in ("containers", "initContainers"):
        if made.get(key):
            made = within(made, key, partial(each, change=_requests_from_limits))
            if made.get("hostNetwork"):
                made = within(made, key, partial(each, change=_host_ports))
    if made.get("resources"):
        made = _pod_resources(made)
    grace = made.get("terminationGracePeriodSeconds")
    return {**made, "terminationGracePeriodSeconds": 1} if grace is not None and grace < 0 else made


def _pod_resources(spec: Obj) -> Obj:
    """Limits of huge pages from the containers, requests from the containers or the limits (KEP-2837)."""
    holder = spec["resources"]
    limits, requests = dict(holder.get("limits") or {}), dict(holder.get("requests") or {})
    if limits or requests:
        for name, amount in container_totals(spec, "limits").items():
            if name.startswith(HUGE) and name not in requests:
                limits.setdefault(name, amount)
    if limits:
        for name, amount in container_totals(spec, "requests").items():
            if name in COUNTED:
                requests.setdefault(name, amount)
        for name, amount in limits.items():
            if name in COUNTED or name.startswith(HUGE):
                requests.setdefault(name, amount)
    made = {key: value for key, value in (("limits", limits), ("requests", requests)) if value}
    if all(holder.get(key) == value for key, value in made.items()):
        return spec
    return {**spec, "resources": {**holder, **made}}


def default_pod(pod: Obj) -> Obj:
    """A pod with its defaults."""
    made = within(without_init_annotations(pod), "spec", _spec, absent={})
    return within(made, "status", agreeing_ips)


GATED = {"type": "PodScheduled", "status": "False", "lastProbeTime": None}
WHY_GATED = {"reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}


def begin(pod: Obj) -> Obj:
    """A new pod as it is stored: Pending, with its quality of service class, without fields of disabled features."""
    status: dict[str, Any] = {"phase": "Pending", "qosClass": qos_class(pod.get("spec") or {})}
    spec = pod.get("spec") or {}
    if spec.get("schedulingGates"):
        now = (pod.get("metadata") or {}).get("creationTimestamp")
        status = {"phase": "Pending", "conditions": [{**GATED, "lastTransitionTime": now, **WHY_GATED}], **status}
    made = merge_label_keys(drop_disabled(spec), (pod.get("metadata") or {}).get("labels") or {})
    return sync_apparmor({**pod, "spec": made, "status": status})


def drop_on_update(new: Obj, old: Obj) -> Obj:
    """An update cannot bring in what a create could not."""
    return within(new, "spec", drop_disabled)


def no_warnings(new: Obj, old: Obj) -> list[str]:
    """People seldom change pods themselves, so nobody is warned."""
    return []


PODS = Rules(
    True,
    (*RESET_META[:2], "ownerReferences"),
    defaults=default_pod,
    on_create=begin,
    on_update=drop_on_update,
    on_status=keep_status,
    check=check_pod,
    check_change=check_pod_update,
    check_status=check_pod_status,
    warn_status=warn_pod_status,
    warn=warn_pod,
    warn_early=warn_apparmor,
    warn_update=no_warnings,
    parts=PARTS,
)


def _check_template(obj: Obj) -> Errors:
    return check_pod_template(obj.get("template") or {}, "template")


def _change_template(new: Obj, old: Obj) -> Errors:
    allowed = template_options(old.get("template"))
    return metadata_again(new, old) + check_pod_template(new.get("template") or {}, "template", allowed)


def _warn_template(obj: Obj) -> list[str]:
    return warn_pod_template(obj.get("template"), "template")


def _warn_template_update(new: Obj, old: Obj) -> list[str]:
    same = (new.get("metadata") or {}).get("generation") == (old.get("metadata") or {}).get("generation")
    return [] if same else _warn_template(new)


POD_TEMPLATES = Rules(
    defaults=template,
    on_create=drop_disabled_template,
    on_update=lambda new, old: drop_disabled_template(new),
    check=_check_template,
    check_change=_change_template,
    warn=_warn_template,
    warn_update=_warn_template_update,
)
