"""Resizes of the pods of one node: grants them, has them done, says how they go."""

from collections.abc import Callable, Iterable, Sequence

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.times import format_time
from sampan.kubelet.admission.fit import Held
from sampan.kubelet.resize import (
    IN_PROGRESS,
    PENDING,
    Resize,
    Update,
    amounts,
    condition,
    event_text,
    in_progress,
    resizable,
    shortage,
    view,
    wanted,
)
from sampan.kubelet.runner import PodRunner
from sampan.kubelet.runtime import CriError, PodStatus


class Resizer:
    """`node` gives the Node object, for what it has to give."""

    def __init__(self, runner: PodRunner, clock: Clock, node: Callable[[], Obj]) -> None:
        self._runner, self._clock, self._node = runner, clock, node

    def take(self, resize: Resize, pod: Obj, others: Iterable[Held]) -> tuple[Obj, bool]:
        """The pod with the resources that it is granted; and whether it was granted others than before just now.

        What does not fit beside the other pods is deferred: the condition says why.
        """
        asked = wanted(pod)
        if all(resize.granted.get(name, own) == own for name, own in asked.items()):
            resize.pending = None
            return pod, False
        allocatable = (self._node().get("status") or {}).get("allocatable") or {}
        short = shortage(pod, others, allocatable)
        if short is None:
            resize.granted, resize.pending = asked, None
            resize.progress = self._condition(IN_PROGRESS, None, pod)
            self._runner.event(pod, "Normal", "ResizeStarted", event_text("Pod resize started", pod))
            return pod, True
        old, generation = resize.pending, pod["metadata"].get("generation")
        resize.pending = self._condition(PENDING, old, pod, "Deferred", short[1])
        if old is None or (old.get("reason"), old.get("observedGeneration")) != ("Deferred", generation):
            text = event_text("Pod resize Deferred", pod, short[1])
            self._runner.event(pod, "Warning", "ResizeDeferred", text)
        return view(pod, resize.granted), False

    def progress(self, resize: Resize, pod: Obj, runtime: PodStatus) -> None:
        """Say that a resize is under way, or that it is done."""
        if in_progress(pod, (c.name for c in runtime.running), resize.actual):
            if resize.progress is None:
                resize.progress = self._condition(IN_PROGRESS, None, pod)
        elif resize.progress is not None:
            resize.progress = None
            self._runner.event(pod, "Normal", "ResizeCompleted", event_text("Pod resize completed", pod))

    async def apply(self, resize: Resize, pod: Obj, todo: Sequence[Update]) -> bool:
        """Give running containers other limits; False when the runtime refused, and the condition says so."""
        try:
            await self._runner.resize(pod, todo, resize.actual)
        except CriError as error:
            old = resize.progress
            resize.progress = self._condition(IN_PROGRESS, old, pod, "Error", error.message)
            if old is None or (old.get("reason"), old.get("message")) != ("Error", error.message):
                text = event_text("Pod resize error", pod, error.message)
                self._runner.event(pod, "Warning", "ResizeError", text)
            return False
        return True

    @staticmethod
    def given(resize: Resize, pod: Obj, name: str) -> None:
        """A container has been started with what is granted now."""
        for container in resizable(pod):
            if container["name"] == name:
                resize.actual[name] = amounts(pod, container)

    def _condition(self, type_: str, old: Obj | None, pod: Obj, reason: str = "", message: str = "") -> Obj:
        generation = pod["metadata"].get("generation") or 0
        return condition(type_, old, reason, message, generation, format_time(self._clock.now()))
