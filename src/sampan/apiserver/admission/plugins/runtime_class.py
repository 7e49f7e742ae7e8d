"""RuntimeClass: a pod takes the overhead and the scheduling of its runtime class."""

from typing import Any

from sampan.api import quantity
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.review import Review

DIFFERS = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
ALONE = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"


class RuntimeClass(Base):
    """Upstream's plugin of the same name."""

    name = "RuntimeClass"
    kinds = frozenset({("", "pods")})

    def handles(self, review: Review) -> bool:
        return review.operation == "CREATE" and is_kind(review, "", "pods")

    def needs(self, review: Review) -> tuple[Need, ...]:
        name = _class_name(review)
        return (Need("node.k8s.io", "runtimeclasses", "", name),) if name else ()

    def mutate(self, review: Review, facts: Facts) -> Obj:
        pod = review.obj or {}
        found = self._class(review, facts)
        if found is None:
            return pod
        spec = dict(pod.get("spec") or {})
        overhead = (found.get("overhead") or {}).get("podFixed")
        if found.get("overhead") is not None:
            if spec.get("overhead") and not _same(spec["overhead"], overhead or {}):
                raise refuse(review, DIFFERS)
            if overhead:
                spec["overhead"] = overhead
        scheduling = found.get("scheduling")
        if scheduling is not None:
            spec |= _scheduled(review, spec, scheduling)
        return {**pod, "spec": spec}

    def validate(self, review: Review, facts: Facts) -> None:
        found = self._class(review, facts)
        overhead = ((review.obj or {}).get("spec") or {}).get("overhead")
        if found is None or found.get("overhead") is None:
            if overhead is not None:
                raise refuse(review, ALONE)
        elif not _same(overhead or {}, found["overhead"].get("podFixed") or {}):
            raise refuse(review, DIFFERS)

    def _class(self, review: Review, facts: Facts) -> Obj | None:
        name = _class_name(review)
        if not name:
            if ((review.obj or {}).get("spec") or {}).get("runtimeClassName") is not None:
                raise StatusError(500, "", "resource name may not be empty")  # as the client says that upstream asks
            return None
        found = facts.one(Need("node.k8s.io", "runtimeclasses", "", name))
        if found is None:
            raise refuse(review, f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _class_name(review: Review) -> str:
    return str(((review.obj or {}).get("spec") or {}).get("runtimeClassName") or "")


def _same(a: Obj, b: Obj) -> bool:
    return a.keys() == b.keys() and all(quantity.compare(a[key], b[key]) == 0 for key in a)


def _scheduled(review: Review, spec: Obj, scheduling: Obj) -> Obj:
    made: dict[str, Any] = {}
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            where = f"runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}]"
            raise refuse(review, f"conflict: {where} = {selector[key]}")
        selector[key] = value
    if selector:
        made["nodeSelector"] = selector
    tolerations = merged_tolerations(spec.get("tolerations") or [], scheduling.get("tolerations") or [])
    if tolerations:
        made["tolerations"] = tolerations
    return made


def merged_tolerations(first: list[Obj], second: list[Obj]) -> list[Obj]:
    """Both lists; what another one already tolerates is left out."""
    everything = [*first, *second]
    kept: list[Obj] = []
    for index, one in enumerate(everything):
        later = [other for other in everything[index + 1 :] if other != one]
        if not any(_covers(other, one) for other in (*kept, *later)):
            kept.append(one)
    return kept


def _covers(wide: Obj, narrow: Obj) -> bool:
    """Whether a toleration tolerates all that another one does."""
    if wide == narrow:
        return True
    exists = wide.get("operator") == "Exists"
    if wide.get("key", "") != narrow.get("key", "") and (wide.get("key") or not exists):
        return False
    if wide.get("effect") and wide.get("effect") != narrow.get("effect"):
        return False
    if wide.get("effect") == "NoExecute" and wide.get("tolerationSeconds") is not None:
        limit = narrow.get("tolerationSeconds")
        if limit is None or limit > wide["tolerationSeconds"]:
            return False
    if (wide.get("operator") or "Equal") == "Equal":
        return narrow.get("operator") == "Equal" and wide.get("value", "") == narrow.get("value", "")
    return exists
