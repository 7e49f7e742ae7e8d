"""What a verb works with: the request in hand, and the server's parts."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import Resource
from sampan.api.times import format_time
from sampan.apiserver.admission.review import Admission, Operation, Review
from sampan.apiserver.context import ANONYMOUS, RequestInfo, UserInfo
from sampan.apiserver.deadlines import Deadlines
from sampan.apiserver.live import LiveResources
from sampan.apiserver.query import NOTHING, Query, parse_query
from sampan.apiserver.registry import Entry, Registry
from sampan.net.http import Request, Response
from sampan.store.base import Store


@dataclass(slots=True)
class Kit:
    """The parts of one API server."""

    store: Store
    live: LiveResources
    registry: Registry
    admission: Admission
    clock: Clock
    rng: random.Random
    deadlines: Deadlines
    hooks: "Mapping[tuple[str, str], Hook]" = field(default_factory=dict)
    lines: "Lines" = field(default_factory=lambda: Lines())

    _second: "tuple[datetime | None, str]" = (None, "")

    def now(self) -> str:
        """The wall clock as metav1.Time; written once in a second."""
        second = self.clock.now().replace(microsecond=0)
        if second != self._second[0]:
            self._second = (second, format_time(second))
        return self._second[1]


class Lines:
    """Encoded lines of recent watch events by revision, type and served version: one encoding for all watchers."""

    LIMIT = 2048

    def __init__(self) -> None:
        self._lines: dict[tuple[int, str, str], bytes] = {}
        self.get = self._lines.get

    @property
    def count(self) -> int:
        """How many are remembered."""
        return len(self._lines)

    def put(self, key: tuple[int, str, str], line: bytes) -> None:
        """Remember a line; the oldest is forgotten."""
        if len(self._lines) >= self.LIMIT:
            del self._lines[next(iter(self._lines))]
        self._lines[key] = line


class Hook:
    """What a kind needs done around its writes that its strategy, being pure, cannot do (Services' addresses)."""

    parts: tuple[str, ...] = ("",)
    """Whose updates before_update is for: the object's own (empty), `status`, or another subresource's."""

    def asked_by(self, user: UserInfo, obj: Obj) -> Obj:
        """The object that a user makes, after prepare_create."""
        return obj

    async def before_create(self, kit: Kit, obj: Obj, dry_run: bool) -> Obj:
        """After prepare_create and before validation; raises StatusError."""
        return obj

    async def before_update(self, kit: Kit, obj: Obj, old: Obj, dry_run: bool) -> Obj:
        """After prepare_update and before validation; raises StatusError."""
        return obj

    async def after_write(self, kit: Kit, obj: Obj | None, old: Obj | None) -> None:
        """After the write is done (`obj` None: deleted), or after it failed (`obj` is `old`)."""


@dataclass(slots=True)
class Call:
    """One request for a resource."""

    kit: Kit
    request: Request
    info: RequestInfo
    resource: Resource
    entry: Entry
    warnings: list[str] = field(default_factory=list)
    trusted: bool = False
    """The server's own: it may write what it lets nobody write, as endpoints on loopback."""

    @property
    def query(self) -> Query:
        """The query parameters."""
        return parse_query(self.request.query) if self.request.query else NOTHING

    @property
    def user(self) -> UserInfo:
        """Who asks."""
        user: UserInfo = self.request.context.get("user", ANONYMOUS)
        return user

    @property
    def group(self) -> str:
        return self.resource.mapping.group

    @property
    def plural(self) -> str:
        return self.resource.mapping.plural

    @property
    def kind(self) -> str:
        return self.resource.mapping.kind

    @property
    def namespace(self) -> str:
        """The namespace of the objects asked for; empty for cluster-scoped kinds."""
        return self.info.namespace if self.resource.mapping.namespaced else ""

    def review(self, operation: Operation, obj: Obj | None, old: Obj | None, **more: Any) -> Review:
        """A Review of this request."""
        return Review(
            operation,
            self.resource,
            more.get("subresource", self.info.subresource),
            self.info.namespace,
            more.get("name", self.info.name),
            obj,
            old,
            self.user,
            more.get("dry_run", False),
            more.get("options", {}),
            self.warnings,
            trail.annotations if (trail := self.request.context.get("audit")) is not None else {},
        )

    def annotate(self, annotations: Mapping[str, str]) -> None:
        """Tell the audit log, if there is one, more of this request."""
        trail = self.request.context.get("audit")
        if trail is not None:
            trail.annotations.update(annotations)

    def audit(self, obj: Obj) -> None:
        """Tell the audit log, if there is one, what is to be written."""
        trail = self.request.context.get("audit")
        if trail is not None:
            trail.asks(self.resource.strategy.default(obj))

    def patched(self) -> None:
        """The audit log is to be told the patch that was sent."""
        trail = self.request.context.get("audit")
        if trail is not None:
            trail.patches()

    def told(self, obj: Obj, gvk: GVK | None = None) -> None:
        """The same of a body of another kind, which gets its kind and no defaults."""
        trail = self.request.context.get("audit")
        if trail is not None:
            trail.asks(obj if gvk is None else {"kind": gvk.kind, "apiVersion": gvk.api_version, **obj})


Verb = Callable[[Call], Awaitable[Response]]
Connector = Callable[[Call], Awaitable[Response]]
"""Serves a subresource or a review of its own: CONNECTORS maps (group, plural, subresource) to one."""
