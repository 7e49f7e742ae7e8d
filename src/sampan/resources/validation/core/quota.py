"""What is wrong with a ResourceQuota (core validation: ValidateResourceQuota)."""

from collections.abc import Iterable, Mapping

from sampan.api.json import Obj
from sampan.api.quantity import canonical, compare
from sampan.resources.strategies.checks import IMMUTABLE, Errors, Shown, invalid, marshalled, required, spec_of
from sampan.resources.validation.go_struct import Each, Table, shown_struct
from sampan.resources.validation.quantities import check_amount, check_quota_resource_name, is_quota_name

COMPUTE = frozenset(("pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"))
FITS = {
    "Terminating": COMPUTE, "NotTerminating": COMPUTE, "NotBestEffort": COMPUTE, "PriorityClass": COMPUTE,
    "CrossNamespacePodAffinity": COMPUTE, "BestEffort": frozenset(("pods",)),
    "VolumeAttributesClass": frozenset(("persistentvolumeclaims", "requests.storage")),
}  # fmt: skip
"""Scopes, and the resources each can apply to."""
ONLY_EXIST = frozenset(("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"))
MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
PAIRS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
SELECTOR: Table = (
    ("MatchExpressions", "matchExpressions", Each((
        ("ScopeName", "scopeName", ""), ("Operator", "operator", ""), ("Values", "values", None),
    ))),
)  # fmt: skip
WARNED = ("cpu", "memory", "storage", "ephemeral-storage")


def check_quota(obj: Obj) -> Errors:
    """Amounts, scopes and the selector."""
    spec = spec_of(obj)
    hard = spec.get("hard") or {}
    return _amounts(hard, "spec.hard") + _scopes(spec, hard) + _selector(spec, hard)


def check_quota_update(new: Obj, old: Obj) -> Errors:
    """Scopes stay."""
    after, before = spec_of(new).get("scopes") or [], spec_of(old).get("scopes") or []
    if set(after) == set(before):
        return []
    return [invalid("spec.scopes", spec_of(new).get("scopes"), IMMUTABLE)]


def check_quota_status(new: Obj, old: Obj) -> Errors:
    """Amounts."""
    status = new.get("status") or {}
    return _amounts(status.get("hard") or {}, "status.hard") + _amounts(status.get("used") or {}, "status.used")


def _amounts(amounts: Mapping[str, str], at: str) -> Errors:
    errors: Errors = []
    for name, amount in amounts.items():
        here = f"{at}[{name}]"
        errors += check_quota_resource_name(name, here) + check_amount(name, amount, here)
    return errors


def _misfits(scope: str, hard: Iterable[str]) -> int:
    """How many of the resources the scope cannot apply to."""
    return sum(is_quota_name(name) and name not in FITS[scope] for name in hard) if scope in FITS else 0


def _scopes(spec: Obj, hard: Mapping[str, str]) -> Errors:
    scopes = spec.get("scopes") or []
    errors: Errors = []
    for scope in scopes:
        if scope not in FITS:
            errors.append(invalid("spec.scopes", scopes, "unsupported scope"))
        why = "unsupported scope applied to resource"
        errors += [invalid("spec.scopes", scopes, why)] * _misfits(scope, hard)
    return errors + _conflicts(set(scopes), scopes, "spec.scopes")


def _conflicts(present: set[str], scopes: list[str] | None, at: str) -> Errors:
    return [invalid(at, scopes, "conflicting scopes") for pair in PAIRS if present.issuperset(pair)]


def _selector(spec: Obj, hard: Mapping[str, str]) -> Errors:
    selector, at = spec.get("scopeSelector"), "spec.scopeSelector.matchExpressions"
    if selector is None:
        return []
    errors: Errors = []
    seen: set[str] = set()
    for requirement in selector.get("matchExpressions") or ():
        scope = requirement.get("scopeName") or ""
        if scope not in FITS:
            errors.append(invalid(f"{at}.scopeName", Shown(marshalled(scope)), "unsupported scope"))
        why = "unsupported scope applied to resource"
        errors += [invalid(at, shown_struct(selector, SELECTOR), why)] * _misfits(scope, hard)
        errors += _operator(requirement, scope, at)
        seen.add(scope)
    return errors + _conflicts(seen, spec.get("scopes"), at)


def _operator(requirement: Obj, scope: str, at: str) -> Errors:
    operator, values = requirement.get("operator") or "", requirement.get("values") or ()
    shown = Shown(marshalled(operator))
    errors: Errors = []
    if scope in ONLY_EXIST and operator != "Exists":
        errors.append(invalid(f"{at}.operator", shown, MUST_EXIST))
    if operator in ("In", "NotIn"):
        if not values:
            why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            errors.append(required(f"{at}.values", why))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            errors.append(invalid(f"{at}.values", values, why))
    else:
        errors.append(invalid(f"{at}.operator", shown, "not a valid selector operator"))
    return errors


def warn_quota(obj: Obj) -> list[str]:
    """Requests that are larger than limits."""
    hard, found = spec_of(obj).get("hard") or {}, []
    for name in WARNED:
        request, limit = f"requests.{name}", f"limits.{name}"
        if request not in hard and name in ("cpu", "memory"):
            request = name
        if request in hard and limit in hard and compare(hard[request], hard[limit]) > 0:
            found.append(
                f"ResourceQuota {request} ({canonical(hard[request])}) should be less than "
                f"{limit} ({canonical(hard[limit])})"
            )
    return found
