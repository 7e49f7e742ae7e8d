"""Who may ask a node agent what: client certificates and tokens, then a review by the API server."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, Literal, Protocol, TypeVar

from sampan.aio.clock import Clock
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.net.http import Request

VERBS = {"POST": "create", "GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
FINE = (("pods", "pods"), ("healthz", "healthz"), ("configz", "configz"), ("runningpods", "pods"))
"""Paths with a subresource of their own (KubeletFineGrainedAuthz); who may not have that may still have the proxy."""
OWN = {
    "stats": "stats", "metrics": "metrics", "logs": "log", "checkpoint": "checkpoint", "statusz": "statusz",
    "flagz": "configz",
}  # fmt: skip
MOST = 1024
"""Answers kept."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """KubeletConfiguration's `authentication` and `authorization`; times in seconds."""

    anonymous: bool = False
    webhook: bool = True
    """Tokens are reviewed by the API server."""
    token_ttl: float = 120.0
    mode: Literal["Webhook", "AlwaysAllow"] = "Webhook"
    allowed_ttl: float = 300.0
    denied_ttl: float = 30.0


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class Refused(Exception):
    """The request is not let in; status and text of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Door(Protocol):
    """Lets requests in, or raises Refused."""

    async def admit(self, request: Request) -> None: ...


class _Kept(Generic[T]):
    """Answers for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[object, tuple[float, T]] = {}

    def get(self, key: object) -> T | None:
        found = self._known.get(key)
        return found[1] if found is not None and found[0] > self._clock.monotonic() else None

    def put(self, key: object, answer: T, seconds: float) -> None:
        if len(self._known) >= MOST:
            now = self._clock.monotonic()
            self._known = {k: v for k, v in self._known.items() if v[0] > now}
            if len(self._known) >= MOST:
                self._known.clear()
        self._known[key] = (self._clock.monotonic() + seconds, answer)


class ReviewedDoor:
    """The Door of one node: TokenReview and SubjectAccessReview at the API server, answers kept as upstream does.

    Client certificates were verified by TLS; their subject is the user.
    """

    def __init__(self, api: Api, node: str, access: Access, clock: Clock) -> None:
        self._api, self._node, self._access = api, node, access
        self._users: _Kept[User] = _Kept(clock)
        self._verdicts: _Kept[bool] = _Kept(clock)

    async def admit(self, request: Request) -> None:
        """Raises Refused: 401, 403, or 500 when the API server cannot be asked."""
        user = await self._authenticate(request)
        if self._access.mode == "AlwaysAllow":
            return
        verb = VERBS.get(request.method, "")
        wanted = subresources(request.path)
        for subresource in wanted:
            try:
                if await self._allowed(user, verb, subresource):
                    return
            except (StatusError, OSError) as error:
                what = f"(user={user.name}, verb={verb}, resource=nodes, subresource={subresource})"
                raise Refused(500, f"Authorization error {what}") from error
        shown = f"user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{' '.join(wanted)}]"
        raise Refused(403, f"Forbidden ({shown})\n")

    async def _authenticate(self, request: Request) -> User:
        if request.peer is not None and request.peer.certificate is not None:
            user = request.peer.state.get("user")
            if user is None:
                user = request.peer.state["user"] = certified(request.peer.certificate)
            if isinstance(user, User) and user.name:
                return user
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token.strip() and self._access.webhook:
            user = await self._reviewed(token.strip())
            if user is not None:
                return user
        elif self._access.anonymous and not request.headers.get("authorization"):
            return ANONYMOUS
        raise Refused(401, "Unauthorized")

    async def _reviewed(self, token: str) -> User | None:
        key = sha256(token.encode()).digest()
        known = self._users.get(key)
        if known is not None:
            return known
        spec = {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token}}
        try:
            answer = await self._post("/apis/authentication.k8s.io/v1/tokenreviews", spec)
        except (StatusError, OSError) as error:
            raise Refused(401, "Unauthorized") from error
        status = answer.get("status") or {}
        if not status.get("authenticated"):
            return None
        found: Obj = status.get("user") or {}
        extra = {name: tuple(values) for name, values in (found.get("extra") or {}).items()}
        user = User(found.get("username", ""), tuple(found.get("groups") or ()), found.get("uid", ""), extra)
        self._users.put(key, user, self._access.token_ttl)
        return user

    async def _allowed(self, user: User, verb: str, subresource: str) -> bool:
        key = (user.name, user.uid, user.groups, tuple(sorted(user.extra.items())), verb, subresource)
        known = self._verdicts.get(key)
        if known is not None:
            return known
        attributes = {"verb": verb, "version": "v1", "resource": "nodes", "subresource": subresource}
        spec: Obj = {"user": user.name, "resourceAttributes": {**attributes, "name": self._node}}
        spec.update({"groups": list(user.groups)} if user.groups else {})
        spec.update({"uid": user.uid} if user.uid else {})
        spec.update({"extra": {name: list(values) for name, values in user.extra.items()}} if user.extra else {})
        review = {"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
        answer = await self._post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        allowed = bool((answer.get("status") or {}).get("allowed"))
        self._verdicts.put(key, allowed, self._access.allowed_ttl if allowed else self._access.denied_ttl)
        return allowed

    async def _post(self, path: str, body: Obj) -> Obj:
        await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        answer: Obj = await self._api.call("POST", path, body)
        return answer


def subresources(path: str) -> list[str]:
    """The subresources of nodes by which a path may be asked for: any of them will do."""
    first = path.strip("/").partition("/")[0]
    if first in OWN:
        return [OWN[first]]
    return [*(name for at, name in FINE if at == first), "proxy"]


def certified(der: bytes) -> User:
    """The user of a client certificate: its common name, its organizations as groups."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.load_der_x509_certificate(der).subject

    def values(kind: Any) -> tuple[str, ...]:
        return tuple(str(a.value) for a in subject.get_attributes_for_oid(kind))

    name = next(iter(values(NameOID.COMMON_NAME)), "")
    return User(name, (*values(NameOID.ORGANIZATION_NAME), "system:authenticated"))
