"""Service account tokens: bound to an audience, a time, and to objects that must still exist (KEP-1205)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.apiserver.authn.certificates import AUTHENTICATED, CREDENTIAL
from sampan.apiserver.authn.jwt import BadToken, InvalidToken, Signer
from sampan.apiserver.context import UserInfo

ISSUER = "https://kubernetes.default.svc.cluster.local"
PRIVATE = "kubernetes.io"
PREFIX = "system:serviceaccount:"
LEEWAY = 60
"""Seconds, as upstream: clocks may differ by them, and a token outlives the deletion of what it is bound to by them."""
GONE = "service account token has been invalidated"
POD_NAME, POD_UID = "authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid"
NODE_NAME, NODE_UID = "authentication.kubernetes.io/node-name", "authentication.kubernetes.io/node-uid"


class Objects(Protocol):
    """Reads of the objects that tokens are bound to: kind is the plural in the core group."""

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None: ...


class ServiceAccountTokens:
    """Issues and checks tokens."""

    def __init__(self, signer: Callable[[], Signer], objects: Objects, issuer: str = ISSUER) -> None:
        self.signer, self._objects, self.issuer = signer, objects, issuer

    def issue(self, account: Obj, audiences: Sequence[str], seconds: int, now: datetime, *, bound: Obj | None, id_: str,
              node: Obj | None = None) -> str:  # fmt: skip
        """A token for an account; it ends with `bound` (a Pod, Secret or Node). `node`: the node of a bound pod."""
        meta = account["metadata"]
        issued = int(now.timestamp())
        private: dict[str, Any] = {"namespace": meta["namespace"]}
        private["serviceaccount"] = {"name": meta["name"], "uid": meta["uid"]}
        for obj in (bound, node):
            if obj is not None:
                private[obj["kind"].lower()] = {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
        claims = {
            "aud": list(audiences) or [self.issuer],
            "exp": issued + seconds,
            "iat": issued,
            "iss": self.issuer,
            "jti": id_,
            PRIVATE: private,
            "nbf": issued,
            "sub": f"{PREFIX}{meta['namespace']}:{meta['name']}",
        }
        return self.signer().sign(claims)

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """The user of a token, and which of the audiences it is for. Raises BadToken."""
        claims = self.signer().verify(token)
        if claims.get("iss") != self.issuer:
            raise BadToken("another issuer")
        wanted, meant = list(audiences) or [self.issuer], claims.get("aud") or []
        served = [audience for audience in wanted if audience in meant]
        if not served:
            raise InvalidToken(
                f"token audiences {_quoted(meant)} is invalid for the target audiences {_quoted(wanted)}"
            )
        seconds = now.timestamp()
        if seconds > float(claims.get("exp", 0)) + LEEWAY:
            raise InvalidToken("service account token has expired")
        if seconds < float(claims.get("nbf", 0)) - LEEWAY:
            raise InvalidToken("service account token is not valid yet")
        user = await self._user(claims, now)
        return user, served

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
            extra |= {NODE_NAME: (node["name"],), NODE_UID: (node["uid"],)}
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return UserInfo(f"{PREFIX}{namespace}:{account.get('name', '')}", account.get("uid", ""), groups, extra)

    async def _alive(self, plural: str, namespace: str, ref: Obj, now: datetime) -> None:
        obj = await self._objects.get(plural, namespace, ref.get("name", ""))
        if obj is None or obj["metadata"].get("uid") != ref.get("uid"):
            raise InvalidToken(GONE)
        deleted = obj["metadata"].get("deletionTimestamp")
        if deleted and (now - parse_time(deleted)).total_seconds() > LEEWAY:
            raise InvalidToken(GONE)


def _quoted(items: Sequence[str]) -> str:
    return "[" + " ".join(f'"{item}"' for item in items) + "]"
