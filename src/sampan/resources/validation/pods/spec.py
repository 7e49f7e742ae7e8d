"""What is wrong with a pod's spec (core validation: ValidatePodSpec)."""

from collections.abc import Callable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_among, not_found, required
from sampan.resources.validation.labels import check_labels
from sampan.resources.validation.pods.affinity import check_affinity, check_spread
from sampan.resources.validation.pods.annotations import MIRROR
from sampan.resources.validation.pods.claims import check_pod_claims
from sampan.resources.validation.pods.containers import check_containers, check_init_containers
from sampan.resources.validation.pods.dns import (
    check_dns,
    check_dns_policy,
    check_host_aliases,
    check_hostname_override,
)
from sampan.resources.validation.pods.ephemeral_containers import check_ephemeral_containers
from sampan.resources.validation.pods.gates import check_readiness_gates, check_scheduling_gates
from sampan.resources.validation.pods.host_process import check_host_process
from sampan.resources.validation.pods.options import CONTAINERS, Options, Seen, visit
from sampan.resources.validation.pods.os_rules import check_os
from sampan.resources.validation.pods.pod_resources import check_pod_resources
from sampan.resources.validation.pods.resources import check_overhead
from sampan.resources.validation.pods.security import check_pod_security
from sampan.resources.validation.pods.tolerations import check_tolerations
from sampan.resources.validation.pods.volumes import check_volumes

RESTART = ("Always", "OnFailure", "Never")
PREEMPTION = ("PreemptLowerPriority", "Never")
MOST_SECONDS = 2**31 - 1
NO_META: Obj = {}
Rule = Callable[[str], list[str]]
NAMES: tuple[tuple[str, Rule], ...] = (("serviceAccountName", is_dns1123_subdomain), ("nodeName", is_dns1123_subdomain))
HOST_NAMES: tuple[tuple[str, Rule], ...] = (("hostname", is_dns1123_label), ("subdomain", is_dns1123_label))


def check_pod_spec(spec: Obj, at: str, options: Options, meta: Obj = NO_META) -> Errors:
    """Everything; `at` is where the spec stands, `meta` the metadata of a pod (of a template none is looked at)."""
    errors: Errors = []
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is None:
        errors.append(required(f"{at}.terminationGracePeriodSeconds"))
    volumes: dict[str, Obj] = {}
    if given := spec.get("volumes"):
        volumes, found = check_volumes(given, meta.get("name") or "", f"{at}.volumes", options)
        errors += found
    claims: frozenset[str] = frozenset()
    if given := spec.get("resourceClaims"):
        claims = frozenset(claim["name"] for claim in given if claim.get("name"))
        mirror = MIRROR in (meta.get("annotations") or {})
        errors += check_pod_claims(given, f"{at}.resourceClaims", mirror=mirror)
    restart = spec.get("restartPolicy") or ""
    seen = Seen(volumes, claims, restart, spec.get("hostUsers") is not False, grace, options)
    regular = spec.get("containers") or ()
    errors += check_containers(regular, f"{at}.containers", seen)
    if given := spec.get("initContainers"):
        errors += check_init_containers(given, regular, f"{at}.initContainers", seen)
    if spec.get("ephemeralContainers"):
        errors += check_ephemeral_containers(spec, f"{at}.ephemeralContainers", seen)
    if spec.get("resources") is not None:
        errors += check_pod_resources(spec, at, seen)
    if spec.get("hostNetwork"):
        errors += _host_network(spec, at, options)
    if restart not in RESTART:
        here = f"{at}.restartPolicy"
        errors.append(not_among(here, restart, RESTART) if restart else required(here))
    errors += check_dns_policy(spec.get("dnsPolicy"), f"{at}.dnsPolicy")
    errors += _placement(spec, at, options)
    return errors + _rest(spec, at, seen)


def _placement(spec: Obj, at: str, options: Options) -> Errors:
    """From nodeSelector to topologySpreadConstraints."""
    errors: Errors = []
    if given := spec.get("nodeSelector"):
        errors += check_labels(given, f"{at}.nodeSelector")
    errors += check_pod_security(spec, at, options)
    if (affinity := spec.get("affinity")) is not None:
        errors += check_affinity(affinity, f"{at}.affinity", options)
    if spec.get("dnsConfig") is not None or spec.get("dnsPolicy") == "None":
        errors += check_dns(spec, f"{at}.dnsConfig")
    if given := spec.get("readinessGates"):
        errors += check_readiness_gates(given, f"{at}.readinessGates")
    if given := spec.get("schedulingGates"):
        errors += check_scheduling_gates(given, f"{at}.schedulingGates")
    if given := spec.get("topologySpreadConstraints"):
        errors += check_spread(given, f"{at}.topologySpreadConstraints", options)
    return errors


