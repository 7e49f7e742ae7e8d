"""What an update may keep because the old object has it (upstream: GetValidationOptionsFromPodSpecAndMeta)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sampan.api.json import Obj
from sampan.resources.validation.labels import check_label_selector
from sampan.resources.validation.node_selector import check_node_selector
from sampan.resources.validation.paths import check_unreserved
from sampan.resources.validation.pods.affinity import (
    PREFERRED,
    REQUIRED,
    check_label_keys,
    check_term_selectors,
)
from sampan.resources.validation.pods.annotations import is_deletion_cost
from sampan.resources.validation.pods.options import POD, TEMPLATE, Options, visit
from sampan.resources.validation.pods.resources import HUGE, divides
from sampan.resources.validation.pods.security import check_host_sysctl


def pod_options(old: Obj) -> Options:
    """For the update of a pod, its status or another part of it."""
    return _allow(POD, old.get("spec") or {}, (old.get("metadata") or {}).get("annotations") or {})


def template_options(old: Obj | None) -> Options:
    """For the update of a workload whose old template this is; none of it for a new one."""
    if old is None:
        return TEMPLATE
    return _allow(TEMPLATE, old.get("spec") or {}, (old.get("metadata") or {}).get("annotations") or {})


def _allow(base: Options, spec: Obj, annotations: Mapping[str, str]) -> Options:
    users = spec.get("hostUsers") is False
    affinity = spec.get("affinity") or {}
    constraints = spec.get("topologySpreadConstraints") or ()
    selector = (affinity.get("nodeAffinity") or {}).get(REQUIRED)
    made = replace(
        base,
        any_deletion_cost=not is_deletion_cost(annotations),
        any_selector_value=any(check_term_selectors(term, "") for term in _terms(affinity)),
        any_node_value=selector is not None and bool(check_node_selector(selector, "")),
        any_spread_selector=any(check_label_selector(c.get("labelSelector"), "") for c in constraints),
        legacy_match_keys=any(check_label_keys(c, "") for c in constraints),
        any_token_path=any(check_unreserved(path, "") for path in _token_paths(spec)),
        host_sysctls=_has_host_sysctls(spec),
        indivisible_pages=_has_odd_pages(spec),
        any_selinux_policy=(spec.get("securityContext") or {}).get("seLinuxChangePolicy") is not None,
        comparing_tolerations=any(t.get("operator") in ("Lt", "Gt") for t in spec.get("tolerations") or ()),
        restarting_init=_has_restarting_init(spec),
        devices_of_users=users and any(container.get("volumeDevices") for container, _ in visit(spec, "")),
        users_on_host=users and bool(spec.get("hostNetwork")),
    )
    return base if made == base else made


def _terms(affinity: Obj) -> Iterator[Obj]:
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = affinity.get(kind) or {}
        yield from pods.get(REQUIRED) or ()
        for weighted in pods.get(PREFERRED) or ():
            yield weighted.get("podAffinityTerm") or {}


def _token_paths(spec: Obj) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if source.get("serviceAccountToken") is not None:
                yield source["serviceAccountToken"].get("path") or ""


def _has_host_sysctls(spec: Obj) -> bool:
    sysctls = (spec.get("securityContext") or {}).get("sysctls") or ()
    return any(check_host_sysctl(sysctl.get("name") or "", spec, "") for sysctl in sysctls)


def _has_odd_pages(spec: Obj) -> bool:
    holders = [container.get("resources") or {} for container, _ in visit(spec, "")]
    parts = [holder.get(part) or {} for holder in holders for part in ("limits", "requests")]
    return any(
        name.startswith(HUGE) and not divides(name, amount)
        for part in (*parts, spec.get("overhead") or {})
        for name, amount in part.items()
    )


def _has_restarting_init(spec: Obj) -> bool:
    return any(
        policy.get("restartPolicy") == "RestartContainer"
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") != "Always"
        for policy in container.get("resizePolicy") or ()
    )
