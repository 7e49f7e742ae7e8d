"""Find out who asks: client certificate, bearer token, or nobody; then impersonation (context["user"])."""

import hashlib
import logging

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError, unauthorized
from sampan.apiserver.access_metrics import ERROR, FAILURE, SUCCESS, AccessMetrics
from sampan.apiserver.answer import status_response
from sampan.apiserver.authn.anonymous import Anonymous
from sampan.apiserver.authn.bearer import PROTOCOL, Bearer, of_header, of_websocket, without_token
from sampan.apiserver.authn.certificates import user_of
from sampan.apiserver.authn.front_proxy import FrontProxy, Standing
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.authn.notes import Notes
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.context import ANONYMOUS, UserInfo
from sampan.apiserver.filters.headers import warning
from sampan.apiserver.filters.impersonation import Decide, Impersonation
from sampan.net.http import Handler, Request, Response
from sampan.obs.log import pairs

log = logging.getLogger("sampan.authentication")
REMEMBERED, REMEMBER_SECONDS = 4096, 10.0
EVERYBODY = Anonymous()
NO_BEARER = Bearer("")
NO_NOTES = Notes()


class Authn:
    """A request that already has context["user"] (from inside the process) passes unquestioned."""

    def __init__(
        self,
        app: Handler,
        clock: Clock,
        *,
        tokens: BearerTokens,
        may: Decide,
        anonymous: Anonymous = EVERYBODY,
        front: FrontProxy | None = None,
        metrics: AccessMetrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._app, self._clock, self._anonymous, self._front = app, clock, anonymous, front
        self._tokens, self._impersonation = tokens, Impersonation(may)
        self._known: dict[bytes, tuple[UserInfo, float, Notes]] = {}

    async def __call__(self, request: Request) -> Response:
        context = request.context
        notes = NO_NOTES
        if "user" not in context:
            context["user"], notes = await (self._counted(request) if self._metrics else self._identify(request))
        trail = context.get("audit")
        if trail is not None:
            trail.annotations.update(notes.annotations)
            trail.begin(context["user"])
            refused: Response | None = await context["audited"](request)
            if refused is not None:
                return refused
        if any(header.startswith("impersonate-") for header in request.headers):
            asker = context["user"]
            context["user"] = await self._impersonation.become(request, asker)
            if trail is not None and context["user"] is not asker:
                trail.impersonates(context["user"], self._impersonation.constraint(asker))
        return await (self._warned(request, notes) if notes.warnings else self._app(request))

    async def _counted(self, request: Request) -> tuple[UserInfo, Notes]:
        assert self._metrics is not None
        began = self._clock.monotonic()
        try:
            found = await self._identify(request)
        except StatusError:
            offered = "authorization" in request.headers or (request.peer is not None and request.peer.certificate)
            self._metrics.authenticated(ERROR if offered else FAILURE, self._clock.monotonic() - began)
            raise
        self._metrics.authenticated(SUCCESS, self._clock.monotonic() - began, found[0].name)
        return found

    async def _warned(self, request: Request, notes: Notes) -> Response:
        """The answer, good or bad, with what is to be said of the credentials."""
        try:
            response = await self._app(request)
        except StatusError as error:
            response = status_response(request, error)
        response.headers.extend(warning(text) for text in notes.warnings)
        return response

    async def _identify(self, request: Request) -> tuple[UserInfo, Notes]:
        header = request.headers.get("authorization")
        peer = request.peer
        if peer is not None and peer.certificate is not None:
            if "standing" not in peer.state:
                peer.state["standing"] = self._standing(peer.certificate)
            standing: Standing = peer.state["standing"]
            if standing.front and self._front is not None and (named := self._front.user_of(request)) is not None:
                self._front.forget(request)
                return named, NO_NOTES
            if standing.user is not None and standing.user.name:
                return standing.user, NO_NOTES
            if standing.user is None and header is None:
                raise unauthorized()
        bearer = of_header(header) if header is not None else NO_BEARER
        if bearer.token:
            return await self._bearer(bearer.token)
        if PROTOCOL in request.headers and (found := await self._websocket(request)) is not None:
            return found
        if not self._anonymous.lets(request.path):
            raise unauthorized()
        return ANONYMOUS, Notes([bearer.warning]) if bearer.warning else NO_NOTES

    def _standing(self, certificate: bytes) -> Standing:
        return self._front.standing(certificate) if self._front is not None else Standing(False, user_of(certificate))

    async def _websocket(self, request: Request) -> tuple[UserInfo, Notes] | None:
        """Whose token is among the subprotocols, if one is."""
        try:
            token = of_websocket(request)
        except BadToken as error:
            raise unauthorized() from error
        if not token:
            return None
        known = await self._bearer(token)
        without_token(request)
        return known

    async def _bearer(self, token: str) -> tuple[UserInfo, Notes]:
        static = self._tokens.static.get(token)
        if static is not None:
            return static, NO_NOTES
        digest = hashlib.sha256(token.encode()).digest()
        now = self._clock.monotonic()
        known = self._known.get(digest)
        if known is not None and known[1] > now:
            return known[0], known[2]
        notes = Notes()
        try:
            user, _ = await self._tokens.check(token, (), self._clock.now(), notes)
        except BadToken as error:
            why = f"[invalid bearer token, {error}]" if isinstance(error, InvalidToken) else "invalid bearer token"
            log.error("Unable to authenticate the request", extra=pairs(err=why))
            raise unauthorized() from error
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[digest] = (user, now + REMEMBER_SECONDS, notes)
        return user, notes
