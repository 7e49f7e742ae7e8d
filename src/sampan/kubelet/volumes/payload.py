"""What configMap, secret, downwardAPI and projected volumes contain."""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.kubelet.env import field_value, resource_value
from sampan.kubelet.podspec import spec
from sampan.kubelet.volumes.atomic import File, safe_name
from sampan.kubelet.volumes.base import VolumeError

DEFAULT_MODE = 0o644
TOKEN_MODE, SHARED_TOKEN_MODE = 0o600, 0o644
RENEW_AT = 0.8
"""Share of a token's life after which it is renewed, as upstream renews."""
KINDS = ("configMap", "secret", "downwardAPI", "projected")
Get = Callable[[str, str, str], Awaitable[Obj | None]]
IssueToken = Callable[[str, str, str, int, Obj], Awaitable[tuple[str, str]]]
"""namespace, service account, audience, seconds, pod -> token and the time it expires (RFC 3339)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A service account token and when to renew it."""

    text: str
    renew: datetime


class Payloads:
    """Collects files; tokens are kept until they are due."""

    def __init__(self, get: Get, issue: IssueToken, now: Callable[[], datetime]) -> None:
        self._get, self._issue, self._now = get, issue, now
        self._tokens: dict[tuple[str, str, str], Token] = {}

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for key in [key for key in self._tokens if key[0] == uid]:
            del self._tokens[key]

    def renewal(self, uid: str) -> datetime | None:
        """When the first of a pod's tokens is to be renewed."""
        return min((token.renew for key, token in self._tokens.items() if key[0] == uid), default=None)

    async def files(self, pod: Obj, volume: Obj) -> dict[str, File]:
        """The files of one volume. Raises VolumeError with what is missing."""
        for kind in ("configMap", "secret", "downwardAPI"):
            if kind in volume:
                return await self._source(pod, kind, volume[kind], None)
        source = volume["projected"]
        files: dict[str, File] = {}
        for part in source.get("sources") or ():
            for kind in ("configMap", "secret", "downwardAPI"):
                if kind in part:
                    files.update(await self._source(pod, kind, part[kind], source.get("defaultMode")))
            if wanted := part.get("serviceAccountToken"):
                files[safe_name(wanted["path"])] = await self._token(pod, wanted)
            if "clusterTrustBundle" in part or "podCertificate" in part:
                raise VolumeError("clusterTrustBundle and podCertificate sources are not supported by this node")
        return files

    async def _source(self, pod: Obj, kind: str, source: Obj, inherited: int | None) -> dict[str, File]:
        mode = source.get("defaultMode")
        mode = (inherited if inherited is not None else DEFAULT_MODE) if mode is None else mode
        if kind == "downwardAPI":
            return self._downward(pod, source, mode)
        what = "configmap" if kind == "configMap" else "secret"
        name = source.get("name") or source.get("secretName") or ""
        namespace = pod["metadata"]["namespace"]
        found = await self._get("ConfigMap" if kind == "configMap" else "Secret", namespace, name)
        if found is None:
            if source.get("optional"):
                return {}
            raise VolumeError(f'{what} "{name}" not found')
        return select(contents(found), source, mode, f"{what} {namespace}/{name}")

    def _downward(self, pod: Obj, source: Obj, mode: int) -> dict[str, File]:
        files = {}
        for item in source.get("items") or ():
            if ref := item.get("fieldRef"):
                text = field_value(pod, ref["fieldPath"])
            else:
                text = resource_value(pod, {}, item["resourceFieldRef"], {})
            files[safe_name(item["path"])] = File(text.encode(), item["mode"] if item.get("mode") is not None else mode)
        return files

    async def _token(self, pod: Obj, wanted: Obj) -> File:
        audience, meta = wanted.get("audience") or "", pod["metadata"]
        key = (meta["uid"], audience, wanted["path"])
        now = self._now()
        token = self._tokens.get(key)
        if token is None or now >= token.renew:
            account = spec(pod).get("serviceAccountName") or "default"
            seconds = int(wanted.get("expirationSeconds") or 3600)
            text, expires = await self._issue(meta["namespace"], account, audience, seconds, pod)
            life = parse_time(expires) - now
            token = self._tokens[key] = Token(text, now + life * RENEW_AT)
        own = (spec(pod).get("securityContext") or {}).get("fsGroup") is None and _one_user(pod) is not None
        return File(token.text.encode(), TOKEN_MODE if own else SHARED_TOKEN_MODE)


def _one_user(pod: Obj) -> int | None:
    """The user that all containers run as, if there is one."""
    wide = (spec(pod).get("securityContext") or {}).get("runAsUser")
    users = {(c.get("securityContext") or {}).get("runAsUser", wide) for c in spec(pod).get("containers") or ()}
    only = users.pop() if len(users) == 1 else None
    return only if only == 0 else None


def contents(found: Obj) -> dict[str, bytes]:
    """The keys of a ConfigMap or Secret."""
    encoded = found.get("binaryData") if found.get("kind") == "ConfigMap" else found.get("data")
    made = {key: b64decode(value) for key, value in (encoded or {}).items()}
    if found.get("kind") == "ConfigMap":
        made.update({key: str(value).encode() for key, value in (found.get("data") or {}).items()})
    return made


def select(data: Mapping[str, bytes], source: Obj, mode: int, what: str) -> dict[str, File]:
    """All keys, or those of `items` under their paths."""
    items = source.get("items")
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            raise VolumeError(f"references non-existent config key: {item['key']} ({what})")
        chosen = item["mode"] if item.get("mode") is not None else mode
        files[safe_name(item["path"])] = File(data[item["key"]], chosen)
    return files
