"""Admission by webhooks: MutatingAdmissionWebhook one after the other, ValidatingAdmissionWebhook all at once."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError, bad_request, internal, not_found
from sampan.api.json import Obj, dumps
from sampan.apiserver.admission.bodies import Bodies
from sampan.apiserver.admission.configurations import MUTATING, VALIDATING, Configurations
from sampan.apiserver.admission.review import Admission, Review
from sampan.apiserver.admission.webhook import EXEMPT, GROUP, Asked, Hook, Target, kind_of, target_of
from sampan.apiserver.admission.webhook_metrics import WebhookMetrics
from sampan.apiserver.admission.webhook_review import Question, admission_review, denial, read_answer, review_version
from sampan.apiserver.conversion import Conversion
from sampan.apiserver.live import LiveResources
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.webhook_client import CallFailed, WebhookClient
from sampan.obs.metrics import Metrics
from sampan.store.base import Store


class Denied(Exception):
    """A webhook said no; `error` is what the client gets."""

    def __init__(self, error: StatusError) -> None:
        super().__init__(error.message)
        self.error = error


class Turns:
    """Which webhooks are asked a second time: those with IfNeeded, when something changed after their turn."""

    def __init__(self) -> None:
        self.changed = self.second = False
        self.asked: list[Hook] = []
        self.wanted: list[Hook] = []

    def require_all(self) -> None:
        """The object changed: who was asked before is to be asked again."""
        self.wanted += self.asked
        self.asked = []


@dataclass(frozen=True, slots=True)
class Means:
    """What webhooks are called with."""

    store: Store
    objects: StoredObjects
    clock: Clock
    rng: random.Random
    metrics: Metrics


class Webhooks:
    """An Admission that asks an inner one (the plugins), then the webhooks of the stored configurations.

    Call `start` with the served resources before the first request, and `close` in the end.
    """

    def __init__(self, inner: Admission, means: Means) -> None:
        self.client = WebhookClient(means.objects, means.rng)
        self._inner, self._means = inner, means
        self._metrics = WebhookMetrics(means.metrics)
        self._mutating = Configurations(means.store, MUTATING)
        self._validating = Configurations(means.store, VALIDATING)
        self._bodies: Bodies | None = None
        self._tasks = Tasks()

    async def start(self, live: LiveResources, conversions: Mapping[tuple[str, str], Conversion]) -> None:
        """Follow the configurations. `conversions`: the conversion webhooks of custom kinds."""
        self._bodies = Bodies(live, conversions)
        for plural, one in ((MUTATING, self._mutating), (VALIDATING, self._validating)):
            self._tasks.start(one.run(), plural)

    async def close(self) -> None:
        """Follow no more, close all connections."""
        await self._tasks.cancel()
        await self.client.close()

    # ---- mutating

    async def mutate(self, review: Review) -> Obj:
        """The object as plugins and webhooks leave it; all of them look again at what a webhook changed."""
        obj = await self._inner.mutate(review)
        hooks = self._mutating.current()
        if hooks is None:
            hooks = await self._mutating.read()
        if not hooks or _exempt(review):
            return obj
        review = review if review.obj is None else review.with_obj(obj)
        before = review.obj
        turns = Turns()
        review = await self._round(review, hooks, turns)
        if turns.changed:
            last = review.obj
            again = review.with_obj(await self._inner.mutate(review))
            if again.obj != last:
                turns.require_all()
            turns.second = True
            review = await self._round(again, hooks, turns)
        return obj if review.obj is before else review.obj or {}

    async def _round(self, review: Review, hooks: Sequence[Hook], turns: "Turns") -> Review:
        for hook in hooks:
            target = await self._target(hook, review)
            if target is None or (turns.second and hook not in turns.wanted):
                continue
            await asyncio.sleep(0)  # the call has a time limit, which needs a task
            changed = await self._admit(hook, review, target)
            if changed is not None:
                review = review.with_obj(review.defaulted(changed))
                turns.require_all()
                turns.changed = True
            if hook.again:
                turns.asked.append(hook)
        return review

    async def _admit(self, hook: Hook, review: Review, target: Target) -> Obj | None:
        """The object as the webhook changed it, or None."""
        return await self._observed(hook, review, "admit", partial(self._ask, hook, review, target, True))

    # ---- validating

    async def validate(self, review: Review) -> None:
        """Raises the first refusal, in the order of the webhooks."""
        await self._inner.validate(review)
        hooks = self._validating.current()
        if hooks is None:
            hooks = await self._validating.read()
        if not hooks or _exempt(review):
            return
        found = [(hook, target) for hook in hooks if (target := await self._target(hook, review)) is not None]
        if not found:
            return
        await asyncio.sleep(0)  # the calls have time limits, which need a task
        calls = [
            self._observed(hook, review, "validating", partial(self._ask, hook, review, target, False))
            for hook, target in found
        ]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    # ---- both

    def _all_bodies(self) -> Bodies:
        assert self._bodies is not None, "start was not called"
        return self._bodies

    async def _target(self, hook: Hook, review: Review) -> Target | None:
        """What the webhook is to be asked about; raises 404 when the namespace it selects by is not there."""
        bodies = self._all_bodies()
        namespace = namespace_of(review)
        asked = Asked(review.operation, review.resource, review.subresource, namespace)
        target = target_of(hook, asked, partial(bodies.equivalents, review.resource, review.subresource))
        if target is None or (hook.objects and not bodies.selected(hook.objects, review)):
            return None
        if hook.namespaces and (namespace or review.resource.mapping.plural == "namespaces"):
            labels = await self._namespace_labels(review, namespace)
            if not hook.namespaces.matches(labels):
                return None
        return target

    async def _namespace_labels(self, review: Review, namespace: str) -> dict[str, str]:
        if review.resource.mapping.plural == "namespaces" and not review.subresource and review.obj is not None:
            return (review.obj.get("metadata") or {}).get("labels") or {}
        found = await self._means.objects.get("namespaces", "", namespace)
        if found is None:
            raise not_found("", "namespaces", namespace)
        return found["metadata"].get("labels") or {}

    async def _ask(self, hook: Hook, review: Review, target: Target, mutating: bool) -> Obj | None:
        """One call; the object that it changed. Raises CallFailed, Denied, StatusError."""
        if review.dry_run and not hook.quiet:
            raise bad_request(f'admission webhook "{hook.name}" does not support dry run')
        version = review_version(hook.versions)
        requested = kind_of(review.resource, review.subresource)
        obj, old = await self._all_bodies().converted(review, target)
        question = Question(review, target, requested, namespace_of(review), obj, old)
        uid = str(uuid.UUID(int=self._means.rng.getrandbits(128), version=4))
        try:
            given = await self.client.post(hook.client, dumps(admission_review(question, uid, version)), hook.timeout)
        except CallFailed as failed:
            raise CallFailed(f"failed to call webhook: {failed}", failed.code) from None
        answer = read_answer(given, uid, version, mutating)
        review.warnings.extend(answer.warnings)
        if not answer.allowed:
            raise Denied(denial(hook.name, answer.result))
        return await self._all_bodies().patched(hook.name, answer, question) if mutating else None

    async def _observed(
        self, hook: Hook, review: Review, kind: str, call: Callable[[], Awaitable[Obj | None]]
    ) -> Obj | None:
        """A call with what its end means to the request and the metrics. Raises StatusError."""
        clock, metrics = self._means.clock, self._metrics
        began, operation = clock.monotonic(), review.operation

        def ended(code: int, rejected: bool, error: str = "") -> None:
            if rejected:
                metrics.rejected(hook.name, kind, operation, error, code)
            metrics.called(hook.name, kind, operation, clock.monotonic() - began, code, rejected)

        try:
            changed = await call()
        except CallFailed as failed:
            if hook.ignore:
                ended(failed.code, False)
                metrics.failed_open(hook.name, kind)
                return None
            ended(failed.code, True, "calling_webhook_error")
            raise internal(f'failed calling webhook "{hook.name}": {failed}') from None
        except Denied as denied:
            ended(denied.error.code, True, "no_error")
            raise denied.error from None
        except StatusError:
            ended(0, True, "apiserver_internal_error")
            raise
        ended(200, False)
        return changed


def namespace_of(review: Review) -> str:
    """The namespace of a request; of one for a Namespace, that itself."""
    mapping = review.resource.mapping
    if mapping.plural == "namespaces" and not mapping.group:
        return review.name or (((review.obj or {}).get("metadata") or {}).get("name") or "")
    return review.namespace


def _exempt(review: Review) -> bool:
    mapping = review.resource.mapping
    return mapping.group == GROUP and mapping.kind in EXEMPT
