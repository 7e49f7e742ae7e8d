"""Ends the pods of a node that is about to be switched off, group by group."""

import logging
from collections.abc import Callable, Sequence

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.admission.judge import Refusal
from sampan.kubelet.shutdown_plan import MESSAGE, REASON, REFUSED, Grace, groups
from sampan.kubelet.status import Waiting

log = logging.getLogger("sampan.kubelet")
LOOK = 0.25
Evict = Callable[[str, Waiting, str, int | None], bool]


class Shutdown:
    """Whoever learns that the machine goes down (logind's PrepareForShutdown) calls `begin`, or `cancel`.

    The end of this process is no such sign: containers go on then.
    """

    def __init__(
        self, graces: Sequence[Grace], pods: Callable[[], Sequence[Obj]], evict: Evict, ended: Callable[[str], bool],
        tell: Callable[[str], None], clock: Clock,
    ) -> None:  # fmt: skip
        self._graces, self._pods, self._evict, self._ended = graces, pods, evict, ended
        self._tell, self._clock = tell, clock
        self.under_way = False

    def refuse(self, pod: Obj) -> Refusal | None:
        """No pod may come any more."""
        return REFUSED if self.under_way else None

    @property
    def wrong(self) -> str:
        """Why the node is not ready."""
        return "node is shutting down" if self.under_way else ""

    def cancel(self) -> None:
        """The machine stays: pods may come again."""
        self._tell("Shutdown manager detected shutdown cancellation")
        self.under_way = False

    async def begin(self) -> None:
        """End all pods; returns when they have ended or their time is over."""
        self._tell("Shutdown manager detected shutdown event")
        self.under_way = True
        for group in groups(self._graces, self._pods()):
            uids = [pod["metadata"]["uid"] for pod, _ in group.pods]
            for pod, seconds in group.pods:
                self._evict(pod["metadata"]["uid"], Waiting(REASON, MESSAGE), MESSAGE, seconds)
            until = self._clock.monotonic() + group.seconds
            while not all(self._ended(uid) for uid in uids):
                if self._clock.monotonic() >= until:
                    log.warning("pods did not end within %s s of the node's shutdown", group.seconds)
                    break
                await self._clock.sleep(LOOK)
