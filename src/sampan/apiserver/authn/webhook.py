"""Bearer tokens that a server outside knows: it is asked by TokenReview, and its answers are kept for a while."""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.apiserver.authn.certificates import with_authenticated
from sampan.apiserver.authn.jwt import BadToken, InvalidToken
from sampan.apiserver.config_shape import Lists, Struct
from sampan.apiserver.context import UserInfo
from sampan.apiserver.review_caller import ReviewCaller
from sampan.apiserver.webhook_client import CallFailed
from sampan.obs.log import pairs

log = logging.getLogger("sampan.authentication")
GROUP, VERSIONS = "authentication.k8s.io", ("v1", "v1beta1")
MOST = 32768
USER = Struct("UserInfo", {"username": str, "uid": str, "groups": [str], "extra": Lists("v1.ExtraValue")})
SHAPE = Struct(
    "TokenReview",
    {
        "status": Struct(
            "TokenReviewStatus",
            {
                "authenticated": bool,
                "user": USER,
                "audiences": [str],
                "error": str,
            },
        )
    },
)


class Answered(NamedTuple):
    """What the server outside said: the user, if it is one's, and the audiences."""

    user: UserInfo | None
    audiences: tuple[str, ...] = ()
    wrong: str = ""
    """Why there is no answer, or why the token is refused; not kept."""


class TokenWebhook:
    """A TokenAuthenticator. `ttl`: seconds for which answers are kept, 0 for none; `own`: the server's audiences."""

    def __init__(self, caller: ReviewCaller, version: str, ttl: float, own: Sequence[str], clock: Clock) -> None:
        self._caller, self._ttl, self._own, self._clock = caller, ttl, tuple(own), clock
        self._version = f"{GROUP}/{version}"
        self._kept: dict[bytes, tuple[Answered, float]] = {}
        self._asking: dict[bytes, asyncio.Task[Answered]] = {}
        self._tasks = Tasks()

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """As TokenAuthenticator."""
        wanted = tuple(audiences) or self._own
        answered = await self._answer(token, wanted)
        if answered.wrong:
            raise InvalidToken(answered.wrong)
        if answered.user is None:
            raise BadToken("the webhook does not know it")
        return answered.user, list(answered.audiences)

    async def _answer(self, token: str, wanted: tuple[str, ...]) -> Answered:
        key = hashlib.sha256("\0".join((token, *wanted)).encode()).digest()
        kept = self._kept.get(key)
        if kept is not None and kept[1] > self._clock.monotonic():
            return kept[0]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = self._tasks.start(self._ask(token, wanted), "token webhook")
            asking.add_done_callback(lambda done: self._asking.pop(key, None))
        answered = await asyncio.shield(asking)
        if self._ttl > 0 and not answered.wrong:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = (answered, self._clock.monotonic() + self._ttl)
        return answered

    async def _ask(self, token: str, wanted: tuple[str, ...]) -> Answered:
        spec: Obj = {"token": token, "audiences": list(wanted)}
        review = {
            "kind": "TokenReview", "apiVersion": self._version, "metadata": {}, "spec": spec, "status": {"user": {}},
        }  # fmt: skip
        try:
            status = await self._caller.send(review)
        except CallFailed as failed:
            log.error("Failed to make webhook authenticator request", extra=pairs(err=str(failed)))
            return Answered(None, wrong=str(failed))
        served = tuple(one for one in status.get("audiences") or self._own if one in wanted)
        if not served:
            return Answered(None)
        if status.get("authenticated") is not True:
            return Answered(None, wrong=str(status.get("error") or ""))
        return Answered(_user(status.get("user") or {}), served)

    async def close(self) -> None:
        """End what is under way."""
        await self._tasks.cancel()
        await self._caller.close()


def _user(given: Obj) -> UserInfo:
    name = str(given.get("username") or "")
    groups = with_authenticated(name, tuple(str(one) for one in given.get("groups") or ()))
    extra = {str(key): tuple(map(str, values or ())) for key, values in (given.get("extra") or {}).items()}
    return UserInfo(name, str(given.get("uid") or ""), groups, extra)
