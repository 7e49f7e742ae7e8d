"""The Controller record, and the Lookup through which `observe` reads the caches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.names import Key, ObjectRef, RestMapping
from sampan.reconcile.plan import Counted, Plan


class Lookup(Protocol):
    """Reads of the informer caches. Plain functions, no waiting; objects must not be changed."""

    def get(self, mapping: RestMapping, namespace: str, name: str) -> Obj | None: ...

    def list(self, mapping: RestMapping, namespace: str = "") -> Sequence[Obj]: ...

    def owned(self, mapping: RestMapping, uid: str) -> Sequence[Obj]:
        """Objects of that kind whose controller owner reference has this uid."""

    def indexed(self, mapping: RestMapping, index: str, value: str) -> Sequence[Obj]:
        """Objects that a named index has under a value."""

    def live(self, ref: ObjectRef) -> Obj | None:
        """The answer to an `Ask` of the previous round; KeyError if it was not asked."""

    def asked(self, ref: ObjectRef) -> bool: ...

    def failure(self) -> StatusError | None:
        """Why the plan that was just performed was given up; only for controllers that report failures."""

    def mappings(self) -> Sequence[RestMapping]:
        """All kinds the server has, from discovery (garbage collection and namespaces need them)."""


Map = Callable[[Lookup, Obj], Iterable[Key]]
"""From a changed object (its last state, when deleted) to the keys to look at."""

Changes = Callable[[Lookup, Obj | None, Obj | None], Iterable[Key]]
"""The same from an object's old state (None: it is new) and its new one (None: it is gone)."""


@dataclass(frozen=True, slots=True)
class Watches:
    """Follow a kind, and which keys a change of it concerns (its old and its new state are both asked)."""

    mapping: RestMapping
    keys: Map
    indexes: Mapping[str, Callable[[Obj], Iterable[str]]] = field(default_factory=dict)
    """Named indexes that `observe` needs, besides "namespace" and "controller"."""
    keep: Callable[[Obj], Obj | None] | None = None
    """Follow metadata alone, and of that only what this returns."""
    changes: Changes | None = None
    """In place of `keys`, for those who must know what changed."""


@dataclass(frozen=True, slots=True)
class Controller:
    """One control loop. `observe` reads, `decide` thinks; both are plain functions and know no clock but `now`."""

    name: str
    """Upstream's controller name (`replicaset-controller`), as --controllers takes it."""
    watches: tuple[Watches, ...]
    observe: Callable[[Lookup, Key, datetime], Any | None]
    """None: nothing to do for this key any more."""
    decide: Callable[[Any], Plan]
    reads: tuple[RestMapping, ...] = ()
    """Kinds that `observe` reads besides those watched."""
    workers: int = 4
    resync: float = 0.0
    """Seconds after which every key is looked at again; 0 = never."""
    rest: Callable[[Any], float] | None = None
    """Seconds for which a key is left alone after a turn, from what was observed; for turns over many objects."""
    reports_failures: bool = False
    """When a write is refused, observe and decide again with `look.failure()`, to say so; then the key is retried."""
    counts: tuple[Counted, ...] = ()
    """Counters that its actions name."""
    follows: Callable[[RestMapping], Watches] | None = None
    """How to follow a kind that the server begins to serve later, for controllers that care for every kind."""
    on_demand: Callable[[RestMapping], Watches] | None = None
    """How to follow a kind that a plan asks to follow (`Follow`)."""
    component: str = ""
    """As whom it reports events, where that is not its name."""
