"""Which families of addresses a Service gets (upstream: pkg/registry/core/service/storage/alloc.go). Pure."""

from collections.abc import Mapping, Sequence

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.resources.strategies.checks import Shown, invalid, marshalled
from sampan.resources.validation.core.service_ips import check_cluster_ips
from sampan.resources.validation.ip import is_version

POLICY = "spec.ipFamilyPolicy"
OTHER: Mapping[str, str] = {"IPv4": "IPv6", "IPv6": "IPv4"}


def stays(spec: Obj, before: Obj | None) -> bool:
    """Whether an update touches nothing of this: a PreferDualStack Service follows no change of its cluster."""
    if before is None or spec.get("ipFamilyPolicy") is None or spec.get("type") != before.get("type"):
        return False
    if spec.get("type") not in ("ClusterIP", "NodePort", "LoadBalancer"):
        return False
    if any(one.get("ipFamilyPolicy") not in (None, "PreferDualStack") for one in (spec, before)):
        return False
    return all(_same(spec, before, key) for key in ("clusterIPs", "ipFamilies"))


def _same(spec: Obj, before: Obj, key: str) -> bool:
    return (spec.get(key) or []) == (before.get(key) or [])


def choose(spec: Obj, before: Obj | None, families: Sequence[str]) -> tuple[Obj, list[FieldError]]:
    """The spec with its families and their policy; `families` are the cluster's, the default one first."""
    if spec.get("type") == "ExternalName" or stays(spec, before):
        return spec, []
    spec = dict(spec)
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = _default_policy(spec, before)
    if errors := check_cluster_ips(spec, before or {}):
        return spec, errors
    errors = _release(spec, before) if before is not None else []
    errors += _too_many(spec) + _infer(spec, families)
    if errors:
        return spec, errors
    if _free(spec):
        spec["ipFamilies"] = list(spec.get("ipFamilies") or families[:1])
        if len(spec["ipFamilies"]) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
            spec["ipFamilies"].append(OTHER[spec["ipFamilies"][0]])
        return spec, []
    if spec["ipFamilyPolicy"] == "RequireDualStack" and len(families) < 2:
        errors.append(_refused(spec, "this cluster is not configured for dual-stack services"))
    for index, family in enumerate(spec.get("ipFamilies") or ()):
        if family not in families:
            at = f"spec.ipFamilies[{index}]"
            errors.append(invalid(at, Shown(marshalled(family)), "not configured on this cluster"))
    if errors:
        return spec, errors
    spec["ipFamilies"] = list(spec.get("ipFamilies") or families[:1])
    if spec["ipFamilyPolicy"] != "SingleStack" and len(spec["ipFamilies"]) == 1 and len(families) == 2:
        spec["ipFamilies"].append(OTHER[spec["ipFamilies"][0]])
    return spec, []


def _free(spec: Obj) -> bool:
    """A headless Service without a selector: whoever writes its endpoints knows its families."""
    return spec.get("clusterIP") == "None" and not spec.get("selector")


def _default_policy(spec: Obj, before: Obj | None) -> str:
    if before is not None and before.get("ipFamilyPolicy") is not None:
        return str(before["ipFamilyPolicy"])
    return "RequireDualStack" if _free(spec) else "SingleStack"


def _refused(spec: Obj, why: str) -> FieldError:
    return invalid(POLICY, Shown(marshalled(spec["ipFamilyPolicy"])), why)


def _release(spec: Obj, before: Obj) -> list[FieldError]:
    """The second address goes with the policy SingleStack, and only with it. Changes `spec`."""
    errors: list[FieldError] = []
    for key, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        given, had = spec.get(key) or [], before.get(key) or []
        if spec["ipFamilyPolicy"] == "SingleStack":
            if given == had and len(given) > 1:
                spec[key] = given[:1]
        elif given and len(given) < len(had):
            errors.append(_refused(spec, f"must be 'SingleStack' to release the secondary {what}"))
    return errors


def _too_many(spec: Obj) -> list[FieldError]:
    if spec["ipFamilyPolicy"] != "SingleStack":
        return []
    named = (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
    return [
        _refused(spec, f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified")
        for key, what in named
        if len(spec.get(key) or ()) == 2
    ]


def _infer(spec: Obj, families: Sequence[str]) -> list[FieldError]:
    """Families of the addresses that are given. Changes `spec`."""
    errors: list[FieldError] = []
    addresses = spec.get("clusterIPs") or []
    for index, address in enumerate(addresses):
        if address == "None":
            break
        family = "IPv6" if is_version(address, 6) else "IPv4"
        if index < len(spec.get("ipFamilies") or ()):
            continue
        if family not in families:
            errors.append(
                invalid(f"spec.clusterIPs[{index}]", addresses, f"{family} is not configured on this cluster")
            )
        else:
            spec["ipFamilies"] = [*(spec.get("ipFamilies") or ()), family]
    return errors
