"""Images for containers: by pull policy, with back-off between failed pulls."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.times import format_duration
from sampan.kubelet.runtime import CriError, Runtime

FIRST, MOST, FORGET = 10.0, 300.0, 600.0
"""Back-off of failed pulls in seconds; after FORGET quiet seconds it starts over."""
HUB = "docker.io"
HUB_KEYS = ("docker.io", "index.docker.io", "https://index.docker.io/v1/", "registry-1.docker.io")
REFERENCE = re.compile(r"^[a-z0-9]+([._:/@-]+[A-Za-z0-9_]+)*$|^[a-z0-9][A-Za-z0-9._/:@-]*$")
EventSink = Callable[[Obj, str, str, str, str], None]
"""pod, Normal or Warning, reason, message, container name"""


class ImageError(Exception):
    """There is no image to run; `reason` is what a container's status shows."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(frozen=True, slots=True)
class Backoff:
    """Of one pod's image: how long to wait, since when, and why."""

    delay: float
    since: float
    why: str


def with_tag(image: str) -> str:
    """The image as it is asked for: `latest` when it says neither tag nor digest."""
    name = image.rpartition("/")[2]
    return image if ":" in name or "@" in image else f"{image}:latest"


def registry_of(image: str) -> str:
    """The registry's host, docker.io when none is named."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else HUB


def credentials(image: str, secrets: Sequence[Obj]) -> Mapping[str, str] | None:
    """User and password for an image out of the pod's pull secrets; None when no entry is for its registry."""
    registry = registry_of(image)
    wanted = HUB_KEYS if registry == HUB else (registry,)
    for secret in secrets:
        for host, entry in _entries(secret).items():
            bare = re.sub(r"^https?://", "", host).rstrip("/")
            if host not in wanted and bare.partition("/")[0] not in wanted:
                continue
            if entry.get("auth") and not entry.get("username"):
                user, _, password = b64decode(entry["auth"]).decode(errors="replace").partition(":")
                return {"username": user, "password": password}
            return {"username": entry.get("username", ""), "password": entry.get("password", "")}
    return None


def _entries(secret: Obj) -> Mapping[str, Any]:
    data = secret.get("data") or {}
    try:
        if raw := data.get(".dockerconfigjson"):
            found: Mapping[str, Any] = loads(b64decode(raw)).get("auths") or {}
            return found
        if raw := data.get(".dockercfg"):
            older: Mapping[str, Any] = loads(b64decode(raw))
            return older
    except (JSONDecodeError, ValueError, AttributeError):
        return {}
    return {}


class Images:
    """Makes sure that images are there."""

    def __init__(self, runtime: Runtime, clock: Clock, on_event: EventSink) -> None:
        self._runtime, self._clock, self._event = runtime, clock, on_event
        self._backoff: dict[tuple[str, str], Backoff] = {}

    async def ensure(self, pod: Obj, container: Obj, secrets: Sequence[Obj]) -> str:
        """The reference by which the runtime knows the container's image. Raises ImageError."""
        image, name = with_tag(container.get("image") or ""), container["name"]
        if not REFERENCE.match(image):
            why = "invalid reference format"
            text = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {why}'
            self._event(pod, "Warning", "InspectFailed", text, name)
            raise ImageError("InvalidImageName", text)
        policy = container.get("imagePullPolicy") or "IfNotPresent"
        try:
            present = await self._runtime.image_status(image)
        except CriError as error:
            text = f'Failed to inspect image "{image}": {error.message}'
            self._event(pod, "Warning", "Failed", text, name)
            raise ImageError("ImageInspectError", text) from error
        if present is not None and policy != "Always":
            text = f'Container image "{image}" already present on machine and can be accessed by the pod'
            self._event(pod, "Normal", "Pulled", text, name)
            return present.id
        if policy == "Never":
            text = f'Container image "{image}" is not present with pull policy of Never'
            self._event(pod, "Warning", "ErrImageNeverPull", text, name)
            raise ImageError("ErrImageNeverPull", text)
        return await self._pull(pod, name, image, secrets)

    async def _pull(self, pod: Obj, name: str, image: str, secrets: Sequence[Obj]) -> str:
        key = (pod["metadata"]["uid"], image)
        now = self._clock.monotonic()
        backoff = self._backoff.get(key)
        if backoff is not None and now - backoff.since > FORGET + backoff.delay:
            backoff = None
        if backoff is not None and now - backoff.since < backoff.delay:
            text = f'Back-off pulling image "{image}"'
            self._event(pod, "Normal", "BackOff", text, name)
            raise ImageError("ImagePullBackOff", f"{text}: ErrImagePull: {backoff.why}")
        self._event(pod, "Normal", "Pulling", f'Pulling image "{image}"', name)
        try:
            ref = await self._runtime.pull_image(image, credentials(image, secrets))
        except CriError as error:
            delay = FIRST if backoff is None else min(MOST, backoff.delay * 2)
            self._backoff[key] = Backoff(delay, self._clock.monotonic(), error.message)
            self._event(pod, "Warning", "Failed", f'Failed to pull image "{image}": {error.message}', name)
            self._event(pod, "Warning", "Failed", "Error: ErrImagePull", name)
            raise ImageError("ErrImagePull", error.message) from error
        self._backoff.pop(key, None)
        took = format_duration(round(self._clock.monotonic() - now, 3))
        text = f'Successfully pulled image "{image}" in {took} ({took} including waiting).'
        self._event(pod, "Normal", "Pulled", text, name)
        return ref

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for key in [key for key in self._backoff if key[0] == uid]:
            del self._backoff[key]
