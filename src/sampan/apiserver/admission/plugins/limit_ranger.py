"""LimitRanger: containers get the namespace's default resources, and nothing goes beyond its limits."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from sampan.api import quantity
from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.plugins.pod_totals import totals
from sampan.apiserver.admission.review import Review

Amounts = Mapping[str, str]
NOTE = "kubernetes.io/limit-ranger"


class LimitRanger(Base):
    """Upstream's plugin of the same name."""

    name = "LimitRanger"
    kinds = frozenset({("", "pods"), ("", "persistentvolumeclaims")})

    def handles(self, review: Review) -> bool:
        if review.old is not None and review.old["metadata"].get("deletionTimestamp"):
            return False
        if is_kind(review, "", "persistentvolumeclaims"):
            return review.operation in ("CREATE", "UPDATE")
        if is_kind(review, "", "pods", "resize"):
            return review.operation == "UPDATE"
        return is_kind(review, "", "pods") and review.operation == "CREATE"

    def needs(self, review: Review) -> tuple[Need, ...]:
        return (Need("", "limitranges", review.namespace),)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        obj = review.obj or {}
        if review.resource.mapping.plural != "pods":
            return obj
        for limits in facts.all(Need("", "limitranges", review.namespace)):
            obj = with_defaults(obj, limits)
        return obj

    def validate(self, review: Review, facts: Facts) -> None:
        check = pod_problems if review.resource.mapping.plural == "pods" else claim_problems
        for limits in facts.all(Need("", "limitranges", review.namespace)):
            problems = list(dict.fromkeys(check(limits, review.obj or {})))
            if problems:
                text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
                raise refuse(review, text)


def _items(limits: Obj, kind: str) -> Iterator[Obj]:
    return (item for item in (limits.get("spec") or {}).get("limits") or () if item.get("type") == kind)


# ---- defaults


def with_defaults(pod: Obj, limits: Obj) -> Obj:
    """The pod with a range's default requests and limits, and a note of what was set."""
    requests: dict[str, str] = {}
    most: dict[str, str] = {}
    for item in _items(limits, "Container"):
        requests |= item.get("defaultRequest") or {}
        most |= item.get("default") or {}
    spec, notes = dict(pod.get("spec") or {}), []
    for key, shown in (("containers", "container"), ("initContainers", "init container")):
        made = []
        for container in spec.get(key) or ():
            changed, said = _filled(container, requests, most, shown)
            made.append(changed)
            notes += said
        if made:
            spec[key] = made
    if not notes:
        return pod
    meta = pod["metadata"]
    note = {NOTE: f"LimitRanger plugin set: {'; '.join(notes)}"}
    return {**pod, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), **note}}, "spec": spec}


def _filled(container: Obj, requests: Amounts, limits: Amounts, shown: str) -> tuple[Obj, list[str]]:
    resources = dict(container.get("resources") or {})
    notes = []
    for key, defaults in (("requests", requests), ("limits", limits)):
        have = resources.get(key) or {}
        added = sorted(name for name in defaults if name not in have)
        if added:
            resources[key] = {**have, **{name: defaults[name] for name in added}}
            notes.append(f"{', '.join(added)} {key[:-1]} for {shown} {container.get('name', '')}")
    return ({**container, "resources": resources} if notes else container), notes


# ---- limits


def pod_problems(limits: Obj, pod: Obj) -> Iterator[str]:
    """Everything about a pod that a range does not allow."""
    spec = pod.get("spec") or {}
    for item in (limits.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
                resources = container.get("resources") or {}
                yield from _problems(item, resources.get("requests") or {}, resources.get("limits") or {})
        elif item.get("type") == "Pod":
            yield from _problems(item, totals(spec, "requests"), totals(spec, "limits"))


def claim_problems(limits: Obj, claim: Obj) -> Iterator[str]:
    """Everything about a claim that a range does not allow; only its requests count."""
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    for item in _items(limits, "PersistentVolumeClaim"):
        for name, bound in sorted((item.get("min") or {}).items()):
            yield from _least("PersistentVolumeClaim", name, bound, requests, {})
        for name, bound in sorted((item.get("max") or {}).items()):
            yield from _most_requested("PersistentVolumeClaim", name, bound, requests)


Check = Callable[[str, str, str, Amounts, Amounts], Iterator[str]]


def _problems(item: Obj, requests: Amounts, limits: Amounts) -> Iterator[str]:
    checks: tuple[tuple[str, Check], ...] = (("min", _least), ("max", _most), ("maxLimitRequestRatio", _ratio))
    for key, check in checks:
        for name, bound in sorted((item.get(key) or {}).items()):
            yield from check(item["type"], name, bound, requests, limits)


def _over(a: str, b: str) -> bool:
    return quantity.compare(a, b) > 0


def _least(kind: str, name: str, bound: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    text = f"minimum {name} usage per {kind} is {bound}"
    if name not in requests:
        yield f"{text}.  No request is specified"
    elif _over(bound, requests[name]):
        yield f"{text}, but request is {requests[name]}"
    elif name in limits and _over(bound, limits[name]):
        yield f"{text}, but limit is {limits[name]}"


def _most_requested(kind: str, name: str, bound: str, requests: Amounts) -> Iterator[str]:
    text = f"maximum {name} usage per {kind} is {bound}"
    if name not in requests:
        yield f"{text}.  No request is specified"
    elif _over(requests[name], bound):
        yield f"{text}, but request is {requests[name]}"


def _most(kind: str, name: str, bound: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    text = f"maximum {name} usage per {kind} is {bound}"
    if name not in limits:
        yield f"{text}.  No limit is specified"
    elif _over(limits[name], bound):
        yield f"{text}, but limit is {limits[name]}"
    elif name in requests and _over(requests[name], bound):
        yield f"{text}, but request is {requests[name]}"


def _ratio(kind: str, name: str, bound: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    text = f"{name} max limit to request ratio per {kind} is {bound}"
    request, limit = (quantity.number(amounts.get(name, "0")) for amounts in (requests, limits))
    if not request:
        yield f"{text}, but no request is specified or request is 0"
    elif not limit:
        yield f"{text}, but no limit is specified or limit is 0"
    elif limit / request > quantity.number(bound):
        yield f"{text}, but provided ratio is {Decimal(limit / request):.6f}"
