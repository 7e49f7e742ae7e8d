"""What is wrong with the resource claims of a pod (core validation: validatePodResourceClaims; KEP-4381)."""

from collections.abc import Iterable

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, duplicate, forbidden, invalid, required
from sampan.resources.validation.pods.shown import shown_claim

REFS = ("resourceClaimName", "resourceClaimTemplateName")


def check_pod_claims(claims: Iterable[Obj], at: str, *, mirror: bool) -> Errors:
    """spec.resourceClaims; the mirror of a static pod cannot have any."""
    errors: Errors = []
    names: set[str] = set()
    for index, claim in enumerate(claims):
        if mirror:
            errors.append(forbidden("[]", "static pods do not support resource claims"))
        else:
            errors += _claim(claim, f"{at}[{index}]", names)
    return errors


def _claim(claim: Obj, at: str, names: set[str]) -> Errors:
    name = claim.get("name") or ""
    errors: Errors = []
    if not name:
        errors.append(required(f"{at}.name"))
    elif name in names:
        errors.append(duplicate(f"{at}.name", name))
    else:
        errors += [invalid(f"{at}.name", name, problem) for problem in is_dns1123_label(name)]
        names.add(name)
    given = [ref for ref in REFS if claim.get(ref) is not None]
    if len(given) > 1:
        why = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
        errors.append(invalid(at, shown_claim(claim), why))
    if not given:
        why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
        errors.append(invalid(at, shown_claim(claim), why))
    for ref in given:
        errors += [invalid(f"{at}.{ref}", claim[ref], problem) for problem in is_dns1123_subdomain(claim[ref])]
    return errors
