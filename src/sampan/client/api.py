"""Api: the verbs of the Kubernetes API on objects, over any Transport."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, NamedTuple

from sampan.api.json import Obj, dumps, loads
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.errors import error_of
from sampan.client.request import ApiRequest
from sampan.client.transport import Transport

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
PatchType = Literal["merge", "strategic", "json", "apply"]


class Listed(NamedTuple):
    """The items of a list, with kind and apiVersion filled in, and the version to watch from."""

    items: list[Obj]
    version: str


class WatchEvent(NamedTuple):
    """ADDED, MODIFIED, DELETED or BOOKMARK, and the object. ERROR events are raised as StatusError."""

    type: str
    obj: Obj


class Api:
    """Every method raises StatusError for an error answer and OSError when there is no answer."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def call(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Obj:
        """Any request with a JSON body and a JSON answer."""
        data = b"" if body is None else dumps(body)
        return await self._send(ApiRequest(method, path, query or {}, data))

    async def _send(self, request: ApiRequest) -> Obj:
        answer = await self.transport.send(request)
        if answer.status >= 300:
            raise error_of(answer.status, answer.body)
        result: Obj = loads(answer.body) if answer.body else {}
        return result

    async def get(self, ref: ObjectRef, subresource: str = "") -> Obj:
        """One object."""
        return await self._send(ApiRequest("GET", ref.mapping.path(ref.namespace, ref.name, subresource)))

    async def list(
        self,
        mapping: RestMapping,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Listed:
        """All objects of a kind, in one namespace or all."""
        accept = METADATA_LIST if metadata_only else "application/json"
        query = _selectors(labels, fields)
        answer = await self._send(ApiRequest("GET", mapping.path(namespace), query, accept=accept))
        items = [stamped(mapping, item) for item in answer.get("items") or ()]
        return Listed(items, answer["metadata"].get("resourceVersion", ""))

    async def create(self, mapping: RestMapping, obj: Obj, *, dry_run: bool = False) -> Obj:
        """Create; the namespace is the object's own."""
        path = mapping.path((obj.get("metadata") or {}).get("namespace", ""))
        query = {"dryRun": "All"} if dry_run else {}
        return await self._send(ApiRequest("POST", path, query, dumps(stamped(mapping, obj))))

    async def update(self, mapping: RestMapping, obj: Obj, subresource: str = "") -> Obj:
        """Replace, at the resourceVersion that the object carries."""
        meta = obj["metadata"]
        path = mapping.path(meta.get("namespace", ""), meta["name"], subresource)
        return await self._send(ApiRequest("PUT", path, {}, dumps(stamped(mapping, obj))))

    async def patch(self, ref: ObjectRef, patch: Any, kind: PatchType = "merge", subresource: str = "") -> Obj:
        """Patch."""
        path = ref.mapping.path(ref.namespace, ref.name, subresource)
        return await self._send(ApiRequest("PATCH", path, {}, dumps(patch), PATCH_TYPES[kind]))

    async def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: str = "", grace_seconds: int | None = None
    ) -> Obj:
        """Delete; answers with a Status or with the object that is being deleted."""
        options: Obj = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if propagation:
            options["propagationPolicy"] = propagation
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        return await self._send(ApiRequest("DELETE", ref.mapping.path(ref.namespace, ref.name), {}, dumps(options)))

    async def watch(
        self,
        mapping: RestMapping,
        namespace: str = "",
        *,
        since: str = "",
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Events after version `since`, until the server ends the stream."""
        query = {**_selectors(labels, fields), "watch": "1", "allowWatchBookmarks": "true"}
        if since:
            query["resourceVersion"] = since
        accept = METADATA if metadata_only else "application/json"
        rest = b""
        async for chunk in self.transport.stream(ApiRequest("GET", mapping.path(namespace), query, accept=accept)):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line:
                    yield _event(line)


def _event(line: bytes) -> WatchEvent:
    event = loads(line)
    if event["type"] == "ERROR":
        raise error_of(event["object"].get("code") or 500, dumps(event["object"]))
    return WatchEvent(event["type"], event["object"])


def stamped(mapping: RestMapping, obj: Obj) -> Obj:
    """The object with kind and apiVersion, which lists leave out."""
    if "kind" in obj and "apiVersion" in obj:
        return obj
    return {"kind": mapping.kind, "apiVersion": mapping.api_version, **obj}


def _selectors(labels: str, fields: str) -> dict[str, str]:
    query = {"labelSelector": labels} if labels else {}
    return {**query, "fieldSelector": fields} if fields else query
