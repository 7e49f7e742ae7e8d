"""What is wrong with the containers of a pod (core validation: validateContainers)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_qualified_name
from sampan.api.quantity import QuantityError, compare, parse
from sampan.resources.strategies.checks import Errors, duplicate, invalid, not_found, not_supported, required

PULL = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")


def check_container(container: Obj, at: str, volumes: set[str]) -> Errors:
    """One container; `volumes` are the names of the pod's."""
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
