"""Conversion webhooks of custom kinds: objects in another version, asked for in batches, remembered by revision.

Upstream: apiextensions-apiserver/pkg/apiserver/conversion.
"""

import random
import uuid
from collections.abc import Sequence
from typing import Any

from sampan.api.errors import StatusError
from sampan.api.json import Obj, dumps
from sampan.api.meta import is_label_value, is_qualified_name
from sampan.api.names import parse_api_version
from sampan.apiserver.webhook_client import CallFailed, WebhookClient, client_config

VERSIONS = ("v1", "v1beta1")
TIMEOUT = 30.0
REMEMBERED = 4096
NAMES = {str: "string", bool: "bool", int: "int64", float: "float64", list: "[]interface {}", type(None): "<nil>"}

Key = tuple[str, str, str]


class ConversionError(StatusError):
    """500 in the words of upstream's converter."""

    def __init__(self, message: str) -> None:
        super().__init__(500, "", message)


class Conversion:
    """The converter of one kind, by the `spec.conversion` of its definition."""

    def __init__(self, given: Obj, client: WebhookClient, rng: random.Random) -> None:
        self.given = given
        webhook = given.get("webhook") or {}
        self._config = client_config(webhook.get("clientConfig") or {})
        self._version = next((v for v in webhook.get("conversionReviewVersions") or () if v in VERSIONS), "")
        self._client, self._rng = client, rng
        self._known: dict[Key, Obj] = {}

    def known(self, stored: Obj, api_version: str) -> Obj:
        """A stored object that `prepare` has converted; the object itself if it is of that version."""
        if stored.get("apiVersion") == api_version:
            return stored
        found = self._known.get(_key(stored, api_version))
        if found is None:
            raise ConversionError(f"{_about(stored)} failed: the object was not converted before it was shown")
        return found

    async def prepare(self, stored: Sequence[Obj], api_version: str) -> None:
        """Convert what is not remembered, in one call. Raises ConversionError."""
        missing = []
        for one in stored:
            key = _key(one, api_version)
            if (converted := self._known.pop(key, None)) is not None:
                self._known[key] = converted  # the last of all: it is forgotten last
            elif one.get("apiVersion") != api_version:
                missing.append(one)
        if not missing:
            return
        made = await self.convert(missing, api_version)
        while self._known and len(self._known) + len(made) > max(REMEMBERED, len(stored)):
            del self._known[next(iter(self._known))]
        for one, converted in zip(missing, made, strict=True):
            self._known[_key(one, api_version)] = converted

    async def convert(self, objects: Sequence[Obj], api_version: str) -> list[Obj]:
        """Objects of other versions in this one. Raises ConversionError."""
        about = _about(objects[0])
        if not self._version:
            raise ConversionError("no supported conversion review versions")
        uid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        review: Obj = {
            "kind": "ConversionReview",
            "apiVersion": f"apiextensions.k8s.io/{self._version}",
            "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": list(objects)},
        }
        try:
            answer = await self._client.post(self._config, dumps(review), TIMEOUT)
        except CallFailed as failed:
            raise ConversionError(f"{about} failed: {failed}") from None
        made = _objects(answer, uid, self._version, about)
        if len(made) != len(objects):
            raise ConversionError(f"{about} returned {len(made)} objects, expected {len(objects)}")
        return [
            _checked(original, converted, api_version, f" at index {index}" if len(objects) > 1 else "")
            for index, (original, converted) in enumerate(zip(objects, made, strict=True))
        ]


def _key(obj: Obj, api_version: str) -> Key:
    meta = obj.get("metadata") or {}
    return meta.get("uid", ""), meta.get("resourceVersion", ""), api_version


def _about(obj: Obj) -> str:
    return f"conversion webhook for {obj.get('apiVersion', '')}, Kind={obj.get('kind', '')}"


