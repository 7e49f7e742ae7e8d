"""Admission by policies and webhooks, for a server that has none yet: what evaluates them is loaded with the first."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.apiserver.admission.review import Admission, Review
from sampan.apiserver.conversion import Conversion
from sampan.apiserver.live import LiveResources
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.webhook_client import WebhookClient
from sampan.obs.metrics import Metrics
from sampan.store.base import Store

if TYPE_CHECKING:
    from sampan.apiserver.admission.policy.authorizing import Asked as Authorizes
    from sampan.apiserver.admission.webhooks import Webhooks

PREFIXES = tuple(
    f"/admissionregistration.k8s.io/{plural}/"
    for plural in (
        "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings", "validatingadmissionpolicies", "validatingadmissionpolicybindings",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Means:
    """What policies and webhooks are asked with."""

    store: Store
    objects: StoredObjects
    clock: Clock
    rng: random.Random
    metrics: Metrics
    authorizer: "Authorizes"
    """Who answers the `authorizer` of expressions."""


class Outsiders:
    """An Admission that asks an inner one, and then Webhooks, once anything was ever written that they go by.

    Call `start` with the served resources before the first request, and `close` in the end.
    """

    def __init__(self, inner: Admission, means: Means) -> None:
        self.client = WebhookClient(means.objects, means.rng)
        self._inner, self._means = inner, means
        self._served: tuple[LiveResources, Mapping[tuple[str, str], Conversion]] | None = None
        self._made: Webhooks | None = None

    def start(self, live: LiveResources, conversions: Mapping[tuple[str, str], Conversion]) -> None:
        """`conversions`: the conversion webhooks of custom kinds."""
        self._served = (live, conversions)

    async def close(self) -> None:
        """Close all connections."""
        await self.client.close()

    async def mutate(self, review: Review) -> Obj:
        """The object as all of them leave it."""
        made = self._made or self._needed()
        return await (self._inner if made is None else made).mutate(review)

    async def validate(self, review: Review) -> None:
        """Raises the first refusal."""
        made = self._made or self._needed()
        await (self._inner if made is None else made).validate(review)

    def _needed(self) -> "Webhooks | None":
        changed = self._means.store.changed
        if not any(changed(prefix) for prefix in PREFIXES):
            return None
        from sampan.apiserver.admission.webhooks import Webhooks

        self._made = made = Webhooks(self._inner, self._means, self.client)
        if self._served is not None:
            made.start(*self._served)
        return made
