"""Find out who asks: client certificate, bearer token, or nobody; then impersonation (context["user"])."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

from sampan.aio.clock import Clock
from sampan.api.errors import bad_request, unauthorized
from sampan.apiserver.authn.certificates import AUTHENTICATED, user_of
from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.service_accounts import PREFIX
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authorizer import Decision
from sampan.apiserver.context import ANONYMOUS, UserInfo
from sampan.apiserver.filters.authz import refusal
from sampan.apiserver.rbac import Attributes
from sampan.net.http import Handler, Request, Response

Decide = Callable[[UserInfo, Attributes], Awaitable[Decision]]
"""The authorizer, for impersonation."""
EXTRA, UNAUTHENTICATED, AUTHENTICATION = "impersonate-extra-", "system:unauthenticated", "authentication.k8s.io"

REMEMBERED, REMEMBER_SECONDS = 4096, 10.0


class Authn:
    """A request that already has context["user"] (from inside the process) passes unquestioned."""

    def __init__(
        self,
        app: Handler,
        clock: Clock,
        *,
        tokens: BearerTokens,
        may: Decide,
    ) -> None:
        self._app, self._clock = app, clock
        self._tokens, self._may = tokens, may
        self._known: dict[bytes, tuple[UserInfo, float]] = {}

    async def __call__(self, request: Request) -> Response:
        context = request.context
        if "user" not in context:
            context["user"] = await self._identify(request)
        if any(header.startswith("impersonate-") for header in request.headers):
            context["user"] = await self._impersonated(request, context["user"])
        return await self._app(request)

    async def _identify(self, request: Request) -> UserInfo:
        header = request.headers.get("authorization")
        peer = request.peer
        if peer is not None and peer.certificate is not None:
            known = peer.state.get("user")
            if known is None:
                known = peer.state["user"] = user_of(peer.certificate)
            if isinstance(known, UserInfo) and known.name:
                return known
        if header is None:
            return ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        return await self._bearer(token.strip())

    async def _bearer(self, token: str) -> UserInfo:
        static = self._tokens.static.get(token)
        if static is not None:
            return static
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and known[1] > now:
            return known[0]
        try:
            user, _ = await self._tokens.check(token, (), self._clock.now())
        except BadToken as error:
            raise unauthorized() from error
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[digest] = (user, now + REMEMBER_SECONDS)
        return user

    async def _impersonated(self, request: Request, user: UserInfo) -> UserInfo:
        """The user that the Impersonate headers name, if the asker may speak for all that they claim."""
        claimed = claimed_user(request.headers)
        for wanted in impersonations(claimed):
            decision = await self._may(user, wanted)
            if not decision.allowed:
                raise refusal(user, wanted, decision.reason)
        return with_usual_groups(claimed)


def claimed_user(headers: Mapping[str, str]) -> UserInfo:
    """Exactly what the Impersonate headers say; raises 400 if they name no user."""
    name, uid = headers.get("impersonate-user", ""), headers.get("impersonate-uid", "")
    groups = tuple(g.strip() for g in headers.get("impersonate-group", "").split(",") if g.strip())
    extra = {
        unquote(header.removeprefix(EXTRA)): (value,) for header, value in headers.items() if header.startswith(EXTRA)
    }
    if not name:
        claims = [*(f"Group {g}" for g in groups), *(f"UserExtra {k}" for k in extra), *([f"UID {uid}"] if uid else [])]
        raise bad_request(f"requested [{' '.join(claims)}] without impersonating a user")
    return UserInfo(name, uid, groups, extra)


def impersonations(claimed: UserInfo) -> list[Attributes]:
    """What somebody must be allowed to `impersonate` to speak for that user."""
    account = account_of(claimed.name)
    if account is None:
        wanted = [Attributes("impersonate", resource="users", name=claimed.name)]
    else:
        wanted = [Attributes("impersonate", resource="serviceaccounts", namespace=account[0], name=account[1])]
    wanted += [Attributes("impersonate", resource="groups", name=group) for group in claimed.groups]
    for key, values in claimed.extra.items():
        wanted += [Attributes("impersonate", AUTHENTICATION, "userextras", key, name=value) for value in values]
    if claimed.uid:
        wanted.append(Attributes("impersonate", AUTHENTICATION, "uids", name=claimed.uid))
    return wanted


def with_usual_groups(claimed: UserInfo) -> UserInfo:
    """With the groups that such a user always has, where the headers did not say otherwise."""
    groups = claimed.groups
    account = account_of(claimed.name)
    if account is not None and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    if claimed.name == ANONYMOUS.name:
        added = () if UNAUTHENTICATED in groups else (UNAUTHENTICATED,)
    else:
        added = () if {AUTHENTICATED, UNAUTHENTICATED} & set(groups) else (AUTHENTICATED,)
    return UserInfo(claimed.name, claimed.uid, (*groups, *added), claimed.extra)


def account_of(name: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that a user name stands for, if it does."""
    if not name.startswith(PREFIX):
        return None
    namespace, colon, account = name.removeprefix(PREFIX).partition(":")
    return (namespace, account) if colon and namespace and account and ":" not in account else None
