"""May they? Asks the authorizer about every request; 403 in upstream's words if not."""

from dataclasses import replace
from functools import partial

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError, qualified
from sampan.api.quote import go_quoted
from sampan.apiserver.access_metrics import AccessMetrics
from sampan.apiserver.authorizer import Authorizer, attributes_of
from sampan.apiserver.authz.decision import YES, Decision
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.filters.info import internal_error
from sampan.apiserver.query import parse_query
from sampan.apiserver.rbac import MASTERS, Attributes
from sampan.apiserver.selected import Selected, selected
from sampan.net.http import Handler, Request, Response

DECISION, REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
"""What the audit log is told."""
SELECTING = frozenset(("list", "watch", "deletecollection"))
CREATING = frozenset(("update", "patch"))


class Authz:
    """The authorization filter."""

    def __init__(
        self, app: Handler, authorizer: Authorizer, clock: Clock | None = None, metrics: AccessMetrics | None = None
    ) -> None:
        """Without `metrics` nothing is counted; they need the `clock`."""
        self._app, self._authorizer, self._clock, self._metrics = app, authorizer, clock, metrics

    async def __call__(self, request: Request) -> Response:
        user: UserInfo = request.context["user"]
        trail = request.context.get("audit")
        if MASTERS in user.groups:
            if trail is not None:
                trail.annotations |= {DECISION: "allow", REASON: ""}
            if self._metrics is not None:
                self._metrics.authorized(YES, 0.0)
        else:
            info: RequestInfo = request.context["info"]
            wanted = attributes_of(info)
            if request.query and info.verb in SELECTING and self._authorizer.looks_at_selectors(user):
                wanted = replace(wanted, selected=selection_of(request.query))
            decision = await self._decision(user, wanted)
            if trail is not None and (decision.allowed or not decision.error):
                said = "allow" if decision.allowed else "forbid"
                trail.annotations |= {DECISION: said, REASON: decision.reason}
            if not decision.allowed:
                if decision.error:
                    return self._failed(request, decision)
                raise refusal(user, wanted, decision.reason)
            if info.verb in CREATING:
                request.context["may_create"] = partial(self._may_create, user, replace(wanted, verb="create"))
        return await self._app(request)

    async def _decision(self, user: UserInfo, wanted: Attributes) -> Decision:
        if self._metrics is None or self._clock is None:
            return await self._authorizer.authorize(user, wanted)
        began = self._clock.monotonic()
        decision = await self._authorizer.authorize(user, wanted)
        self._metrics.authorized(decision, self._clock.monotonic() - began)
        return decision

    def _failed(self, request: Request, decision: Decision) -> Response:
        """500: it could not be found out."""
        if (trail := request.context.get("audit")) is not None:
            trail.annotations[REASON] = "internal error"
        return internal_error(request, decision.error)

    async def _may_create(self, user: UserInfo, wanted: Attributes) -> None:
        """Raise the 403 of one whose update or patch of a name that is not there may not create it."""
        decision = await self._authorizer.authorize(user, wanted)
        if not decision.allowed:
            raise refusal(user, wanted, decision.reason)


def selection_of(query: str) -> Selected:
    """What a request's selectors say."""
    parameters = parse_query(query)
    return selected(parameters.get("fieldSelector"), parameters.get("labelSelector"))


def refusal(user: UserInfo, wanted: Attributes, why: str) -> StatusError:
    """The 403 of an authorizer's no."""
    tail = f": {why}" if why else ""
    if wanted.path:
        message = f"forbidden: User {go_quoted(user.name)} cannot {wanted.verb} path {go_quoted(wanted.path)}{tail}"
        return StatusError(403, "Forbidden", message, {})
    what = qualified(wanted.group, wanted.resource)
    if wanted.name:
        what += f" {go_quoted(wanted.name)}"
    where = f'in the namespace "{wanted.namespace}"' if wanted.namespace else "at the cluster scope"
    message = (
        f'{what} is forbidden: User {go_quoted(user.name)} cannot {wanted.verb} resource "{wanted.full_resource}" '
        f'in API group "{wanted.group}" {where}{tail}'
    )
    details = {"name": wanted.name} if wanted.name else {}
    if wanted.group:
        details["group"] = wanted.group
    return StatusError(403, "Forbidden", message, {**details, "kind": wanted.resource})
