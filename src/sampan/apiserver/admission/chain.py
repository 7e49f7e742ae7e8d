"""The admission chain: PLUGINS in upstream's order; fetch what each needs, mutate, later validate."""

import random
from collections.abc import Sequence

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
from sampan.apiserver.admission.plugins.priority import Priority
from sampan.apiserver.admission.plugins.runtime_class import RuntimeClass
from sampan.apiserver.admission.plugins.service_account import ServiceAccount
from sampan.apiserver.admission.plugins.storage_protection import StorageObjectInUseProtection
from sampan.apiserver.admission.plugins.taint_nodes import TaintNodesByCondition
from sampan.apiserver.admission.review import Review
from sampan.apiserver.objects import StoredObjects

LOOK_AGAIN = 0.02
"""Seconds between looks for an object that is waited for."""
PLUGINS: tuple[Plugin, ...] = (
    NamespaceLifecycle(),
    LimitRanger(),
    ServiceAccount(),
    NodeRestriction(),
    TaintNodesByCondition(),
    Priority(),
    DefaultTolerationSeconds(),
    DefaultStorageClass(),
    StorageObjectInUseProtection(),
    PersistentVolumeClaimResize(),
    RuntimeClass(),
    DefaultIngressClass(),
)


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
            if plugin.handles(review):
                review = review.with_obj(plugin.mutate(review, await self._facts(plugin.needs(review))))
        return review.obj if review.obj is not None else {}

    async def validate(self, review: Review) -> None:
        """Raises the first refusal."""
        for plugin in self._plugins:
            if plugin.handles(review):
                plugin.validate(review, await self._facts(plugin.needs(review)))

    async def _facts(self, needs: Sequence[Need]) -> Facts:
        found: dict[Need, list[Obj]] = {}
        for need in needs:
            if need.name:
                obj = await self._named(need)
                found[need] = [] if obj is None else [obj]
            else:
                found[need] = await self._objects.list(need.plural, need.namespace, need.group)
        return Facts(found, {"suffix": suffix(self._rng)} if needs else {})

    async def _named(self, need: Need) -> Obj | None:
        end = self._clock.monotonic() + need.patience
        while True:
            obj = await self._objects.get(need.plural, need.namespace, need.name, need.group)
            if obj is not None or self._clock.monotonic() >= end:
                return obj
            await self._clock.sleep(LOOK_AGAIN)