def _objects(answer: Any, uid: str, version: str, about: str) -> list[Any]:
    """The converted objects of an answer; raises ConversionError if it does not say success."""
    if not isinstance(answer, dict):
        raise ConversionError(f"{about} failed: json: cannot unmarshal into Go value of type v1.ConversionReview")
    wanted = "apiextensions.k8s.io/v1"
    if version == "v1" and (answer.get("apiVersion"), answer.get("kind")) != (wanted, "ConversionReview"):
        try:
            group, given = parse_api_version(str(answer.get("apiVersion") or ""))
        except ValueError:
            group, given = "", str(answer.get("apiVersion"))
        got = f"{group}/{given}, Kind={answer.get('kind') or ''}"
        raise ConversionError(
            f"{about} failed: expected webhook response of {wanted}, Kind=ConversionReview, got {got}"
        )
    response = answer.get("response")
    if not isinstance(response, dict):
        raise ConversionError(f"{about} failed: no response provided")
    if version == "v1" and response.get("uid") != uid:
        raise ConversionError(f'{about} failed: expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    result = response.get("result")
    result = result if isinstance(result, dict) else {}
    status = result.get("status") or ""
    if status != "Success":
        why = result.get("message") or f"response.result.status was '{status}', not 'Success'"
        raise ConversionError(f"{about} failed: {why}")
    found = response.get("convertedObjects")
    return found if isinstance(found, list) else []


def _checked(original: Obj, made: Any, api_version: str, at: str) -> Obj:
    """A converted object with the metadata of the original, but for labels and annotations."""
    about = _about(original)

    def refuse(why: str) -> ConversionError:
        return ConversionError(f"{about} returned invalid {'converted ' if at else ''}object{at}: {why}")

    if not isinstance(made, dict):
        raise refuse(f"json: cannot unmarshal into Go value of type map[string]interface {{}}: {made!r:.40}")
    if made.get("apiVersion") != api_version:
        where = at or " at index 0"
        got = made.get("apiVersion") or ""
        raise ConversionError(
            f"{about} returned invalid {'converted ' if at else ''}object{where}: invalid groupVersion "
            f"(expected {api_version}, received {got})"
        )
    if made.get("kind") != original.get("kind"):
        where = at or " at index 0"
        raise ConversionError(
            f"{about} returned invalid {'converted ' if at else ''}object{where}: invalid kind "
            f"(expected {original.get('kind')}, received {made.get('kind') or ''})"
        )
    meta, before = made.get("metadata"), original.get("metadata") or {}
    given = meta if isinstance(meta, dict) else {}
    for key, shown in (("name", "name"), ("namespace", "namespace"), ("uid", "UID")):
        if (given.get(key) or "") != (before.get(key) or ""):
            raise refuse(f"must have the same {shown}: {before.get(key) or ''} != {given.get(key) or ''}")
    try:
        kept = _restored(before, meta)
    except ValueError as error:
        raise ConversionError(f"{about} returned invalid metadata{f' in object{at}' if at else ''}: {error}") from None
    return {**made, "metadata": kept}


def _restored(before: Obj, meta: Any) -> Obj:
    """The original's metadata with the converted labels and annotations; raises ValueError."""
    if meta is None:
        raise ValueError("missing metadata in converted object")
    if not isinstance(meta, dict):
        raise ValueError(f"invalid metadata of type {NAMES.get(type(meta), 'object')} in converted object")
    kept = {key: value for key, value in before.items() if key not in ("labels", "annotations")}
    for field in ("labels", "annotations"):
        given = meta.get(field)
        if given is None:
            continue
        if not isinstance(given, dict):
            raise ValueError(f"invalid metadata.{field} of type {NAMES.get(type(given))} in converted object")
        for key, value in given.items():
            if not isinstance(value, str):
                name = NAMES.get(type(value), "map[string]interface {}")
                raise ValueError(f"metadata.{field}[{key}] must be a string, but is {name} in converted object")
        if given != before.get(field):
            _check(field, given)
        kept[field] = given
    return kept


def _check(field: str, given: dict[str, str]) -> None:
    problems = [f'metadata.{field}: Invalid value: "{key}": {why}' for key in given for why in is_qualified_name(key)]
    if field == "labels":
        problems += [
            f'metadata.labels: Invalid value: "{value}": {why}'
            for value in given.values()
            for why in is_label_value(value)
        ]
    if problems:
        raise ValueError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
