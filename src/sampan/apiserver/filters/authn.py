"""Find out who asks: client certificate, bearer token, or nobody; then impersonation (context["user"])."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import unquote

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError, unauthorized
from sampan.apiserver.authn.certificates import AUTHENTICATED, user_of
from sampan.apiserver.authn.jwt import BadToken
from sampan.apiserver.authn.service_accounts import PREFIX, ServiceAccountTokens
from sampan.apiserver.context import ANONYMOUS, UserInfo
from sampan.net.http import Handler, Request, Response

Allowed = Callable[[UserInfo, str, str, str, str, str], Awaitable[bool]]
"""(user, verb, group, resource, subresource, name) for impersonation checks."""

REMEMBERED, REMEMBER_SECONDS = 4096, 10.0


class Authn:
    """A request that already has context["user"] (from inside the process) passes unquestioned."""

    def __init__(
        self,
        app: Handler,
        clock: Clock,
        *,
        static: Mapping[str, UserInfo],
        accounts: ServiceAccountTokens | None,
        may: Allowed,
    ) -> None:
        self._app, self._clock = app, clock
        self._static, self._accounts, self._may = static, accounts, may
        self._known: dict[bytes, tuple[UserInfo, float]] = {}

    async def __call__(self, request: Request) -> Response:
        context = request.context
        if "user" not in context:
            context["user"] = await self._identify(request)
        if "impersonate-user" in request.headers or any(h.startswith("impersonate-") for h in request.headers):
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
        static = self._static.get(token)
        if static is not None:
            return static
        if self._accounts is None:
            raise unauthorized()
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and known[1] > now:
            return known[0]
        try:
            user, _ = await self._accounts.check(token, (), self._clock.now())
        except BadToken as error:
            raise unauthorized() from error
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[digest] = (user, now + REMEMBER_SECONDS)
        return user

    async def _impersonated(self, request: Request, user: UserInfo) -> UserInfo:
        """The user that the Impersonate headers name, if the asker may speak for all that they claim."""
        headers = request.headers
        name = headers.get("impersonate-user", "")
        groups = tuple(g.strip() for g in headers.get("impersonate-group", "").split(",") if g.strip())
        uid = headers.get("impersonate-uid", "")
        extra = {
            unquote(header.removeprefix("impersonate-extra-")): (value,)
            for header, value in headers.items()
            if header.startswith("impersonate-extra-")
        }
        if not name:
            raise StatusError(500, "InternalError", *_missing_user())
        await self._check(user, *_user_attributes(name))
        for group in groups:
            await self._check(user, "", "groups", "", group)
        if uid:
            await self._check(user, "authentication.k8s.io", "uids", "", uid)
        for key, values in extra.items():
            for value in values:
                await self._check(user, "authentication.k8s.io", "userextras", key, value)
        if name.startswith(PREFIX) and not groups:
            namespace = name.split(":")[2] if name.count(":") == 3 else ""
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        if name != ANONYMOUS.name and AUTHENTICATED not in groups and "system:unauthenticated" not in groups:
            groups = (*groups, AUTHENTICATED)
        return UserInfo(name, uid, groups or ANONYMOUS.groups, extra)

    async def _check(self, user: UserInfo, group: str, resource: str, subresource: str, name: str) -> None:
        if not await self._may(user, "impersonate", group, resource, subresource, name):
            full = f"{resource}/{subresource}" if subresource else resource
            what = f"{full}.{group}" if group else full
            message = (
                f'{what} "{name}" is forbidden: User "{user.name}" cannot impersonate resource "{full}" '
                f'in API group "{group}" at the cluster scope'
            )
            details = {"name": name, **({"group": group} if group else {}), "kind": full}
            raise StatusError(403, "Forbidden", message, details)


def _missing_user() -> tuple[str, dict[str, object]]:
    text = "requested [{Group    system:authenticated}] without impersonating a user"
    return f"Internal error occurred: {text}", {"causes": [{"message": text}]}


def _user_attributes(name: str) -> tuple[str, str, str, str]:
    if name.startswith(PREFIX) and name.count(":") == 3:
        return "", "serviceaccounts", "", name.rsplit(":", 1)[1]
    return "", "users", "", name
