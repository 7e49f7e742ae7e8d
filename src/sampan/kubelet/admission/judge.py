"""The verdict on a pod that was bound to this node: it may run, others have to make room for it, or it is refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.api.json import Obj
from sampan.kubelet.admission.fit import AFFINITY_REASON, TAINT_REASON, Failed, Held, Problem, Short, problems
from sampan.kubelet.admission.preemption import NoVictims, victims
from sampan.kubelet.admission.sysctls import Allowed, forbidden
from sampan.kubelet.podspec import is_critical, spec

OS_LABEL = "kubernetes.io/os"
Refusal = tuple[str, str]
"""Reason and message."""
Refuse = Callable[[Obj], Refusal | None]
"""A further rule: of nodes under pressure, or of nodes that shut down."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """At most one of the two says something."""

    refusal: Refusal | None = None
    preempt: Sequence[Held] = ()
    """Pods that have to end first."""
    lacking: str = ""
    """The resource that they end for."""
    stale: bool = False
    """The refusal is for what the Node said; a newer Node may say something else."""


@dataclass(frozen=True, slots=True)
class Judge:
    """The rules of one node, in upstream's order."""

    sysctls: Allowed
    system: str = "linux"
    before: Sequence[Refuse] = field(default_factory=tuple)
    after: Sequence[Refuse] = field(default_factory=tuple)

    def verdict(self, wanted: Held, others: Sequence[Held], node: Obj, allocatable: Mapping[str, Any]) -> Verdict:
        """Whether a pod may run beside the others."""
        for rule in self.before:
            if refused := rule(wanted.pod):
                return Verdict(refused)
        if why := forbidden(wanted.pod, self.sysctls):
            return Verdict(("SysctlForbidden", why))
        if refused := self._system(wanted.pod):
            return Verdict(refused)
        found = self._fits(wanted, others, problems(wanted, others, node, allocatable))
        if found.refusal is not None:
            return found
        for rule in self.after:
            if refused := rule(wanted.pod):
                return Verdict(refused)
        return found

    def _system(self, pod: Obj) -> Refusal | None:
        wanted = (pod["metadata"].get("labels") or {}).get(OS_LABEL)
        if wanted is not None and wanted != self.system:
            text = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
            return "PodOSSelectorNodeLabelDoesNotMatch", text
        name = (spec(pod).get("os") or {}).get("name")
        if name is not None and name != self.system:
            return "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
        return None

    @staticmethod
    def _fits(wanted: Held, others: Sequence[Held], found: Sequence[Problem]) -> Verdict:
        short = [one for one in found if isinstance(one, Short)]
        if is_critical(wanted.pod):
            found = [one for one in found if isinstance(one, Failed)]
            if short and not found:
                try:
                    return Verdict(preempt=victims(wanted.pod, others, short), lacking=short[0].name)
                except NoVictims as error:
                    text = f"preemption: error finding a set of pods to preempt: {error}"
                    text = f"Unexpected error while attempting to recover from admission failure: {text}"
                    return Verdict(("UnexpectedAdmissionError", text))
        if not found:
            return Verdict()
        stale = all(isinstance(one, Failed) and one.why in (AFFINITY_REASON, TAINT_REASON) for one in found)
        return Verdict((found[0].reason, found[0].message), stale=stale)
