"""Priority and fairness of a server: the stored FlowSchemas and PriorityLevelConfigurations, and who is served now."""

from collections.abc import Callable
from typing import NamedTuple

from sampan.api.json import Obj, loads
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.flowcontrol.level import Level, settings_of
from sampan.apiserver.flowcontrol.schemas import Schema, in_order, schema_of
from sampan.obs.metrics import Metrics
from sampan.store.base import Store

GROUP = "flowcontrol.apiserver.k8s.io"
SCHEMAS, LEVELS = f"/{GROUP}/flowschemas/", f"/{GROUP}/prioritylevelconfigurations/"
REMEMBERED = 8192
LABELS = ("flow_schema", "priority_level")


class Flow(NamedTuple):
    """Where a request belongs."""

    schema: Schema
    level: Level
    name: str
    headers: tuple[tuple[str, str], tuple[str, str]]
    """What the client is told of it."""
    counted: Callable[[], None]
    """Counts a request that is served."""


class Fairness:
    """Classifies requests; reads the objects anew when they have changed."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._seen = (-1, -1)
        self._schemas: list[Schema] = []
        self._levels: dict[str, Level] = {}
        self._known: dict[tuple[object, ...], Flow | None] = {}
        self.rejected = metrics.counter(
            "apiserver_flowcontrol_rejected_requests_total",
            "Number of requests rejected by API Priority and Fairness subsystem",
            (*LABELS, "reason"),
        )
        self.dispatched = metrics.counter(
            "apiserver_flowcontrol_dispatched_requests_total",
            "Number of requests executed by API Priority and Fairness subsystem",
            LABELS,
        )
        self._gauge(metrics, "current_executing_seats", "Number of seats occupied", lambda one: one.executing)
        self._gauge(metrics, "current_inqueue_seats", "Number of requests that wait", lambda one: one.waiting)
        self._gauge(metrics, "nominal_limit_seats", "Nominal number of seats", lambda one: one.settings.seats)

    def _gauge(self, metrics: Metrics, name: str, about: str, read: Callable[[Level], int]) -> None:
        text = f"{about} by API Priority and Fairness subsystem"
        levels = self._levels
        metrics.gauge(
            f"apiserver_flowcontrol_{name}",
            text,
            lambda: {(key,): read(one) for key, one in levels.items()},
            ("priority_level",),
        )

    async def flow(self, user: UserInfo, info: RequestInfo) -> Flow | None:
        """Schema, level and flow; None if nothing matches (there are no objects yet)."""
        seen = (self._store.changed(SCHEMAS), self._store.changed(LEVELS))
        if seen != self._seen:
            await self._read(seen)
        key = (
            user.name, user.groups, info.verb, info.group, info.resource, info.subresource, info.namespace,
            info.is_resource or info.path,
        )  # fmt: skip
        try:
            return self._known[key]
        except KeyError:
            found = self._classified(user, info)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = found
            return found

    def _classified(self, user: UserInfo, info: RequestInfo) -> Flow | None:
        for schema in self._schemas:
            level = self._levels.get(schema.level)
            if level is not None and schema.matches(user, info):
                headers = (
                    ("X-Kubernetes-PF-FlowSchema-UID", schema.uid),
                    ("X-Kubernetes-PF-PriorityLevel-UID", level.settings.uid),
                )
                count = self.dispatched.labels(schema.name, level.settings.name).inc
                return Flow(schema, level, f"{schema.name}/{schema.flow(user, info)}", headers, count)
        return None

    async def _read(self, seen: tuple[int, int]) -> None:
        schemas = [schema_of(one) for one in await self._all(SCHEMAS)]
        wanted = settings_of(await self._all(LEVELS))
        for name in self._levels.keys() - wanted.keys():
            if not self._levels[name].executing and not self._levels[name].waiting:
                del self._levels[name]
        for name, settings in wanted.items():
            known = self._levels.get(name)
            if known is None:
                self._levels[name] = Level(settings, self._levels)
            elif known.settings != settings:
                known.settings = settings
                known.dispatch()
        self._schemas = in_order(schemas)
        self._known.clear()
        self._seen = seen

    async def _all(self, prefix: str) -> list[Obj]:
        return [loads(kv.value) for kv in (await self._store.range(prefix)).items]
