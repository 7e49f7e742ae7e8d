"""What is wrong with a pod, or with the pod template of a workload (core validation: ValidatePodSpec and below)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_label_value, is_qualified_name
from sampan.api.quantity import QuantityError, compare, parse
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    spec_of,
)
from sampan.resources.strategies.host_process import check_host_process

RESTART = ("Always", "OnFailure", "Never")
DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PULL = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")
KEYS = ("initContainers", "containers")
MIRROR = "kubernetes.io/config.mirror"


def check_pod(pod: Obj) -> Errors:
    """A pod's spec."""
    spec = spec_of(pod)
    errors = check_pod_spec(spec, "spec", RESTART)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        errors.append(invalid("spec.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"))
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    if MIRROR in annotations and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"metadata.annotations[{MIRROR}]", annotations[MIRROR], why))
    return errors


def check_pod_template(template: Obj, at: str, restart: Sequence[str]) -> Errors:
    """A template's labels and spec."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    errors = check_labels(labels, f"{at}.labels")
    spec = template.get("spec") or {}
    errors += check_pod_spec(spec, f"{at}.spec", RESTART)
    policy, field = spec.get("restartPolicy"), f"{at}.spec.restartPolicy"
    if policy == "Always" and policy not in restart:  # a default that jobs cannot have counts as none
        errors.append(required(field, 'valid values: "OnFailure", "Never"'))
    elif policy and policy not in restart:
        errors.append(not_supported(field, policy, restart))
    if restart == ("Always",) and spec.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicaSet is not Supported"
        errors.append(forbidden(f"{at}.spec.activeDeadlineSeconds", why))
    return errors


def check_labels(labels: Mapping[str, str], at: str) -> Errors:
    """Label keys and values."""
    errors: Errors = []
    for key, value in labels.items():
        errors += [invalid(at, key, problem) for problem in is_qualified_name(key)]
        errors += [invalid(at, value, problem) for problem in is_label_value(value)]
    return errors


def check_pod_spec(spec: Obj, at: str, restart: Sequence[str]) -> Errors:
    """Volumes, containers and policies."""
    volumes, errors = _volumes(spec.get("volumes") or (), f"{at}.volumes")
    if not spec.get("containers"):
        errors.append(required(f"{at}.containers"))
    names: set[str] = set()
    for key in KEYS:
        for index, container in enumerate(spec.get(key) or ()):
            here = f"{at}.{key}[{index}]"
            errors += _container(container, here, volumes)
            name = container.get("name")
            if name and name in names:
                errors.append(duplicate(f"{here}.name", name))
            names.add(name)
    if spec.get("restartPolicy") and spec["restartPolicy"] not in RESTART:
        errors.append(not_supported(f"{at}.restartPolicy", spec["restartPolicy"], restart))
    if spec.get("dnsPolicy") and spec["dnsPolicy"] not in DNS:
        listing = ", ".join(f'"{choice}"' for choice in DNS)
        text = f'Unsupported value: "{spec["dnsPolicy"]}": supported values: {listing}'
        errors.append(not_supported(f"{at}.dnsPolicy", spec["dnsPolicy"], DNS)._replace(message=text))
    grace = spec.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace < 0:
        errors.append(invalid(f"{at}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"))
    return errors + check_host_process(spec, at)


def _volumes(volumes: Iterable[Obj], at: str) -> tuple[set[str], Errors]:
    names: set[str] = set()
    errors: Errors = []
    for index, volume in enumerate(volumes):
        here, name = f"{at}[{index}]", volume.get("name") or ""
        if not name:
            errors.append(required(f"{here}.name"))
        elif name in names:
            errors.append(duplicate(f"{here}.name", name))
        else:
            errors += [invalid(f"{here}.name", name, problem) for problem in is_dns1123_label(name)]
        if sum(value is not None for key, value in volume.items() if key != "name") > 1:
            kinds = [key for key, value in volume.items() if key != "name" and value is not None]
            errors += [forbidden(f"{here}.{kind}", "may not specify more than 1 volume type") for kind in kinds[1:]]
        names.add(name)
    return names, errors


def _container(container: Obj, at: str, volumes: set[str]) -> Errors:
    errors: Errors = []
    name = container.get("name") or ""
    if not name:
        errors.append(required(f"{at}.name"))
    else:
        errors += [invalid(f"{at}.name", name, problem) for problem in is_dns1123_label(name)]
    image = container.get("image") or ""
    if not image:
        errors.append(required(f"{at}.image"))
    elif image != image.strip():
        errors.append(invalid(f"{at}.image", image, "must not have leading or trailing whitespace"))
    policy = container.get("imagePullPolicy")
    if policy and policy not in PULL:
        errors.append(not_supported(f"{at}.imagePullPolicy", policy, PULL))
    errors += _ports(container.get("ports") or (), f"{at}.ports")
    errors += _environment(container.get("env") or (), f"{at}.env")
    errors += _mounts(container.get("volumeMounts") or (), f"{at}.volumeMounts", volumes)
    errors += _resources(container.get("resources") or {}, f"{at}.resources")
    return errors


def _ports(ports: Iterable[Obj], at: str) -> Errors:
    errors: Errors = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        here, name = f"{at}[{index}]", port.get("name")
        if name and name in names:
            errors.append(duplicate(f"{here}.name", name))
        names.add(name or "")
        number = port.get("containerPort")
        if not number:
            errors.append(required(f"{here}.containerPort"))
        elif not 1 <= number <= 65535:
            errors.append(invalid(f"{here}.containerPort", number, "must be between 1 and 65535, inclusive"))
        host = port.get("hostPort")
        if host and not 1 <= host <= 65535:
            errors.append(invalid(f"{here}.hostPort", host, "must be between 1 and 65535, inclusive"))
        if port.get("protocol") and port["protocol"] not in PROTOCOLS:
            errors.append(not_supported(f"{here}.protocol", port["protocol"], PROTOCOLS))
    return errors


def _environment(env: Iterable[Obj], at: str) -> Errors:
    errors: Errors = []
    for index, item in enumerate(env):
        here = f"{at}[{index}]"
        if not item.get("name"):
            errors.append(required(f"{here}.name"))
        if item.get("value") and item.get("valueFrom"):
            why = "may not be specified when `value` is not empty"
            errors.append(invalid(f"{here}.valueFrom", "", why))
    return errors


def _mounts(mounts: Iterable[Obj], at: str, volumes: set[str]) -> Errors:
    errors: Errors = []
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        here, name, path = f"{at}[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(f"{here}.name"))
        if not path:
            errors.append(required(f"{here}.mountPath"))
        if name not in volumes:
            errors.append(not_found(f"{here}.name", name))
        if path in paths:
            errors.append(invalid(f"{here}.mountPath", path, "must be unique"))
        paths.add(path)
        sub = mount.get("subPath") or ""
        if sub.startswith("/"):
            errors.append(invalid(f"{here}.subPath", sub, "must be a relative path"))
        elif ".." in sub.split("/"):
            errors.append(invalid(f"{here}.subPath", sub, "must not contain '..'"))
    return errors


def _resources(resources: Obj, at: str) -> Errors:
    errors: Errors = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for part, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            here = f"{at}.{part}[{name}]"
            errors += [invalid(f"{at}.{part}", name, problem) for problem in is_qualified_name(name)]
            try:
                if parse(str(amount))[0] < 0:
                    errors.append(invalid(here, amount, "must be greater than or equal to 0"))
            except QuantityError as error:
                errors.append(invalid(here, amount, str(error)))
    if errors:
        return errors
    for name, amount in requests.items():
        if name in limits and compare(amount, limits[name]) > 0:
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            errors.append(invalid(f"{at}.requests", amount, why))
    return errors


FREE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_pod_update(new: Obj, old: Obj) -> Errors:
    """Of a pod's spec only images, the deadline (lower), more tolerations and removed gates may change."""
    after, before = spec_of(new), spec_of(old)
    if after == before:
        return []
    errors = _deadline(after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    if _fixed(after) != _fixed(before):
        errors.append(forbidden("spec", MAY_CHANGE))
    kept = after.get("tolerations") or []
    if any(toleration not in kept for toleration in before.get("tolerations") or ()):
        errors.append(
            forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        )
    gates = {gate.get("name") for gate in before.get("schedulingGates") or ()}
    for index, gate in enumerate(after.get("schedulingGates") or ()):
        if gate.get("name") not in gates:
            why = "only deletion is allowed, but found new scheduling gate"
            errors.append(forbidden(f"spec.schedulingGates[{index}]", f"{why} '{gate.get('name')}'"))
    return errors


def _fixed(spec: Obj) -> Obj:
    """What may not change."""
    kept: dict[str, Any] = {k: v for k, v in spec.items() if k not in FREE and k not in KEYS}
    for key in KEYS:
        kept[key] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(key) or ()]
    return kept


def _deadline(new: int | None, old: int | None) -> Errors:
    at = "spec.activeDeadlineSeconds"
    if new == old:
        return []
    if new is None:
        return [invalid(at, None, "must not update from a positive integer to nil value")]
    if not 0 <= new <= 2**31 - 1:
        return [invalid(at, new, "must be between 0 and 2147483647, inclusive")]
    if old is not None and new > old:
        return [invalid(at, new, "must be less than or equal to previous value")]
    return []
