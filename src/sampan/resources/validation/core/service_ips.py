"""What is wrong with a Service's cluster IPs and families (core validation: ValidateServiceClusterIPsRelatedFields)."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, duplicate, invalid, not_supported, required
from sampan.resources.validation.ip import check_ip, is_version

FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
AT = "spec.clusterIPs"


def is_headless(spec: Obj) -> bool:
    """Whether it has no address of its own."""
    return spec.get("clusterIPs") == ["None"]


def check_cluster_ips(spec: Obj, before: Obj) -> Errors:
    """Addresses and families that fit one another; addresses of the old spec `before` may be as they are."""
    if spec.get("type") == "ExternalName":
        return []
    addresses: list[str] = spec.get("clusterIPs") or []
    errors = _first(spec.get("clusterIP") or "", addresses) + _families(spec)
    sound = True
    known = before.get("clusterIPs") or ()
    for index, address in enumerate(addresses):
        if index == 0 and address == "None":
            if len(addresses) > 1:
                sound = False
                errors.append(invalid(AT, addresses, "'None' must be the first and only value"))
            continue
        found = check_ip(address, f"{AT}[{index}]", known)
        sound = sound and not found
        errors += found
    if len(addresses) > 2:
        errors.append(invalid(AT, addresses, "may only hold up to 2 values"))
    if not sound:
        return errors
    if len(addresses) > 1 and len({is_version(address, 6) for address in addresses}) < 2:
        errors.append(invalid(AT, addresses, "may specify no more than one IP for each IP family"))
    return errors + _match(spec, addresses)


def _first(address: str, addresses: list[str]) -> Errors:
    if not address:
        why = "must be empty when `clusterIP` is not specified"
        return [invalid(AT, addresses, why)] if addresses else []
    if not addresses:
        return [required(AT)]
    return [] if addresses[0] == address else [invalid(AT, addresses, "first value must match `clusterIP`")]


def _families(spec: Obj) -> Errors:
    errors: Errors = []
    families: Sequence[str] = spec.get("ipFamilies") or ()
    for index, family in enumerate(families):
        if family not in FAMILIES:
            errors.append(not_supported(f"spec.ipFamilies[{index}]", family, FAMILIES))
        if family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in FAMILY_POLICIES:
        errors.append(not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES))
    return errors


def _match(spec: Obj, addresses: list[str]) -> Errors:
    if is_headless(spec):
        return []
    errors: Errors = []
    for index, (address, family) in enumerate(zip(addresses, spec.get("ipFamilies") or (), strict=False)):
        if family in FAMILIES and (family == "IPv6") != is_version(address, 6):
            why = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(invalid(f"{AT}[{index}]", address, why))
    return errors
