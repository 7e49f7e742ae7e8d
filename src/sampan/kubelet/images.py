"""Images for containers: by pull policy, with back-off between failed pulls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.times import format_duration
from sampan.kubelet.image_names import with_tag
from sampan.kubelet.keyring import credentials
from sampan.kubelet.runtime import CriError, Image, Runtime

FIRST, MOST, FORGET = 10.0, 300.0, 600.0
"""Back-off of failed pulls in seconds; after FORGET quiet seconds it starts over."""
SPOKEN = {
    "RegistryUnavailable": "the registry is unavailable",
    "SignatureValidationFailed": "the signature validation failed",
}
"""Errors that runtimes have names for, and upstream's words for them."""
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


class Images:
    """Makes sure that images are there."""

    def __init__(self, runtime: Runtime, clock: Clock, on_event: EventSink) -> None:
        self._runtime, self._clock, self._event = runtime, clock, on_event
        self._backoff: dict[tuple[str, str], Backoff] = {}

    async def ensure(self, pod: Obj, container: Obj, secrets: Sequence[Obj]) -> str:
        """The reference by which the runtime knows the container's image. Raises ImageError."""
        try:
            return await self._ensure(pod, container, secrets)
        except ImageError as error:
            self._event(pod, "Warning", "Failed", f"Error: {error.reason}", container["name"])
            raise

    async def user(self, image_ref: str) -> tuple[int | None, str]:
        """Whom the image runs as: a number or a name; root when it says nothing. Raises CriError."""
        found = await self._runtime.image_status(image_ref)
        if found is None or (found.uid is None and not found.username):
            return 0, ""
        return found.uid, found.username

    async def _ensure(self, pod: Obj, container: Obj, secrets: Sequence[Obj]) -> str:
        asked, name = container.get("image") or "", container["name"]
        try:
            image = with_tag(asked)
        except ValueError as error:
            text = f'Failed to apply default image tag "{asked}": {error}'
            self._event(pod, "Warning", "InspectFailed", text, name)
            raise ImageError("InvalidImageName", text) from error
        policy = container.get("imagePullPolicy") or "IfNotPresent"
        present = None if policy == "Always" else await self._present(pod, name, image)
        if present is not None:
            text = f'Container image "{asked}" already present on machine and can be accessed by the pod'
            self._event(pod, "Normal", "Pulled", text, name)
            return present.id
        if policy == "Never":
            text = f'Container image "{asked}" is not present with pull policy of Never'
            self._event(pod, "Warning", "ErrImageNeverPull", text, name)
            raise ImageError("ErrImageNeverPull", text)
        key = (pod["metadata"]["uid"], asked)
        self._wait(pod, name, asked, key)
        return await self._pull(pod, name, (asked, image), credentials(image, secrets))

    async def _present(self, pod: Obj, name: str, image: str) -> Image | None:
        try:
            return await self._runtime.image_status(image)
        except CriError as error:
            text = f'Failed to inspect image "{image}": {error.message}'
            self._event(pod, "Warning", "InspectFailed", text, name)
            raise ImageError("ImageInspectError", text) from error

    def _wait(self, pod: Obj, name: str, asked: str, key: tuple[str, str]) -> None:
        """Raise ImagePullBackOff while the last failure is too near."""
        backoff = self._backoff.get(key)
        if backoff is not None and self._clock.monotonic() - backoff.since < backoff.delay:
            text = f'Back-off pulling image "{asked}"'
            self._event(pod, "Normal", "BackOff", text, name)
            raise ImageError("ImagePullBackOff", f"{text}: {backoff.why}")

    async def _pull(self, pod: Obj, name: str, image: tuple[str, str], keys: Sequence[Mapping[str, str]]) -> str:
        """Pull an image, which is given as the pod says it and with its tag."""
        asked, key = image[0], (pod["metadata"]["uid"], image[0])
        self._event(pod, "Normal", "Pulling", f'Pulling image "{asked}"', name)
        began = self._clock.monotonic()
        try:
            ref, size = await self._try(image[1], keys)
        except CriError as error:
            reason, text = _spoken(asked, error.message)
            now, last = self._clock.monotonic(), self._backoff.get(key)
            delay = FIRST if last is None or now - last.since > FORGET else min(MOST, last.delay * 2)
            self._backoff[key] = Backoff(delay, now, f"{reason}: {text}")
            self._event(pod, "Warning", "Failed", f'Failed to pull image "{asked}": {error.message}', name)
            raise ImageError(reason, text) from error
        self._backoff.pop(key, None)
        took = format_duration(round(self._clock.monotonic() - began, 3))
        text = f'Successfully pulled image "{asked}" in {took} ({took} including waiting). Image size: {size} bytes.'
        self._event(pod, "Normal", "Pulled", text, name)
        return ref

    async def _try(self, image: str, keys: Sequence[Mapping[str, str]]) -> tuple[str, int]:
        """Pull with each of the credentials until one is good, or without any: reference and size. Raises CriError."""
        errors: list[CriError] = []
        for auth in keys or (None,):
            try:
                ref = await self._runtime.pull_image(image, auth)
            except CriError as error:
                errors.append(error)
                continue
            try:
                found = await self._runtime.image_status(ref)
            except CriError:
                found = None  # the size is but a part of a message
            return ref, found.size if found is not None else 0
        if len(errors) == 1:
            raise errors[0]
        texts = dict.fromkeys(error.message for error in errors)
        raise CriError(errors[-1].code, next(iter(texts)) if len(texts) == 1 else f"[{', '.join(texts)}]")

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for key in [key for key in self._backoff if key[0] == uid]:
            del self._backoff[key]


def _spoken(image: str, message: str) -> tuple[str, str]:
    """Reason and text for a container's status."""
    for name, words in SPOKEN.items():
        if message.startswith(name):
            return name, f"image pull failed for {image} because {words}{message.removeprefix(name)}"
    return "ErrImagePull", message
