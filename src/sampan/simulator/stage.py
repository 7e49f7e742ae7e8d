"""Stages: what a simulated pod or node passes through, and which objects a stage is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sampan.api.json import Obj
from sampan.simulator.paths import Path
from sampan.simulator.template import Template

Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of `selector.matchExpressions`."""

    path: Path
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, obj: Obj) -> bool:
        """As KWOK: In and NotIn compare texts, booleans and whole numbers; null counts as absent."""
        found = self.path(obj)
        match self.operator:
            case "Exists":
                return any(value is not None for value in found)
            case "DoesNotExist":
                return all(value is None for value in found)
            case "In":
                return any(_text(value) in self.values for value in found)
            case "NotIn":
                return all(_text(value) not in self.values for value in found)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Selector:
    """Which objects; all parts must hold, an empty one is for every object."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    expressions: tuple[Requirement, ...] = ()

    def matches(self, obj: Obj) -> bool:
        """Whether the object is one of them."""
        meta = obj["metadata"]
        if self.labels and not _within(self.labels, meta.get("labels")):
            return False
        if self.annotations and not _within(self.annotations, meta.get("annotations")):
            return False
        return all(requirement.matches(obj) for requirement in self.expressions)


def _within(wanted: Mapping[str, str], have: Mapping[str, str] | None) -> bool:
    return have is not None and all(have.get(key) == value for key, value in wanted.items())


@dataclass(frozen=True, slots=True)
class Amount:
    """Seconds, or what a path finds in the object, if it does: a Go duration, or a time that is waited for."""

    seconds: float | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Containers:
    """`next.pod`: what becomes of a pod's containers, and with them of its status."""

    state: Literal["Running", "Succeeded", "Failed", "CrashLoopBackOff"]
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    container: str = ""
    """Only this one; empty: all."""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """`next.node`: what becomes of a node."""

    ready: bool | None = None
    reason: str = ""
    message: str = ""
    silent: bool | None = None
    """It renews its lease and reports no more, and nothing happens to its pods."""


@dataclass(frozen=True, slots=True)
class StageEvent:
    """`next.event`; the message may be a template."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: Template


@dataclass(frozen=True, slots=True)
class Finalizers:
    """`next.finalizers`."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What a stage does; event, finalizers, then the end or the new status."""

    event: StageEvent | None = None
    finalizers: Finalizers | None = None
    delete: bool = False
    pod: Containers | None = None
    node: NodeChange | None = None
    status: Obj | None = None
    """Merged into the status, as a strategic merge patch."""
    template: Template | None = None
    """The same as YAML, made for each object."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a kind of object."""

    name: str
    kind: Literal["Pod", "Node"]
    selector: Selector
    next: Next
    weight: int = 0
    weight_from: Path | None = None
    delay: Amount = Amount()
    jitter: Amount | None = None
