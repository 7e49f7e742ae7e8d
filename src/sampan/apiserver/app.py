"""The API server as one handler: FILTERS folded over the routes."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sampan.aio.clock import Clock, RealClock
from sampan.api.errors import not_found_path
from sampan.api.resource import Resource
from sampan.apiserver.admission.outsiders import Outsiders
from sampan.apiserver.admission.quota import ResourceQuota
from sampan.apiserver.admission.review import Admission, AdmitAll
from sampan.apiserver.aggregation.aggregator import Aggregator, Identity
from sampan.apiserver.call import Connector, Kit
from sampan.apiserver.context import ANONYMOUS, RequestInfo
from sampan.apiserver.custom_kinds import CustomKinds
from sampan.apiserver.deadlines import Deadlines
from sampan.apiserver.device_hooks import AdminAccess, TaintTimes
from sampan.apiserver.discovery import Discovery
from sampan.apiserver.dispatch import Dispatch
from sampan.apiserver.filters.compression import Compression
from sampan.apiserver.filters.errors import Errors
from sampan.apiserver.filters.fairness import PriorityAndFairness
from sampan.apiserver.filters.headers import StandardHeaders
from sampan.apiserver.filters.info import Info
from sampan.apiserver.filters.observe import Observe
from sampan.apiserver.flowcontrol.fairness import Fairness
from sampan.apiserver.health import Check, Health, fine
from sampan.apiserver.live import LiveResources
from sampan.apiserver.metrics import RequestMetrics
from sampan.apiserver.phase_times import PhaseTimes
from sampan.apiserver.registry import Registry
from sampan.apiserver.service_ips import ServiceAddresses
from sampan.apiserver.signing_requests import SigningRequests
from sampan.apiserver.start import ensure_kubernetes_service, ensure_namespaces
from sampan.net.debug_flags import PATH as VERBOSITY_PATH
from sampan.net.debug_flags import put_verbosity
from sampan.net.http import Handler, Request, Response
from sampan.obs.metrics import CONTENT_TYPE, Metrics
from sampan.store.base import Store

Filter = Callable[[Handler], Handler]


DEVICES = "resource.k8s.io"
OWN_SERVICES = ("/version/", "/openid/v1/jwks/", "/.well-known/openid-configuration/")
"""Below these, what is not there is told as a Status; elsewhere outside of the API in plain text."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an API server is made of."""

    store: Store
    resources: Iterable[Resource]
    admission: Admission = field(default_factory=AdmitAll)
    outsiders: Outsiders | None = None
    """The part of `admission` that follows webhook configurations: started and closed with the server."""
    authn: Filter | None = None
    authz: Filter | None = None
    audit: Filter | None = None
    connectors: Mapping[tuple[str, str, str], Connector] = field(default_factory=dict)
    clock: Clock = field(default_factory=RealClock)
    rng: random.Random = field(default_factory=random.Random)
    version: str = "1.37"
    service_cidr: str = "10.96.0.0/16"
    metrics: Metrics = field(default_factory=Metrics)
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Named checks of /readyz, beside the server's own."""
    pages: Mapping[str, Callable[[Request], Response]] = field(default_factory=dict)
    """Documents outside of the API by path (GET): issuer discovery."""
    identity: Identity | None = None
    """How extension API servers know this one."""
    address: str = "127.0.0.1:6443"
    """host:port, as clients that send no Host reach it."""


FILTERS: tuple[Callable[["App", Handler], Handler], ...] = (
    lambda app, inner: StandardHeaders(inner, app.parts.rng),
    lambda app, inner: Compression(inner),
    lambda app, inner: Observe(inner, app.metrics, app.parts.clock.monotonic),
    lambda app, inner: app.parts.audit(inner) if app.parts.audit else inner,
    lambda app, inner: Errors(inner),
    lambda app, inner: Info(inner),
    lambda app, inner: app.parts.authn(inner) if app.parts.authn else inner,
    lambda app, inner: PriorityAndFairness(inner, app.fairness),
    lambda app, inner: app.parts.authz(inner) if app.parts.authz else inner,
)
"""From the outside to the inside."""


