"""What is wrong with a new status of a pod (core validation: ValidatePodStatusUpdate)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, is_qualified_name
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    duplicate,
    forbidden,
    invalid,
    meta_of,
    required,
    spec_of,
)
from sampan.resources.validation.ip import check_ip, parse_sloppy, warn_ip
from sampan.resources.validation.metadata import check_meta_update
from sampan.resources.validation.pods.container_status import check_allocated, check_users
from sampan.resources.validation.pods.internal import shown_internal
from sampan.resources.validation.pods.past import pod_options
from sampan.resources.validation.pods.update import check_annotation_update

OF_SYSTEM = frozenset(("PodScheduled", "Ready", "Initialized"))
NEGATIVE = "must be a non-negative integer"
KINDS = (
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
)
TWO_FAMILIES = "may specify no more than one IP for each IP family"


def check_pod_status(new: Obj, old: Obj) -> Errors:
    """An update of a pod's status, its metadata included."""
    errors = check_meta_update(meta_of(new), meta_of(old)) + check_annotation_update(new, old, pod_options(old))
    after: Obj = new.get("status") or {}
    before: Obj = old.get("status") or {}
    spec = spec_of(old)
    errors += _conditions(after.get("conditions") or ()) + _nominated(after, before, spec)
    if (after.get("observedGeneration") or 0) < 0:
        errors.append(invalid("status.observedGeneration", after["observedGeneration"], NEGATIVE))
    if (after.get("qosClass") or "") != (before.get("qosClass") or ""):
        errors.append(invalid("status.qosClass", after.get("qosClass") or "", IMMUTABLE))
    errors += _transitions(after, before, spec)
    errors += _claims(after.get("resourceClaimStatuses") or (), spec)
    extended = after.get("extendedResourceClaimStatus")
    if extended is not None:
        errors += _extended(extended, spec)
    errors += _pod_ips(after, before) + _host_ips(after, before)
    system = (spec.get("os") or {}).get("name") or "linux"
    for key, _ in KINDS:
        errors += check_users(after.get(key) or (), f"status.{key}", system)
    for key, containers in KINDS:
        errors += check_allocated(after.get(key) or (), f"status.{key}", spec.get(containers) or (), key == KINDS[2][0])
    return errors


def _conditions(conditions: Iterable[Obj]) -> Errors:
    errors: Errors = []
    for index, condition in enumerate(conditions):
        at, kind = f"status.conditions[{index}]", condition.get("type") or ""
        if (condition.get("observedGeneration") or 0) < 0:
            errors.append(invalid(f"{at}.observedGeneration", condition["observedGeneration"], NEGATIVE))
        if kind not in OF_SYSTEM:
            errors += [invalid(f"{at}.Type", kind, text) for text in is_qualified_name(kind)]
    return errors


def _nominated(new: Obj, old: Obj, spec: Obj) -> Errors:
    at, name = "status.nominatedNodeName", new.get("nominatedNodeName")
    if not name or name == old.get("nominatedNodeName"):
        return []
    errors = [invalid(at, name, text) for text in is_dns1123_subdomain(name)]
    if spec.get("nodeName"):
        errors.append(forbidden(at, "may not be set on pods that are already bound to a node"))
    return errors


def _transitions(new: Obj, old: Obj, spec: Obj) -> Errors:
    """Containers that ended for good do not come back."""
    errors: Errors = []
    all_restart = any(
        rule.get("action") == "RestartAllContainers"
        for key in ("initContainers", "containers")
        for container in spec.get(key) or ()
        for rule in container.get("restartPolicyRules") or ()
    )
    for key, containers in KINDS:
        ephemeral = containers == "ephemeralContainers"
        if all_restart and not ephemeral:
            continue
        known = {container.get("name"): container for container in spec.get(containers) or ()}
        for index, status in enumerate(old.get(key) or ()):
            ended = (status.get("state") or {}).get("terminated")
            if ended is None:
                continue
            back = _comebacks(status.get("name"), new.get(key) or ())
            container = known.get(status.get("name"))
            if not ephemeral and container is not None and _restarts(container, spec, ended.get("exitCode") or 0):
                continue
            count = back if ephemeral else min(back, 1)
            errors += [
                forbidden(f"status.{key}[{index}].state", "may not be transitioned to non-terminated state")
            ] * count
    return errors


def _comebacks(name: Any, statuses: Iterable[Obj]) -> int:
    return sum(one.get("name") == name and (one.get("state") or {}).get("terminated") is None for one in statuses)


def _restarts(container: Obj, spec: Obj, code: int) -> bool:
    """Whether a container is started again after it exited with that code (KEP-5307)."""
    own = container.get("restartPolicy")
    if own is not None:
        rule = next((rule for rule in container.get("restartPolicyRules") or () if _matches(rule, code)), None)
        if rule is not None and rule.get("action") in ("Restart", "RestartAllContainers"):
            return True
    policy = own if own in ("Always", "OnFailure", "Never") else spec.get("restartPolicy")
    return code != 0 if policy == "OnFailure" else policy != "Never"


