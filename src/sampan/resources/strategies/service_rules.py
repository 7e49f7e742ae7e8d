"""What is wrong with a Service (core validation: ValidateService)."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    spec_of,
)

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS = ("SCTP", "TCP", "UDP")
RANGE = "must be between 1 and 65535, inclusive"


def check_service(obj: Obj) -> Errors:
    """Type and ports."""
    spec = spec_of(obj)
    errors: Errors = []
    kind, ports = spec.get("type"), spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    errors += _ports(ports, str(kind))
    if kind not in TYPES:
        errors.append(not_supported("spec.type", kind, TYPES))
    if kind == "ExternalName" and not spec.get("externalName"):
        errors.append(required("spec.externalName"))
    if spec.get("sessionAffinity") not in ("ClientIP", "None"):
        errors.append(not_supported("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None")))
    families: Sequence[str] = spec.get("ipFamilies") or ()
    for index, family in enumerate(families):
        if family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    return errors


def _ports(ports: Sequence[Obj], kind: str) -> Errors:
    errors: Errors = []
    names: set[str] = set()
    taken: set[tuple[object, object]] = set()
    for index, port in enumerate(ports):
        at, name = f"spec.ports[{index}]", port.get("name") or ""
        if not name and len(ports) > 1:
            errors.append(required(f"{at}.name"))
        elif name:
            errors += [invalid(f"{at}.name", name, problem) for problem in is_dns1123_label(name)]
            if name in names:
                errors.append(duplicate(f"{at}.name", name))
            names.add(name)
        number = port.get("port") or 0
        if not 1 <= number <= 65535:
            errors.append(invalid(f"{at}.port", number, RANGE))
        if port.get("protocol") not in PROTOCOLS:
            errors.append(not_supported(f"{at}.protocol", port.get("protocol"), PROTOCOLS))
        target = port.get("targetPort")
        if isinstance(target, int) and not 1 <= target <= 65535:
            errors.append(invalid(f"{at}.targetPort", target, RANGE))
        if port.get("nodePort") and kind == "ClusterIP":
            errors.append(forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'"))
        key = (port.get("protocol"), number)
        if key in taken and 1 <= number <= 65535:
            shown = {
                "Name": "",
                "Protocol": port.get("protocol"),
                "AppProtocol": port.get("appProtocol"),
                "Port": number,
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(duplicate(at, shown))
        taken.add(key)
    return errors


def check_service_update(new: Obj, old: Obj) -> Errors:
    """An allocated cluster IP stays, unless the Service becomes an ExternalName."""
    after, before = spec_of(new), spec_of(old)
    if before.get("clusterIP") and "ExternalName" not in (after.get("type"), before.get("type")):
        value = [after.get("clusterIP")] if after.get("clusterIP") else []
        if after.get("clusterIP") != before["clusterIP"]:
            return [invalid("spec.clusterIPs[0]", value, "may not change once set")]
    return []
