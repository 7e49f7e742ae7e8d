"""What is wrong with requests and limits (core validation: ValidateContainerResourceRequirements)."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_qualified_name
from sampan.api.quantity import QuantityError, canonical, compare, milli_value, number, value
from sampan.resources.strategies.checks import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    named,
    not_found,
    not_supported,
    required,
)
from sampan.resources.validation.pods.options import Seen

HUGE, REQUESTS = "hugepages-", "requests."
STANDARD = frozenset(
    (
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "resourcequotas", "services",
        "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims", "storage", "requests.storage",
        "services.nodeports", "services.loadbalancers",
    )
)  # fmt: skip
WHOLE = frozenset(
    (
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps",
        "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    )
)  # fmt: skip
OF_CONTAINERS = frozenset(("cpu", "memory", "ephemeral-storage"))
COMPUTE = frozenset(("cpu", "memory"))
OF_PODS = ("cpu", HUGE, "memory")


class Name(NamedTuple):
    """What a resource's name tells."""

    problems: tuple[str, ...]
    """What is wrong with it anywhere."""
    container_problems: tuple[str, ...]
    """What is wrong with it in a container."""
    whole: bool
    """Counted in whole numbers."""
    huge: bool
    elastic: bool
    """Requests may be less than limits."""


@lru_cache(maxsize=1024)
def resource_name(name: str) -> Name:
    """A name and what follows from it."""
    huge, native = name.startswith(HUGE), "/" not in name or "kubernetes.io/" in name
    extended = not native and not name.startswith(REQUESTS) and not is_qualified_name(REQUESTS + name)
    problems = is_qualified_name(name)
    standard = name in STANDARD or huge or name.startswith(REQUESTS + HUGE)
    if not problems and "/" not in name and not standard:
        problems.append("must be a standard resource type or fully qualified")
    of_container = list(problems)
    if "/" not in name:
        if name not in OF_CONTAINERS and not huge:
            of_container.append("must be a standard resource for containers")
    elif not native and not extended:
        of_container.append("doesn't follow extended resource name standard")
    return Name(tuple(problems), tuple(of_container), name in WHOLE or extended, huge, native and not huge)


def check_quantity(name: str, amount: str, at: str) -> Errors:
    """An amount of a resource: not negative, whole for what is counted."""
    errors: Errors = []
    if number(amount) < 0:
        errors.append(invalid(at, canonical(amount), "must be greater than or equal to 0"))
    if resource_name(name).whole and milli_value(amount) % 1000:
        errors.append(invalid(at, canonical(amount), "must be an integer"))
    return errors


@lru_cache(maxsize=1024)
def divides(name: str, amount: str) -> bool:
    """Whether an amount of huge pages is a number of whole pages."""
    try:
        size = name.removeprefix(HUGE)
        return number(size) > 0 and milli_value(size) % 1000 == 0 and value(amount) % value(size) == 0
    except QuantityError:
        return False


def check_resources(holder: Obj | None, at: str, seen: Seen, *, of_pod: bool = False) -> Errors:
    """ResourceRequirements of a container, or those of the pod itself."""
    if not holder:
        return []
    limits, requests = holder.get("limits") or {}, holder.get("requests") or {}
    errors: Errors = []
    for name, amount in limits.items():
        if of_pod or not _sound(name, amount):
            errors += _entry(name, amount, f"{at}.limits[{name}]", of_pod)
            errors += _pages(name, amount, f"{at}.limits[{name}]", seen)
    for name, amount in requests.items():
        sound = not of_pod and _sound(name, amount)
        if not sound:
            errors += _entry(name, amount, f"{at}.requests[{name}]", of_pod)
        if not sound or name in limits:
            errors += _against_limit(name, amount, limits.get(name), at)
        if not sound:
            errors += _pages(name, amount, f"{at}.requests[{name}]", seen)
    lean = COMPUTE.isdisjoint(limits) and COMPUTE.isdisjoint(requests)
    if lean and any(name.startswith(HUGE) for name in (*limits, *requests)):
        errors.append(forbidden(at, "HugePages require cpu or memory"))
    claims = holder.get("claims")
    return errors + _claims(claims, f"{at}.claims", seen.claims) if claims else errors


def check_overhead(overhead: Mapping[str, str], at: str, seen: Seen) -> Errors:
    """The overhead of a pod, which is checked like limits."""
    return check_resources({"limits": overhead}, at, seen)


@lru_cache(maxsize=4096)
def _sound(name: str, amount: str) -> bool:
    """Whether nothing is wrong with an entry of a container's, and its request may be less than its limit."""
    known = resource_name(name)
    return known.elastic and not known.container_problems and not check_quantity(name, amount, "")


def _entry(name: str, amount: str, at: str, of_pod: bool) -> Errors:
    return _name(name, at, of_pod) + check_quantity(name, amount, at)


def _name(name: str, at: str, of_pod: bool) -> Errors:
    known = resource_name(name)
    if not of_pod:
        return [invalid(at, named(name), problem) for problem in known.container_problems]
    if known.problems:
        return [invalid(at, named(name), problem) for problem in known.problems]
    return [] if name in COMPUTE or known.huge else [not_supported(at, name, OF_PODS)]


def _pages(name: str, amount: str, at: str, seen: Seen) -> Errors:
    if not name.startswith(HUGE) or seen.options.indivisible_pages or divides(name, amount):
        return []
    text = canonical(amount)
    return [invalid(at, text, f"{text} is not positive integer multiple of {name}")]


def _against_limit(name: str, amount: str, limit: str | None, at: str) -> Errors:
    elastic = resource_name(name).elastic
    if limit is None:
        return [] if elastic else [required(f"{at}.limits", "Limit must be set for non overcommitable resources")]
    order = compare(amount, limit)
    if order and not elastic:
        why = f"must be equal to {name} limit of {canonical(limit)}"
    elif order > 0:
        why = f"must be less than or equal to {name} limit of {canonical(limit)}"
    else:
        return []
    return [invalid(f"{at}.requests", canonical(amount), why)]


def _claims(claims: Iterable[Obj], at: str, known: frozenset[str]) -> Errors:
    """Each of a container's claims is one of the pod's, and none is asked for twice."""
    errors: Errors = []
    taken: set[str] = set()
    for index, claim in enumerate(claims):
        here, name, request = f"{at}[{index}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            errors.append(required(here))
            continue
        if name in taken:
            errors.append(duplicate(here, name))
        else:
            key = f"{name}/{request}" if request else name
            if request:
                errors += [invalid(f"{here}.request", request, text) for text in is_dns1123_label(request)]
            if key in taken:
                errors.append(duplicate(here, key))
            elif not request:
                errors += [duplicate(here, name) for other in taken if other.startswith(f"{name}/")]
            taken.add(key)
        if name not in known:
            among = f": {', '.join(sorted(known))}" if known else " which is empty"
            missing = not_found(here, name)
            text = f"{missing.message}: must be one of the names in pod.spec.resourceClaims{among}"
            errors.append(missing._replace(message=text))
    return errors
