"""Service account tokens: bound to an audience, a time, and to objects that must still exist (KEP-1205)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.apiserver.authn import legacy_tokens
from sampan.apiserver.authn.certificates import AUTHENTICATED, CREDENTIAL
from sampan.apiserver.authn.jwt import BadToken, InvalidToken, Signer
from sampan.apiserver.authn.legacy_tokens import PREFIX, LegacyTokens
from sampan.apiserver.authn.notes import Notes, TokenMetrics
from sampan.apiserver.authn.objects import Objects
from sampan.apiserver.context import UserInfo

ISSUER = "https://kubernetes.default.svc.cluster.local"
PRIVATE = "kubernetes.io"
LEEWAY = 60
"""Seconds, as upstream: clocks may differ by them, and a token outlives the deletion of what it is bound to by them."""
GONE = "service account token has been invalidated"
POD_NAME, POD_UID = "authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid"
NODE_NAME, NODE_UID = "authentication.kubernetes.io/node-name", "authentication.kubernetes.io/node-uid"
STALE = "authentication.k8s.io/stale-token"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What tokens are like."""

    issuers: tuple[str, ...] = (ISSUER,)
    """The first one issues tokens, those of all count."""
    audiences: tuple[str, ...] = ()
    """Of this server; none: the issuers."""
    longest: int = 0
    """Seconds that a token may live; 0: as long as is asked for."""
    extends: bool = True
    """Whether pods' default tokens live for a year."""


class ServiceAccountTokens:
    """Issues and checks tokens. Without `legacy`, tokens of Secrets are none."""

    def __init__(
        self, signer: Callable[[], Signer], objects: Objects, settings: TokenSettings | None = None, *,
        legacy: LegacyTokens | None = None, metrics: TokenMetrics | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings or TokenSettings()
        self.signer, self._objects = signer, objects
        self.issuer = self.settings.issuers[0]
        self.audiences = self.settings.audiences or self.settings.issuers
        self._legacy, self._metrics = legacy, metrics

    def issue(self, account: Obj, audiences: Sequence[str], seconds: int, now: datetime, *, bound: Obj | None, id_: str,
              node: Obj | None = None, warn_after: int = 0) -> str:  # fmt: skip
        """A token for an account; it ends with `bound` (a Pod, Secret or Node). `node`: the node of a bound pod.
        `warn_after`: seconds after which a use of it is noted, 0 for never."""
        meta = account["metadata"]
        issued = int(now.timestamp())
        private: dict[str, Any] = {"namespace": meta["namespace"]}
        private["serviceaccount"] = {"name": meta["name"], "uid": meta["uid"]}
        for obj in (bound, node):
            if obj is not None:
                private[obj["kind"].lower()] = {k: obj["metadata"][k] for k in ("name", "uid") if k in obj["metadata"]}
        if warn_after:
            private["warnafter"] = issued + warn_after
        claims = {
            "aud": list(audiences) or list(self.audiences),
            "exp": issued + seconds,
            "iat": issued,
            "iss": self.issuer,
            "jti": id_,
            PRIVATE: private,
            "nbf": issued,
            "sub": f"{PREFIX}{meta['namespace']}:{meta['name']}",
        }
        return self.signer().sign(claims)

    def issue_legacy(self, account: Obj, secret: Obj) -> str:
        """The token that a Secret is to keep: as good as the Secret and the account."""
        return self.signer().sign(legacy_tokens.claims_of(account, secret))

    async def check(
        self, token: str, audiences: Sequence[str], now: datetime, notes: Notes | None = None
    ) -> tuple[UserInfo, list[str]]:
        """The user of a token, and which of the audiences it is for. Raises BadToken."""
        claims = self.signer().verify(token)
        old = claims.get("iss") == legacy_tokens.ISSUER and self._legacy is not None
        if claims.get("iss") not in self.settings.issuers and not old:
            raise BadToken("another issuer")
        said = notes if notes is not None else Notes()
        meant = claims.get("aud") or []
        if not meant:
            said.annotations[legacy_tokens.SAY] = claims.get("sub") or ""
            if self._metrics is not None:
                self._metrics.legacy.inc()
            meant = list(self.audiences)
        wanted = list(audiences) or list(self.audiences)
        served = [audience for audience in wanted if audience in meant]
        if not served:
            raise InvalidToken(
                f"token audiences {_quoted(meant)} is invalid for the target audiences {_quoted(wanted)}"
            )
        if old and self._legacy is not None:
            return _account_user(*await self._legacy.check(token, claims, now, said), {}), served
        seconds = now.timestamp()
        if seconds > float(claims.get("exp", 0)) + LEEWAY:
            raise InvalidToken("service account token has expired")
        if seconds < float(claims.get("nbf", 0)) - LEEWAY:
            raise InvalidToken("service account token is not valid yet")
        user = await self._user(claims, now)
        self._note_age(claims, seconds, said)
        return user, served

    def _note_age(self, claims: Obj, seconds: float, notes: Notes) -> None:
        """Tokens of pods live for a year so that old clients go on; they are to be read anew every hour."""
        limit = (claims.get(PRIVATE) or {}).get("warnafter")
        if not limit:
            return
        if seconds > limit:
            notes.annotations[STALE] = (
                f"subject: {claims.get('sub')}, seconds after warning threshold: {int(seconds) - int(limit)}"
            )
        if self._metrics is not None:
            (self._metrics.stale if seconds > limit else self._metrics.valid).inc()

    async def _user(self, claims: Obj, now: datetime) -> UserInfo:
        """Who a token speaks for, if all that it is bound to still lives. Raises InvalidToken."""
        private = claims.get(PRIVATE) or {}
        namespace = private.get("namespace", "")
        account = private.get("serviceaccount") or {}
        await self._alive("serviceaccounts", namespace, account, now)
        extra: dict[str, tuple[str, ...]] = {}
        if claims.get("jti"):
            extra[CREDENTIAL] = (f"JTI={claims['jti']}",)
        for kind, plural in (("pod", "pods"), ("secret", "secrets"), ("node", "nodes")):
            bound = private.get(kind)
            if bound and not (kind == "node" and "pod" in private):
                await self._alive(plural, "" if kind == "node" else namespace, bound, now)
        if pod := private.get("pod"):
            extra |= {POD_NAME: (pod["name"],), POD_UID: (pod["uid"],)}
        if node := private.get("node"):
            extra[NODE_NAME] = (node["name"],)
            if node.get("uid"):
                extra[NODE_UID] = (node["uid"],)
        return _account_user(namespace, account.get("name", ""), account.get("uid", ""), extra)

    async def _alive(self, plural: str, namespace: str, ref: Obj, now: datetime) -> None:
        obj = await self._objects.get(plural, namespace, ref.get("name", ""))
        if obj is None or obj["metadata"].get("uid") != ref.get("uid"):
            raise InvalidToken(GONE)
        deleted = obj["metadata"].get("deletionTimestamp")
        if deleted and (now - parse_time(deleted)).total_seconds() > LEEWAY:
            raise InvalidToken(GONE)


def _account_user(namespace: str, name: str, uid: str, extra: dict[str, tuple[str, ...]]) -> UserInfo:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return UserInfo(f"{PREFIX}{namespace}:{name}", uid, groups, extra)


def _quoted(items: Sequence[str]) -> str:
    return "[" + " ".join(f'"{item}"' for item in items) + "]"
