"""The API server as one handler: FILTERS folded over the routes."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sampan.aio.clock import Clock, RealClock
from sampan.api.errors import not_found_path
from sampan.api.resource import Resource
from sampan.apiserver.admission.review import Admission, AdmitAll
from sampan.apiserver.call import Connector, Kit
from sampan.apiserver.context import RequestInfo
from sampan.apiserver.deadlines import Deadlines
from sampan.apiserver.dispatch import Dispatch
from sampan.apiserver.filters.errors import Errors
from sampan.apiserver.filters.headers import StandardHeaders
from sampan.apiserver.filters.info import Info
from sampan.apiserver.live import LiveResources
from sampan.apiserver.registry import Registry
from sampan.net.http import Handler, Request, Response
from sampan.store.base import Store

Filter = Callable[[Handler], Handler]


@dataclass(frozen=True, slots=True)
class Parts:
    """What an API server is made of."""

    store: Store
    resources: Iterable[Resource]
    admission: Admission = field(default_factory=AdmitAll)
    authn: Filter | None = None
    authz: Filter | None = None
    connectors: Mapping[tuple[str, str, str], Connector] = field(default_factory=dict)
    clock: Clock = field(default_factory=RealClock)
    rng: random.Random = field(default_factory=random.SystemRandom)
    version: str = "1.37"
    service_cidr: str = "10.96.0.0/16"


class App:
    """Serves the Kubernetes API from a store."""

    def __init__(self, parts: Parts) -> None:
        live = LiveResources(parts.resources)
        registry = Registry(parts.store, live)
        deadlines = Deadlines(parts.clock)
        self.parts = parts
        self.kit = Kit(parts.store, live, registry, parts.admission, parts.clock, parts.rng, deadlines)
        self._dispatch = Dispatch(self.kit, dict(parts.connectors))
        handler: Handler = self._route
        for make in reversed(self._filters()):
            handler = make(handler)
        self._handler = handler

    def _filters(self) -> tuple[Filter, ...]:
        """From the outside to the inside."""
        parts = self.parts
        both = tuple(one for one in (parts.authn, parts.authz) if one is not None)
        return (lambda app: StandardHeaders(app, parts.rng), Errors, Info, *both)

    async def __call__(self, request: Request) -> Response:
        return await self._handler(request)

    async def _route(self, request: Request) -> Response:
        info: RequestInfo = request.context["info"]
        if info.is_resource:
            return await self._dispatch(request, info)
        raise not_found_path()

    async def close(self) -> None:
        """End what the server does by itself; the store is not closed."""
        await self.kit.deadlines.close()
