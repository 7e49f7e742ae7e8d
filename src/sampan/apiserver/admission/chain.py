"""The admission chain: PLUGINS in upstream's order; fetch what each needs, mutate, later validate."""

import logging
import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from sampan.aio.clock import Clock, RealClock
from sampan.api.json import Obj
from sampan.api.meta import suffix
from sampan.apiserver.admission.plugin import Facts, Need, Plugin
from sampan.apiserver.admission.plugins.claim_resize import PersistentVolumeClaimResize
from sampan.apiserver.admission.plugins.default_ingress_class import DefaultIngressClass
from sampan.apiserver.admission.plugins.default_storage_class import DefaultStorageClass
from sampan.apiserver.admission.plugins.default_tolerations import DefaultTolerationSeconds
from sampan.apiserver.admission.plugins.limit_ranger import LimitRanger
from sampan.apiserver.admission.plugins.namespace_lifecycle import NamespaceLifecycle
from sampan.apiserver.admission.plugins.node_restriction import NodeRestriction
from sampan.apiserver.admission.plugins.pod_security import PodSecurity
from sampan.apiserver.admission.plugins.priority import Priority
from sampan.apiserver.admission.plugins.runtime_class import RuntimeClass
from sampan.apiserver.admission.plugins.service_account import ServiceAccount
from sampan.apiserver.admission.plugins.storage_protection import StorageObjectInUseProtection
from sampan.apiserver.admission.plugins.taint_nodes import TaintNodesByCondition
from sampan.apiserver.admission.review import Review
from sampan.apiserver.objects import StoredObjects

log = logging.getLogger(__name__)
LOOK_AGAIN = 0.02
"""Seconds between looks for an object that is waited for."""
PLUGINS: tuple[Plugin, ...] = (
    NamespaceLifecycle(),
    LimitRanger(),
    ServiceAccount(),
    NodeRestriction(),
    TaintNodesByCondition(),
    PodSecurity(),
    Priority(),
    DefaultTolerationSeconds(),
    DefaultStorageClass(),
    StorageObjectInUseProtection(),
    PersistentVolumeClaimResize(),
    RuntimeClass(),
    DefaultIngressClass(),
)


def with_settings(*plugins: Plugin) -> tuple[Plugin, ...]:
    """PLUGINS with these in the places of those of the same names."""
    given = {plugin.name: plugin for plugin in plugins}
    return tuple(given.get(plugin.name, plugin) for plugin in PLUGINS)


class Chain:
    """The Admission of a server."""

    def __init__(
        self,
        objects: StoredObjects,
        rng: random.Random,
        plugins: Sequence[Plugin] = PLUGINS,
        clock: Clock | None = None,
    ) -> None:
        self._objects, self._rng, self._plugins = objects, rng, plugins
        self._clock = clock or RealClock()

    async def mutate(self, review: Review) -> Obj:
        """The object after all plugins."""
        for plugin in self._plugins:
            if plugin.mutates and plugin.handles(review):
                review = review.with_obj(plugin.mutate(review, await self._facts(plugin.needs(review))))
        return review.obj if review.obj is not None else {}

    async def validate(self, review: Review) -> None:
        """Raises the first refusal."""
        for plugin in self._plugins:
            if plugin.handles(review):
                plugin.validate(review, await self._facts(plugin.needs(review)))

    async def _facts(self, needs: Sequence[Need]) -> Facts:
        if not needs:
            return Facts({}, {})
        found: dict[Need, list[Obj]] = {}
        began = self._clock.monotonic()
        for need in needs:
            try:
                found[need] = await self._read(need)
            except Exception as error:
                if not need.may_fail:
                    raise
                log.error("admission could not read %s %s: %s", need.plural, need.name or need.namespace, error)
        return Facts(found, defaultdict(partial(suffix, self._rng)), lambda: self._clock.monotonic() - began)

    async def _read(self, need: Need) -> list[Obj]:
        if not need.name:
            return await self._objects.list(need.plural, need.namespace, need.group)
        obj = await self._named(need)
        return [] if obj is None else [obj]

    async def _named(self, need: Need) -> Obj | None:
        end = self._clock.monotonic() + need.patience
        while True:
            obj = await self._objects.get(need.plural, need.namespace, need.name, need.group)
            if obj is not None or self._clock.monotonic() >= end:
                return obj
            await self._clock.sleep(LOOK_AGAIN)
