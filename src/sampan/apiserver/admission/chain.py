"""The admission chain: PLUGINS in upstream's order; fetch what each needs, mutate, later validate."""

import logging
import random
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sampan.aio.clock import Clock, RealClock
from sampan.api.json import Obj
from sampan.api.meta import suffix
from sampan.apiserver.admission.plugin import Facts, Need, Plugin
from sampan.apiserver.admission.plugins.certificate_subject import CertificateSubjectRestriction
from sampan.apiserver.admission.plugins.claim_resize import PersistentVolumeClaimResize
from sampan.apiserver.admission.plugins.default_ingress_class import DefaultIngressClass
from sampan.apiserver.admission.plugins.default_storage_class import DefaultStorageClass
from sampan.apiserver.admission.plugins.default_tolerations import DefaultTolerationSeconds
from sampan.apiserver.admission.plugins.limit_ranger import LimitRanger
from sampan.apiserver.admission.plugins.namespace_lifecycle import NamespaceLifecycle
from sampan.apiserver.admission.plugins.node_features import NodeDeclaredFeatureValidator
from sampan.apiserver.admission.plugins.node_restriction import NodeRestriction
from sampan.apiserver.admission.plugins.pod_resize import PodResizeValidator
from sampan.apiserver.admission.plugins.pod_security import PodSecurity
from sampan.apiserver.admission.plugins.pod_topology_labels import PodTopologyLabels
from sampan.apiserver.admission.plugins.priority import Priority
from sampan.apiserver.admission.plugins.runtime_class import RuntimeClass
from sampan.apiserver.admission.plugins.service_account import ServiceAccount
from sampan.apiserver.admission.plugins.storage_protection import StorageObjectInUseProtection
from sampan.apiserver.admission.plugins.taint_nodes import TaintNodesByCondition
from sampan.apiserver.admission.review import Review
from sampan.apiserver.objects import StoredObjects

log = logging.getLogger(__name__)
NO_FACTS = Facts({})
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
    CertificateSubjectRestriction(),
    DefaultIngressClass(),
    PodTopologyLabels(),
    NodeDeclaredFeatureValidator(),
    PodResizeValidator(),
)


def with_settings(*plugins: Plugin) -> tuple[Plugin, ...]:
    """PLUGINS with these in the places of those of the same names."""
    given = {plugin.name: plugin for plugin in plugins}
    return tuple(given.get(plugin.name, plugin) for plugin in PLUGINS)


class Chosen(NamedTuple):
    """The plugins that concern a resource, by what they do."""

    mutating: tuple[Plugin, ...]
    validating: tuple[Plugin, ...]


class Chain:
    """The Admission of a server."""

    def __init__(
        self,
        objects: StoredObjects,
        rng: random.Random,
        plugins: Sequence[Plugin] = PLUGINS,
        clock: Clock | None = None,
    ) -> None:
        self._objects, self._dice = objects, partial(suffix, rng)
        self._plugins = tuple(plugins)
        self._chosen: dict[tuple[str, str], Chosen] = {}
        self._clock = clock or RealClock()

    async def mutate(self, review: Review) -> Obj:
        """The object after all plugins."""
        for plugin in self._concerned(review).mutating:
            if plugin.handles(review):
                needs = plugin.needs(review)
                obj = plugin.mutate(review, await self._facts(needs) if needs else NO_FACTS)
                if obj is not review.obj:
                    review = review.with_obj(obj)
        return review.obj if review.obj is not None else {}

    async def validate(self, review: Review) -> None:
        """Raises the first refusal."""
        for plugin in self._concerned(review).validating:
            if plugin.handles(review):
                needs = plugin.needs(review)
                plugin.validate(review, await self._facts(needs) if needs else NO_FACTS)

    def _concerned(self, review: Review) -> "Chosen":
        mapping = review.resource.mapping
        kind = (mapping.group, mapping.plural)
        chosen = self._chosen.get(kind)
        if chosen is None:
            these = [plugin for plugin in self._plugins if plugin.kinds is None or kind in plugin.kinds]
            chosen = self._chosen[kind] = Chosen(
                tuple(plugin for plugin in these if plugin.mutates),
                tuple(plugin for plugin in these if plugin.validates),
            )
        return chosen

    async def _facts(self, needs: Sequence[Need]) -> Facts:
        found: dict[Need, list[Obj]] = {}
        facts = Facts(found, self._dice, self._clock.monotonic)
        for need in needs:
            try:
                if need.name:
                    obj = await self._objects.get(need.plural, need.namespace, need.name, need.group)
                    if obj is None and need.patience:
                        obj = await self._awaited(need)
                    found[need] = [] if obj is None else [obj]
                else:
                    found[need] = await self._objects.list(need.plural, need.namespace, need.group)
            except Exception as error:
                if not need.may_fail:
                    raise
                log.error("admission could not read %s %s: %s", need.plural, need.name or need.namespace, error)
        return facts

    async def _awaited(self, need: Need) -> Obj | None:
        """What comes before the need's patience ends."""
        end = self._clock.monotonic() + need.patience
        obj = None
        while obj is None and self._clock.monotonic() < end:
            await self._clock.sleep(LOOK_AGAIN)
            obj = await self._objects.get(need.plural, need.namespace, need.name, need.group)
        return obj