class App:
    """Serves the Kubernetes API from a store. `start` makes what a fresh cluster has; `close` ends it."""

    def __init__(self, parts: Parts) -> None:
        live = LiveResources(parts.resources)
        registry = Registry(parts.store, live)
        self.parts: Parts = parts
        self.kit = Kit(
            parts.store, live, registry, parts.admission, parts.clock, parts.rng, Deadlines(parts.clock),
            {
                ("", "services"): ServiceAddresses(parts.service_cidr, parts.rng),
                ("", "persistentvolumes"): PhaseTimes(),
                ("certificates.k8s.io", "certificatesigningrequests"): SigningRequests(),
                (DEVICES, "resourceclaims"): AdminAccess(("spec",)),
                (DEVICES, "resourceclaimtemplates"): AdminAccess(("spec", "spec")),
                (DEVICES, "resourceslices"): TaintTimes(),
            },
        )  # fmt: skip
        self.metrics: RequestMetrics = RequestMetrics(parts.metrics)
        self.fairness: Fairness = Fairness(parts.store, parts.metrics)
        self.started = False
        self._custom = CustomKinds(self.kit, parts.outsiders.client if parts.outsiders is not None else None)
        self._dispatch = Dispatch(self.kit, parts.connectors)
        self._aggregator = Aggregator(self.kit, parts.identity, parts.rng)
        self._discovery = Discovery(
            live, parts.version, lambda r: r.headers.get("host", parts.address), self._aggregator
        )
        checks: dict[str, Check] = {"ping": fine, "log": fine, "etcd": fine, **parts.checks}
        checks["poststarthook/start-system-namespaces-controller"] = lambda: "" if self.started else "not finished"
        self._health = Health(checks, ready_only=tuple(parts.checks))
        handler: Handler = self._route
        for make in reversed(FILTERS):
            handler = make(self, handler)
        self._handler = handler

    async def __call__(self, request: Request) -> Response:
        return await self._handler(request)

    async def start(self) -> None:
        """Make the system's namespaces and the `kubernetes` Service, unless they are there."""
        host, _, port = self.parts.address.rpartition(":")
        if self.parts.outsiders is not None:
            self.parts.outsiders.start(self.kit.live, self.kit.registry.conversions)
        if isinstance(self.parts.admission, ResourceQuota):
            self.parts.admission.start(self.kit)
        await ensure_namespaces(self.kit)
        await ensure_kubernetes_service(self.kit, self.parts.service_cidr, host.strip("[]"), int(port))
        await self._custom.start()
        self._aggregator.start()
        self.started = True

    async def close(self) -> None:
        """End what the server does by itself; the store is not closed."""
        await self._aggregator.close()
        await self._custom.close()
        if self.parts.outsiders is not None:
            await self.parts.outsiders.close()
        if isinstance(self.parts.admission, ResourceQuota):
            await self.parts.admission.close()
        await self.kit.deadlines.close()

    async def _route(self, request: Request) -> Response:
        info: RequestInfo = request.context["info"]
        if self._aggregator.active:
            remote = self._aggregator.find(request.path)
            if remote is not None:
                return await self._aggregator.send(remote, request, request.context.get("user", ANONYMOUS))
        if info.is_resource:
            return await self._dispatch(request, info)
        response = self._health.answer(request) or self._discovery.answer(request)
        if response is not None:
            return response
        if request.path == "/metrics":
            return Response(200, [("Content-Type", CONTENT_TYPE)], self.parts.metrics.text())
        if request.path == VERBOSITY_PATH:
            return put_verbosity(request)
        page = self.parts.pages.get(request.path)
        if page is not None and request.method in ("GET", "HEAD"):
            return page(request)
        if request.path.startswith(OWN_SERVICES):
            raise not_found_path()
        text = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        return Response(404, text, b"404 page not found\n")
