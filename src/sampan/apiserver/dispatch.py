"""From a RequestInfo to the verb that serves it: which resource, which methods its paths take."""

from collections.abc import Mapping

from sampan.api import errors
from sampan.api.errors import StatusError, not_found, not_found_path
from sampan.api.resource import Resource
from sampan.apiserver.call import Call, Connector, Kit, Verb
from sampan.apiserver.context import RequestInfo
from sampan.apiserver.filters.headers import warning
from sampan.apiserver.negotiate import MEDIA, STREAMS, check_producible
from sampan.apiserver.verbs.binding import binding
from sampan.apiserver.verbs.create import create
from sampan.apiserver.verbs.delete import delete
from sampan.apiserver.verbs.deletecollection import deletecollection
from sampan.apiserver.verbs.eviction import eviction
from sampan.apiserver.verbs.finalize import finalize
from sampan.apiserver.verbs.get import get
from sampan.apiserver.verbs.list import list_
from sampan.apiserver.verbs.patch import patch
from sampan.apiserver.verbs.scale import scale
from sampan.apiserver.verbs.update import update
from sampan.apiserver.verbs.watch import watch
from sampan.net.http import Request, Response

VERBS: Mapping[str, Verb] = {
    "get": get, "list": list_, "watch": watch, "create": create, "update": update, "patch": patch, "delete": delete,
    "deletecollection": deletecollection,
}  # fmt: skip
STATUS_VERBS: Mapping[str, Verb] = {"get": get, "update": update, "patch": patch}
UPDATED_PARTS = ("status", "approval", "ephemeralcontainers", "resize")
"""Subresources that are the object itself, of which an update changes a part."""
SUBRESOURCES: Mapping[tuple[str, str, str], Verb] = {
    ("", "pods", "binding"): binding,
    ("", "bindings", ""): binding,
    ("", "pods", "eviction"): eviction,
    ("", "namespaces", "finalize"): finalize,
}
"""What the server itself serves beside status and scale; CONNECTORS add to it."""
CONNECTED = frozenset(("attach", "exec", "portforward", "proxy"))
ANYTHING = frozenset(("attach", "exec", "log", "portforward", "proxy"))
"""Subresources whose answers are of any type."""
COLLECTION = frozenset(("list", "watch", "create", "deletecollection"))
ITEM = frozenset(("get", "update", "patch", "delete"))


def method_not_allowed() -> StatusError:
    """405 for a path that other methods have."""
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def refused(resource: Resource, info: RequestInfo) -> StatusError:
    """405 for a verb that the path does not have; custom kinds say which."""
    if resource.custom:
        return errors.method_not_allowed(info.group, info.resource, info.verb)
    return method_not_allowed()


class Dispatch:
    """Serves requests for resources."""

    def __init__(self, kit: Kit, connectors: Mapping[tuple[str, str, str], Connector]) -> None:
        self._kit = kit
        self._connectors = {**SUBRESOURCES, **connectors}
        self._builtin = frozenset(r.mapping.group for r in kit.live.all())

    async def __call__(self, request: Request, info: RequestInfo) -> Response:
        kit = self._kit
        resource = kit.live.get(info.group, info.version, info.resource)
        if resource is None:
            if info.group not in self._builtin:
                return Response(404, [("Content-Type", "text/plain; charset=utf-8")], b"404 page not found\n")
            raise not_found_path()
        call = Call(kit, request, info, resource, kit.registry.entry(resource))
        verb = self._find(call, resource, info)
        if resource.deprecated:
            call.warnings.append(resource.deprecated)
        if not resource.custom and info.subresource not in ANYTHING:
            streams = info.verb in ("list", "watch")
            check_producible(request.headers.get("accept") or "*/*", MEDIA + STREAMS if streams else MEDIA)
        try:
            response = await verb(call)
        except StatusError as error:
            if call.warnings:
                from sampan.apiserver.answer import status_response

                response = status_response(request, error)
            else:
                raise
        if call.warnings:
            response.headers.extend(warning(text) for text in dict.fromkeys(call.warnings))
        return response

    def _find(self, call: Call, resource: Resource, info: RequestInfo) -> Verb:
        if info.verb == "proxy":
            raise not_found_path()
        if info.subresource:
            verb = self._subresource(resource, info)
            if call.request.method == "HEAD" and info.subresource not in CONNECTED:
                raise refused(resource, info)
            return verb
        connector = self._connectors.get((info.group, info.resource, ""))
        has_name = _has_name(info)
        check_scope(resource, info, has_name)
        if info.verb == "watch":
            check_watch(resource, info, call.request.method)
        served = (ITEM if has_name else COLLECTION) & set(resource.verbs)
        if not served:
            raise not_found_path()
        if info.verb not in served or call.request.method == "HEAD":
            raise refused(resource, info)
        return connector if connector is not None else VERBS[info.verb]

    def _subresource(self, resource: Resource, info: RequestInfo) -> Verb:
        found = resource.subresources.get(info.subresource)
        if found is None and resource.custom and info.subresource in ("status", "scale"):
            raise not_found(info.group, info.resource, info.name)
        if found is None or (info.rest and info.subresource != "proxy"):
            raise not_found_path()
        check_scope(resource, info, True)
        connector = self._connectors.get((info.group, info.resource, info.subresource))
        if info.verb not in found.verbs:
            raise refused(resource, info)
        if connector is not None:
            return connector
        if info.subresource == "scale":
            return scale
        if found.kind is None and info.subresource in UPDATED_PARTS:
            return STATUS_VERBS[info.verb]
        raise not_found_path()


def _has_name(info: RequestInfo) -> bool:
    """Whether the path names an object; `info.name` may also come from a field selector."""
    return (bool(info.name) and info.verb not in COLLECTION) or (bool(info.name) and info.verb == "create")


def check_watch(resource: Resource, info: RequestInfo, method: str) -> None:
    """The old paths under /watch/ end with the collection or the object, and are only read."""
    parts = info.path.strip("/").split("/")
    named = len(parts) > 2 and parts[-2] == info.resource and "watch" in parts[2:4]
    if info.rest or (named and resource.mapping.namespaced and not info.namespace):
        raise not_found_path()
    if method != "GET":
        raise refused(resource, info)


def check_scope(resource: Resource, info: RequestInfo, has_name: bool) -> None:
    """A cluster-scoped kind has no namespace in its path, a namespaced one needs it but for LIST and WATCH."""
    if resource.mapping.namespaced:
        if not info.namespace:
            if has_name or "list" not in resource.verbs:
                raise not_found_path()
            if info.verb not in ("list", "watch"):
                raise method_not_allowed()
    elif info.namespace and info.resource != "namespaces":
        raise not_found_path()
