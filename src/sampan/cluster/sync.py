"""The client's Api with plain functions, for tests and scripts without a loop."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from sampan.api.json import Obj
from sampan.api.names import ObjectRef, RestMapping
from sampan.client.api import Api, Listed, PatchType

Call = Callable[[Coroutine[Any, Any, Any]], Any]


class SyncApi:
    """Each method is the one of `Api` of the same name, and returns its result."""

    def __init__(self, api: Api, call: Call) -> None:
        self._api, self._call = api, call

    def call(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> Obj:
        """Any request with a JSON body and a JSON answer."""
        result: Obj = self._call(self._api.call(method, path, body, query))
        return result

    def get(self, ref: ObjectRef, subresource: str = "") -> Obj:
        """One object."""
        result: Obj = self._call(self._api.get(ref, subresource))
        return result

    def list(self, mapping: RestMapping, namespace: str = "", *, labels: str = "", fields: str = "") -> Listed:
        """All objects of a kind."""
        result: Listed = self._call(self._api.list(mapping, namespace, labels=labels, fields=fields))
        return result

    def create(self, mapping: RestMapping, obj: Obj) -> Obj:
        """Create."""
        result: Obj = self._call(self._api.create(mapping, obj))
        return result

    def update(self, mapping: RestMapping, obj: Obj, subresource: str = "") -> Obj:
        """Replace."""
        result: Obj = self._call(self._api.update(mapping, obj, subresource))
        return result

    def patch(self, ref: ObjectRef, patch: Any, kind: PatchType = "merge", subresource: str = "") -> Obj:
        """Patch."""
        result: Obj = self._call(self._api.patch(ref, patch, kind, subresource))
        return result

    def delete(self, ref: ObjectRef, *, propagation: str = "", grace_seconds: int | None = None) -> Obj:
        """Delete."""
        result: Obj = self._call(self._api.delete(ref, propagation=propagation, grace_seconds=grace_seconds))
        return result