def _rest(spec: Obj, at: str, seen: Seen) -> Errors:
    """From Windows' host processes on."""
    errors = check_host_process(spec, at) if _any_windows(spec) else []
    if not seen.host_users:
        errors += _user_namespace(spec, at, seen.options)
    if spec.get("hostnameOverride") is not None:
        errors += check_hostname_override(spec, f"{at}.hostnameOverride")
    errors += _names(spec, at, NAMES)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MOST_SECONDS:
        why = f"must be between 1 and {MOST_SECONDS}, inclusive"
        errors.append(invalid(f"{at}.activeDeadlineSeconds", deadline, why))
    errors += _names(spec, at, HOST_NAMES)
    if given := spec.get("tolerations"):
        errors += check_tolerations(given, f"{at}.tolerations", seen.options)
    if given := spec.get("hostAliases"):
        errors += check_host_aliases(given, f"{at}.hostAliases")
    errors += _names(spec, at, (("priorityClassName", is_dns1123_subdomain),))
    if (name := spec.get("runtimeClassName")) is not None:
        errors += [invalid(f"{at}.runtimeClassName", name, problem) for problem in is_dns1123_subdomain(name)]
    policy = spec.get("preemptionPolicy")
    if policy is not None and policy not in PREEMPTION:
        here = f"{at}.preemptionPolicy"
        errors.append(not_among(here, policy, PREEMPTION) if policy else required(here))
    if given := spec.get("overhead"):
        errors += check_overhead(given, f"{at}.overhead", seen)
    if spec.get("os") is not None:
        errors += check_os(spec, at)
    return errors + _file_volumes(spec, at)


def _any_windows(spec: Obj) -> bool:
    """Whether a security context has something to say to Windows."""
    if "windowsOptions" in (spec.get("securityContext") or NO_META):
        return True
    for key in CONTAINERS:
        for container in spec.get(key) or ():
            if "windowsOptions" in (container.get("securityContext") or NO_META):
                return True
    return False


def _names(spec: Obj, at: str, rules: tuple[tuple[str, Rule], ...]) -> Errors:
    errors: Errors = []
    for field, rule in rules:
        name = spec.get(field)
        if name and (problems := rule(name)):
            errors += [invalid(f"{at}.{field}", name, problem) for problem in problems]
    return errors


def _host_network(spec: Obj, at: str, options: Options) -> Errors:
    """On the host's network a container's ports are the host's; templates may leave that to their pods."""
    errors: Errors = []
    for index, container in enumerate(spec.get("containers") or ()):
        for place, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort") or 0
            if (options.is_pod or host) and host != (port.get("containerPort") or 0):
                why = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid(f"{at}.containers[{index}].ports[{place}].hostPort", host, why))
    return errors


def _user_namespace(spec: Obj, at: str, options: Options) -> Errors:
    """What a pod with users of its own cannot share with its host (KEP-127)."""
    why = "when `hostUsers` is false"
    errors: Errors = []
    if spec.get("hostNetwork") and not options.users_on_host:
        errors.append(forbidden(f"{at}.hostNetwork", why))
    if spec.get("hostPID"):
        errors.append(forbidden(f"{at}.HostPID", why))
    if spec.get("hostIPC"):
        errors.append(forbidden(f"{at}.HostIPC", why))
    if not options.devices_of_users:
        for container, here in visit(spec, at):
            if container.get("volumeDevices"):
                errors.append(forbidden(f"{here}.volumeDevices", why))
    return errors


def _file_volumes(spec: Obj, at: str) -> Errors:
    """Variables read from files (KEP-3721) come from emptyDir volumes."""
    errors: Errors = []
    if not any(item.get("valueFrom") for key in CONTAINERS for c in spec.get(key) or () for item in c.get("env") or ()):
        return errors
    for container, here in visit(spec, at):
        for index, item in enumerate(container.get("env") or ()):
            ref = (item.get("valueFrom") or NO_META).get("fileKeyRef")
            if ref is None:
                continue
            name, place = ref.get("volumeName") or "", f"{here}.env[{index}].valueFrom.fileKeyRef.volumeName"
            named = [volume for volume in spec.get("volumes") or () if (volume.get("name") or "") == name]
            if not named:
                errors.append(not_found(place, name))
            elif named[-1].get("emptyDir") is None:
                errors.append(invalid(place, name, "referenced volume must be of type emptyDir"))
    return errors
