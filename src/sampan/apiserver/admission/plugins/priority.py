"""Priority: a pod's class becomes its priority and preemption policy; there is one default class, and two stay."""

from sampan.api.json import Obj
from sampan.api.meta import name_of
from sampan.apiserver.admission.plugin import Base, Facts, Need, is_kind, refuse
from sampan.apiserver.admission.review import Review

CLASSES = Need("scheduling.k8s.io", "priorityclasses")
LOWER = "PreemptLowerPriority"
GROUP = "scheduling.k8s.io"
SYSTEM = ("system-node-critical", "system-cluster-critical")


class Priority(Base):
    """Upstream's plugin of the same name."""

    name = "Priority"
    kinds = frozenset({("", "pods"), ("scheduling.k8s.io", "priorityclasses")})

    def handles(self, review: Review) -> bool:
        if is_kind(review, GROUP, "priorityclasses"):
            return True
        return review.operation in ("CREATE", "UPDATE") and is_kind(review, "", "pods")

    def needs(self, review: Review) -> tuple[Need, ...]:
        kept = review.operation == "UPDATE" and review.resource.mapping.plural == "pods"
        return () if review.operation == "DELETE" or kept else (CLASSES,)

    def validate(self, review: Review, facts: Facts) -> None:
        if review.resource.mapping.plural != "priorityclasses":
            return
        if review.operation == "DELETE":
            if review.name in SYSTEM:
                raise refuse(review, "this is a system priority class and cannot be deleted")
        elif (review.obj or {}).get("globalDefault"):
            default = _default(facts.all(CLASSES))
            if default is not None and (review.operation == "CREATE" or name_of(default) != review.name):
                why = f"PriorityClass {name_of(default)} is already marked as default. Only one default can exist"
                raise refuse(review, why)

    def mutate(self, review: Review, facts: Facts) -> Obj:
        pod = review.obj or {}
        if review.resource.mapping.plural != "pods":
            return pod
        if review.operation == "UPDATE":
            return _kept(pod, review.old or {})
        spec = pod.get("spec") or {}
        classes = facts.all(CLASSES)
        wanted = spec.get("priorityClassName")
        if wanted:
            found = next((c for c in classes if name_of(c) == wanted), None)
            if found is None:
                raise refuse(review, f"no PriorityClass with name {wanted} was found")
        else:
            found = _default(classes)
        value = int((found or {}).get("value") or 0)
        policy = (found or {}).get("preemptionPolicy") or LOWER
        if spec.get("priority") is not None and spec["priority"] != value:
            raise refuse(
                review,
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
                f"priority admission controller computed {value} from the given PriorityClass name",
            )
        if spec.get("preemptionPolicy") not in (None, policy):
            raise refuse(
                review,
                f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name",
            )
        made = {**spec, "priority": value, "preemptionPolicy": policy}
        if found is not None:
            made["priorityClassName"] = name_of(found)
        return {**pod, "spec": made}


def _kept(pod: Obj, old: Obj) -> Obj:
    """A changed pod; what it does not say of its priority stays as it was."""
    spec, before = pod.get("spec") or {}, old.get("spec") or {}
    made = {k: before[k] for k in ("priority", "preemptionPolicy") if spec.get(k) is None and before.get(k) is not None}
    return {**pod, "spec": {**spec, **made}} if made else pod


def _default(classes: list[Obj]) -> Obj | None:
    """The class of pods that name none; the lowest of several."""
    defaults = [c for c in classes if c.get("globalDefault")]
    return min(defaults, key=lambda c: int(c.get("value") or 0), default=None)
