"""Admission by webhooks: MutatingAdmissionWebhook one after the other, ValidatingAdmissionWebhook all at once."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from sampan.api.errors import StatusError, bad_request, forbidden, internal, not_found
from sampan.api.json import Obj, dumps
from sampan.apiserver.admission import webhook_notes
from sampan.apiserver.admission.bodies import Bodies, operations_of
from sampan.apiserver.admission.configurations import Configurations
from sampan.apiserver.admission.outsiders import Means
from sampan.apiserver.admission.policy import source
from sampan.apiserver.admission.policy.activation import Failed
from sampan.apiserver.admission.policy.authorizing import Decisions
from sampan.apiserver.admission.policy.calls import Ground
from sampan.apiserver.admission.policy.conditions import hold
from sampan.apiserver.admission.policy.matching import is_exempt, namespace_of
from sampan.apiserver.admission.policy.mutate import mutate
from sampan.apiserver.admission.policy.source import Bound, Policies
from sampan.apiserver.admission.policy.validate import validate
from sampan.apiserver.admission.review import Admission, Review
from sampan.apiserver.admission.turns import Turns
from sampan.apiserver.admission.webhook import EXEMPT, GROUP, Asked, Hook, Target, kind_of, read_hooks, target_of
from sampan.apiserver.admission.webhook_metrics import WebhookMetrics
from sampan.apiserver.admission.webhook_notes import Turn
from sampan.apiserver.admission.webhook_review import Question, admission_review, denial, read_answer, review_version
from sampan.apiserver.conversion import Conversion
from sampan.apiserver.live import LiveResources
from sampan.apiserver.webhook_client import CallFailed, WebhookClient


class Denied(Exception):
    """A webhook said no; `error` is what the client gets."""

    def __init__(self, error: StatusError) -> None:
        super().__init__(error.message)
        self.error = error


MUTATING, VALIDATING = "mutatingwebhookconfigurations", "validatingwebhookconfigurations"


class Rounds:
    """The policies and webhooks of one request, and whose turn it is."""

    def __init__(self, policies: Sequence[Bound], hooks: Sequence[Hook]) -> None:
        self.policies, self.hooks = policies, hooks
        self.of_policies: Turns[tuple[str, ...]] = Turns()
        self.of_hooks: Turns[Hook] = Turns()


class Webhooks:
    """An Admission that asks an inner one (the plugins), then the stored policies, then the stored webhooks.

    Call `start` with the served resources before the first request.
    """

    def __init__(self, inner: Admission, means: Means, client: WebhookClient) -> None:
        self.client = client
        self._inner, self._means = inner, means
        self._metrics = WebhookMetrics(means.metrics)
        self._mutating = Configurations(means.store, MUTATING, read_hooks)
        self._validating = Configurations(means.store, VALIDATING, read_hooks)
        self._mutating_policies = Policies(means.store, source.MUTATING)
        self._validating_policies = Policies(means.store, source.VALIDATING)
        self._bodies: Bodies | None = None
        self._ground: Ground | None = None

    def start(self, live: LiveResources, conversions: Mapping[tuple[str, str], Conversion]) -> None:
        """`conversions`: the conversion webhooks of custom kinds."""
        means = self._means
        self._bodies = Bodies(live, conversions)
        self._ground = Ground.of(means.objects, live, self._bodies, means.authorizer)

    # ---- mutating

    async def mutate(self, review: Review) -> Obj:
        """The object as plugins, policies and webhooks leave it; all look again at what the latter two changed."""
        obj = await self._inner.mutate(review)
        policies = self._mutating_policies.current()
        if policies is None:
            policies = await self._mutating_policies.read()
        hooks = self._mutating.current()
        if hooks is None:
            hooks = await self._mutating.read()
        if not hooks and not policies:
            return obj
        review = review if review.obj is None else review.with_obj(obj)
        before = review.obj
        rounds = Rounds(() if is_exempt(review) else policies, () if _exempt(review) else hooks)
        review = await self._rounds(review, rounds)
        return obj if review.obj is before else review.obj or {}

    async def _rounds(self, review: Review, rounds: "Rounds") -> Review:
        review = await self._one_round(review, rounds)
        if rounds.of_hooks.changed or rounds.of_policies.changed:
            if review.obj is not None:
                review = review.with_obj(await self._inner.mutate(review))
            rounds.of_hooks.second = rounds.of_policies.second = True
            review = await self._one_round(review, rounds)
        return review

    async def _one_round(self, review: Review, rounds: "Rounds") -> Review:
        if rounds.policies:
            assert self._ground is not None, "start was not called"
            review = await mutate(self._ground, rounds.policies, review, rounds.of_policies)
        if rounds.hooks:
            rounds.of_hooks.begin(review.obj)
            review = await self._round(review, rounds.hooks, rounds.of_hooks)
            rounds.of_hooks.last = review.obj
        return review

    async def _round(self, review: Review, hooks: Sequence[Hook], turns: Turns[Hook]) -> Review:
        for index, hook in enumerate(hooks):
            target = await self._target(hook, review)
            if target is None or (turns.second and hook not in turns.wanted):
                continue
            await asyncio.sleep(0)  # the call has a time limit, which needs a task
            where = webhook_notes.place(index, second=turns.second)
            turn = Turn(where, not turns.patched and webhook_notes.is_fresh(review))
            changed = await self._admit(hook, review, target, turn)
            turns.patched = turns.patched or turn.patched
            if changed is not None:
                review = review.with_obj(review.defaulted(changed))
                turns.require_all()
                turns.changed = True
            if hook.again:
                turns.asked.append(hook)
        return review

    async def _admit(self, hook: Hook, review: Review, target: Target, turn: Turn) -> Obj | None:
        """The object as the webhook changed it, or None."""
        changed = None
        try:
            call = partial(self._ask, hook, review, target, turn)
            changed = await self._observed(hook, review, turn.where, call, mutating=True)
        finally:
            webhook_notes.mutated(review, hook, turn.where, changed is not None)
        return changed

    # ---- validating

    async def validate(self, review: Review) -> None:
        """Raises the first refusal: of the plugins, the policies, then the webhooks in their order."""
        await self._inner.validate(review)
        policies = self._validating_policies.current()
        if policies is None:
            policies = await self._validating_policies.read()
        if policies and not is_exempt(review):
            assert self._ground is not None, "start was not called"
            await validate(self._ground, policies, review)
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
            self._observed(
                hook, review, webhook_notes.place(index), partial(self._ask, hook, review, target, None), mutating=False
            )
            for index, (hook, target) in enumerate(found)
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
        if hook.conditions and not await self._met(hook, review, target):
            return None
        return target

    async def _met(self, hook: Hook, review: Review, target: Target) -> bool:
        """Whether the webhook's match conditions are. Raises 403 if that cannot be said and it fails closed."""
        assert self._ground is not None
        decisions = Decisions(self._means.authorizer, review.user)
        seen = await self._ground.seen(review, target, decisions)
        try:
            return await decisions.when_known(lambda: hold(hook.conditions, seen, {}, not hook.ignore))
        except Failed as failed:
            mapping = review.resource.mapping
            raise forbidden(mapping.group, mapping.plural, review.name, str(failed)) from None

    async def _namespace_labels(self, review: Review, namespace: str) -> dict[str, str]:
        if review.resource.mapping.plural == "namespaces" and not review.subresource and review.obj is not None:
            return (review.obj.get("metadata") or {}).get("labels") or {}
        found = await self._means.objects.get("namespaces", "", namespace)
        if found is None:
            raise not_found("", "namespaces", namespace)
        return found["metadata"].get("labels") or {}

    async def _ask(self, hook: Hook, review: Review, target: Target, turn: Turn | None) -> Obj | None:
        """One call; the object that it changed, if it is its turn to change one. Raises CallFailed, Denied,
        StatusError."""
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
        answer = read_answer(given, uid, version, turn is not None)
        webhook_notes.said(review, hook, answer.audits)
        review.warnings.extend(answer.warnings)
        if not answer.allowed:
            raise Denied(denial(hook.name, answer.result))
        operations = operations_of(answer) if turn is not None else []
        if turn is None or not operations:
            return None
        changed = await self._all_bodies().patched(hook.name, operations, answer, question, always=turn.fresh)
        turn.patched = True
        webhook_notes.patched(review, hook, turn.where, operations)
        return changed

    async def _observed(
        self, hook: Hook, review: Review, where: str, call: Callable[[], Awaitable[Obj | None]], *, mutating: bool
    ) -> Obj | None:
        """A call with what its end means to the request and the metrics. Raises StatusError."""
        clock, metrics, kind = self._means.clock, self._metrics, "admit" if mutating else "validating"
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
                webhook_notes.failed_open(review, hook, where, mutating=mutating)
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


def _exempt(review: Review) -> bool:
    mapping = review.resource.mapping
    return mapping.group == GROUP and mapping.kind in EXEMPT
