"""The pod cache: what is known of every pod; the newest observation wins, always; readers wait for news.

Upstream stamps the whole cache forward every five seconds, so that nobody waits for ever for a lost event, and thereby
hands out stale states (FACTS 1.8, bug A). Here a reader who would have to wait asks for a look at its one pod
(`on_wait`): an idle node does nothing, and nobody ever acts on less than it asked for.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sampan.aio.clock import Clock
from sampan.kubelet.pleg.base import now_ns
from sampan.kubelet.pleg.diff import onward
from sampan.kubelet.runtime import PodStatus


@dataclass(slots=True)
class Entry:
    """One pod. `observed` says up to when the status is known to hold though nothing was written."""

    status: PodStatus
    error: Exception | None
    modified: int
    observed: int = 0


@dataclass(slots=True)
class _Waiters:
    """Who waits for one pod, each for something newer than its own stamp."""

    futures: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)

    def wake(self, stamp: int) -> None:
        still = []
        for after, future in self.futures:
            if stamp > after:
                if not future.done():
                    future.set_result(None)
            elif not future.done():
                still.append((after, future))
        self.futures = still


class PodCache:
    """Pod statuses by UID. All times are nanoseconds since the epoch; `clock` is only read by `now`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._deleted: dict[str, int] = {}
        self._global = 0
        self._waiting: dict[str, _Waiters] = {}
        self.on_wait: Callable[[str], None] | None = None
        """Told the UID of a pod that somebody waits for; a PLEG sets it to its `relist`."""

    # --- reading ---

    def now(self) -> int:
        """The stamp to hand to `newer_than` after having changed something."""
        return now_ns(self._clock)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, uid: str) -> PodStatus:
        """What is known now; an empty status for a pod that is not. Raises what the last look raised."""
        entry = self._entries.get(uid)
        if entry is None:
            return PodStatus(uid)
        if entry.error is not None:
            raise entry.error
        return entry.status

    def peek(self, uid: str) -> PodStatus | None:
        """The last status that was read without an error."""
        entry = self._entries.get(uid)
        return entry.status if entry is not None else None

    def modified(self, uid: str) -> int:
        """The stamp of the last write of a pod, 0 if there is none."""
        entry = self._entries.get(uid)
        return entry.modified if entry is not None else 0

    def failed(self, uid: str) -> bool:
        """The last look at the pod raised."""
        entry = self._entries.get(uid)
        return entry is not None and entry.error is not None

    @property
    def observed_all(self) -> int:
        """Up to when all pods are known."""
        return self._global

    def waits(self, uid: str) -> bool:
        """Somebody waits for this pod."""
        waiters = self._waiting.get(uid)
        return waiters is not None and any(not future.done() for _, future in waiters.futures)

    async def newer_than(self, uid: str, after: int) -> PodStatus:
        """The pod's status as it was strictly after `after`; waits until there is one.

        A pod that the runtime does not have gives an empty status. Raises CriError when that look failed.
        """
        while True:
            entry = self._entries.get(uid)
            seen = max(entry.modified, entry.observed, self._global) if entry is not None else self._global
            if seen > after:
                return self.get(uid)
            waiters = self._waiting.setdefault(uid, _Waiters())
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiters.futures.append((after, future))
            if self.on_wait is not None:
                self.on_wait(uid)
            try:
                await future
            finally:
                if not self.waits(uid) and self._waiting.get(uid) is waiters:
                    del self._waiting[uid]
            if uid not in self._entries:
                return PodStatus(uid)

    # --- writing ---

    def set(self, uid: str, status: PodStatus, error: Exception | None, stamp: int) -> bool:
        """Write an observation made at `stamp`; False if something newer is known. With an error, the old status stays.

        An equal stamp overwrites. No container goes back in its life, see `diff.onward`.
        """
        entry = self._entries.get(uid)
        if entry is None:
            if stamp <= self._deleted.get(uid, -1) or stamp < self._global:
                return False
            self._entries[uid] = Entry(status, error, stamp)
        elif entry.modified > stamp:
            return False
        else:
            kept = entry.status if error is not None else onward(entry.status, status)
            self._entries[uid] = Entry(kept, error, stamp, entry.observed)
        self._deleted.pop(uid, None)
        self._wake(uid, stamp)
        return True

    def delete(self, uid: str, stamp: int) -> bool:
        """The pod was gone at `stamp`; False if something newer is known. Later news of before are refused."""
        entry = self._entries.get(uid)
        if entry is not None and entry.modified > stamp:
            return False
        self._entries.pop(uid, None)
        self._deleted[uid] = max(stamp, self._deleted.get(uid, 0))
        return True

    def observe(self, uid: str, stamp: int) -> None:
        """What the cache says of this pod (or its absence) held at `stamp`."""
        entry = self._entries.get(uid)
        if entry is not None:
            self._entries[uid] = replace(entry, observed=max(entry.observed, stamp))
        self._wake(uid, stamp)

    def advance(self, stamp: int) -> None:
        """All pods were looked at, at `stamp`, and written; what is missing was not there."""
        if stamp <= self._global:
            return
        self._global = stamp
        self._deleted = {uid: at for uid, at in self._deleted.items() if at >= stamp}
        for uid in list(self._waiting):
            self._wake(uid, stamp)

    def _wake(self, uid: str, stamp: int) -> None:
        waiters = self._waiting.get(uid)
        if waiters is not None:
            waiters.wake(stamp)
