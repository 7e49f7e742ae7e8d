"""What configMap, secret, downwardAPI and projected volumes contain."""

import logging
import os
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sampan.api.json import Obj
from sampan.api.times import parse_time
from sampan.kubelet.env import field_value, resource_value
from sampan.kubelet.podspec import every_container, spec
from sampan.kubelet.volumes.atomic import File, safe_name
from sampan.kubelet.volumes.base import VolumeError

log = logging.getLogger("sampan.kubelet")
DEFAULT_MODE = 0o644
TOKEN_MODE = 0o600
RENEW_AT = 0.8
"""Share of a token's life after which it is renewed, as upstream renews."""
LONGEST = timedelta(hours=24)
"""A token is renewed after this time at the latest."""
AGAIN = timedelta(seconds=60)
"""A token that could not be renewed is used as long as it is good, and asked for again after this time."""
KINDS = ("configMap", "secret", "downwardAPI", "projected")
MISSING = {
    "configMap": "configmap references non-existent config key",
    "secret": "references non-existent secret key",
}
Get = Callable[[str, str, str], Awaitable[Obj | None]]
IssueToken = Callable[[str, str, str, int, Obj], Awaitable[tuple[str, str]]]
"""namespace, service account, audience, seconds, pod -> token and the time it expires (RFC 3339)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A service account token and when to renew it."""

    text: str
    renew: datetime
    expires: datetime


class Payloads:
    """Collects files; tokens are kept until they are due."""

    def __init__(self, get: Get, issue: IssueToken, now: Callable[[], datetime], node: Callable[[], Obj]) -> None:
        self._get, self._issue, self._now, self._node = get, issue, now, node
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
                files[safe_name(wanted["path"])] = await self._token(pod, wanted, source.get("defaultMode"))
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
        return select(contents(found), source, mode, MISSING[kind])

    def _downward(self, pod: Obj, source: Obj, mode: int) -> dict[str, File]:
        files = {}
        for item in source.get("items") or ():
            if ref := item.get("fieldRef"):
                text = field_value(pod, ref["fieldPath"])
            else:
                text = resource_value(pod, {}, item["resourceFieldRef"], self._node())
            files[safe_name(item["path"])] = File(text.encode(), item["mode"] if item.get("mode") is not None else mode)
        return files

    async def _token(self, pod: Obj, wanted: Obj, mode: int | None) -> File:
        user = only_user(pod)
        private = user is not None or (spec(pod).get("securityContext") or {}).get("fsGroup") is not None
        chosen = TOKEN_MODE if private else DEFAULT_MODE if mode is None else mode
        text = await self._token_text(pod, wanted)
        return File(text.encode(), chosen, user if os.geteuid() == 0 else None)

    async def _token_text(self, pod: Obj, wanted: Obj) -> str:
        audience, meta = wanted.get("audience") or "", pod["metadata"]
        key = (meta["uid"], audience, wanted["path"])
        now = self._now()
        token = self._tokens.get(key)
        if token is not None and now < token.renew:
            return token.text
        account = spec(pod).get("serviceAccountName") or "default"
        seconds = int(wanted.get("expirationSeconds") or 3600)
        try:
            text, expires = await self._issue(meta["namespace"], account, audience, seconds, pod)
        except OSError as error:
            if token is None or now >= token.expires:
                raise
            log.warning("token of pod %s/%s: %s", meta["namespace"], meta["name"], error)
            self._tokens[key] = replace(token, renew=min(now + AGAIN, token.expires))
            return token.text
        end = parse_time(expires)
        self._tokens[key] = Token(text, now + min((end - now) * RENEW_AT, LONGEST), end)
        return text


def only_user(pod: Obj) -> int | None:
    """The user that all containers of the pod run as, None when they differ or one does not say."""
    wide = (spec(pod).get("securityContext") or {}).get("runAsUser")
    users = {(c.get("securityContext") or {}).get("runAsUser", wide) for c in every_container(pod)}
    return users.pop() if len(users) == 1 else None


def contents(found: Obj) -> dict[str, bytes]:
    """The keys of a ConfigMap or Secret."""
    encoded = found.get("binaryData") if found.get("kind") == "ConfigMap" else found.get("data")
    made = {key: b64decode(value) for key, value in (encoded or {}).items()}
    if found.get("kind") == "ConfigMap":
        made.update({key: str(value).encode() for key, value in (found.get("data") or {}).items()})
    return made


def select(data: Mapping[str, bytes], source: Obj, mode: int, missing: str) -> dict[str, File]:
    """All keys, or those of `items` under their paths."""
    items = source.get("items")
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item["key"] not in data:
            if source.get("optional"):
                continue
            raise VolumeError(f"{missing}: {item['key']}")
        chosen = item["mode"] if item.get("mode") is not None else mode
        files[safe_name(item["path"])] = File(data[item["key"]], chosen)
    return files