def _matches(rule: Obj, code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    inside = code in (codes.get("values") or ())
    return inside if codes.get("operator") == "In" else not inside if codes.get("operator") == "NotIn" else False


def _claims(statuses: Iterable[Obj], spec: Obj) -> Errors:
    errors: Errors = []
    known = {claim.get("name") for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for index, status in enumerate(statuses):
        at, name = f"status.resourceClaimStatuses[{index}]", status.get("name") or ""
        if name not in known:
            why = "must match the name of an entry in `spec.resourceClaims`"
            errors.append(invalid(f"{at}.name", name, why))
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        claim = status.get("resourceClaimName")
        if claim is not None:
            errors += [invalid(f"{at}.resourceClaimName", claim, text) for text in is_dns1123_subdomain(claim)]
    return errors


NO_RESOURCE = (
    "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
    "spec.containers.resources.requests"
)
NO_CONTAINER = "must match the name of an entry in spec.initContainers.name or spec.containers.name"


def _extended(status: Obj, spec: Obj) -> Errors:
    """The claim made for extended resources (KEP-5004)."""
    at = "status.extendedResourceClaimStatus"
    known = {c.get("name"): c for key in ("initContainers", "containers") for c in spec.get(key) or ()}
    mappings = status.get("requestMappings") or ()
    errors: Errors = []
    if not mappings:
        errors.append(required(f"{at}.requestMappings", "at least one request mapping is required"))
    seen: set[tuple[str, ...]] = set()
    for index, mapping in enumerate(mappings):
        errors += _mapping(mapping, f"{at}.requestMappings[{index}]", known, seen)
    name = status.get("resourceClaimName")
    if not name:
        return [*errors, required(f"{at}.resourceClaimName")]
    return errors + [invalid(f"{at}.resourceClaimName", name, text) for text in is_dns1123_subdomain(name)]


def _mapping(mapping: Obj, at: str, known: Mapping[Any, Obj], seen: set[tuple[str, ...]]) -> Errors:
    fields = ("containerName", "resourceName", "requestName")
    values = tuple(mapping.get(field) or "" for field in fields)
    container = known.get(values[0])
    errors: Errors = []
    if container is None:
        errors.append(invalid(f"{at}.containerName", values[0], NO_CONTAINER))
    elif values[1] not in ((container.get("resources") or {}).get("requests") or {}):
        errors.append(invalid(f"{at}.resourceName", values[1], NO_RESOURCE))
    above = at.partition(".requestMappings")[0]
    errors += [invalid(f"{above}.requestName", values[2], text) for text in is_dns1123_label(values[2])]
    if values in seen:
        errors += [duplicate(f"{at}.{field}", value) for field, value in zip(fields, values, strict=True)]
    seen.add(values)
    return errors


def _pod_ips(new: Obj, old: Obj) -> Errors:
    return _ips(new.get("podIPs") or [], old.get("podIPs") or (), "status.podIPs", "PodIP")


def _host_ips(new: Obj, old: Obj) -> Errors:
    addresses = new.get("hostIPs") or []
    if not addresses:
        return []
    errors: Errors = []
    first = addresses[0].get("ip") or ""
    if first != (new.get("hostIP") or ""):
        errors.append(invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`"))
    return errors + _ips(addresses, old.get("hostIPs") or (), "status.hostIPs", "HostIP")


def _ips(new: Sequence[Obj], old: Iterable[Obj], at: str, type_: str) -> Errors:
    texts = [one.get("ip") or "" for one in new]
    known = {one.get("ip") or "" for one in old}
    errors = [error for index, text in enumerate(texts) for error in check_ip(text, f"{at}[{index}]", known)]
    if len(texts) < 2:
        return errors
    families: set[int] = set()
    for index, text in enumerate(texts):
        address = parse_sloppy(text)
        if address is None:
            why = f"failed to check for dual stack with error:invalid IP[{index}]: {text}"
            errors.append(FieldError("InternalError", at, f"Internal error: {why}"))
            families.clear()
            break
        mapped = getattr(address, "ipv4_mapped", None)
        families.add(4 if mapped is not None else address.version)
    if len(families) < 2 or len(texts) > 2:
        errors.append(invalid(at, shown_internal(list(new), type_), TWO_FAMILIES))
    return errors


def warn_pod_status(new: Obj, old: Obj) -> list[str]:
    """Addresses that should be written otherwise."""
    status = new.get("status") or {}
    return [
        text
        for key in ("podIPs", "hostIPs")
        for index, one in enumerate(status.get(key) or ())
        for text in warn_ip(one.get("ip") or "", f"status.{key}[{index}].ip")
    ]
