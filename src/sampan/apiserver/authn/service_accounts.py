"""Service account tokens: bound to an audience, a time, and to objects that must still exist (KEP-1205)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sampan.api.json import Obj
from sampan.apiserver.authn.certificates import AUTHENTICATED
from sampan.apiserver.authn.jwt import BadToken, Signer
from sampan.apiserver.context import UserInfo

ISSUER = "https://kubernetes.default.svc.cluster.local"
PRIVATE = "kubernetes.io"
PREFIX = "system:serviceaccount:"
LEEWAY = 10
"""Seconds by which clocks may differ."""
POD_NAME, POD_UID = "authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid"
NODE_NAME, NODE_UID = "authentication.kubernetes.io/node-name", "authentication.kubernetes.io/node-uid"
CREDENTIAL = "authentication.kubernetes.io/credential-id"


class Objects(Protocol):
    """Reads of the objects that tokens are bound to: kind is the plural in the core group."""

    async def get(self, plural: str, namespace: str, name: str) -> Obj | None: ...


class ServiceAccountTokens:
    """Issues and checks tokens."""

    def __init__(self, signer: Signer, objects: Objects, issuer: str = ISSUER) -> None:
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
        return self.signer.sign(claims)

    async def check(self, token: str, audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """The user of a token, and which of the audiences it is for. Raises BadToken."""
        claims = self.signer.verify(token)
        if claims.get("iss") != self.issuer:
            raise BadToken("another issuer")
        seconds = now.timestamp()
        if seconds > float(claims.get("exp", 0)) + LEEWAY or seconds < float(claims.get("nbf", 0)) - LEEWAY:
            raise BadToken("not valid now")
        wanted = list(audiences) or [self.issuer]
        served = [audience for audience in wanted if audience in claims.get("aud", ())]
        if not served:
            raise BadToken("for another audience")
        private = claims.get(PRIVATE) or {}
        namespace = private.get("namespace", "")
        account = private.get("serviceaccount") or {}
        await self._alive("serviceaccounts", namespace, account)
        extra: dict[str, tuple[str, ...]] = {}
        if claims.get("jti"):
            extra[CREDENTIAL] = (f"JTI={claims['jti']}",)
        for kind, plural in (("pod", "pods"), ("secret", "secrets"), ("node", "nodes")):
            bound = private.get(kind)
            if bound and not (kind == "node" and "pod" in private):
                await self._alive(plural, "" if kind == "node" else namespace, bound)
        if pod := private.get("pod"):
            extra |= {POD_NAME: (pod["name"],), POD_UID: (pod["uid"],)}
        if node := private.get("node"):
            extra |= {NODE_NAME: (node["name"],), NODE_UID: (node["uid"],)}
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        user = UserInfo(f"{PREFIX}{namespace}:{account.get('name', '')}", account.get("uid", ""), groups, extra)
        return user, served

    async def _alive(self, plural: str, namespace: str, ref: Obj) -> None:
        obj = await self._objects.get(plural, namespace, ref.get("name", ""))
        if obj is None or obj["metadata"].get("uid") != ref.get("uid"):
            raise BadToken(f"the {plural} that it is bound to is gone")
        deleted = obj["metadata"].get("deletionTimestamp")
        if deleted and plural == "serviceaccounts":
            raise BadToken("its account is being deleted")
