"""The paths of OpenAPI documents: which operations a resource has, with Kubernetes' actions, kinds and parameters."""

from collections.abc import Callable
from typing import Any, Final

from sampan.api.names import GVK
from sampan.api.resource import Resource, Subresource

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
MEDIA: Final = ("application/json", "application/yaml")
PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_METHODS: Final = {
    "get": "get", "list": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete",
    "deletecollection": "delete",
}  # fmt: skip
_ACTIONS: Final = {"create": "post", "update": "put"}
_QUERY: Final[dict[str, tuple[str, str]]] = {
    "allowWatchBookmarks": ("boolean", "Whether a watch may send BOOKMARK events."),
    "continue": ("string", "The continue token of the page before."),
    "dryRun": ("string", "All: everything is done but nothing is stored."),
    "fieldManager": ("string", "The name under which the fields of this request are owned."),
    "fieldSelector": ("string", "Which fields the listed objects must have."),
    "fieldValidation": ("string", "What to do about unknown and duplicate fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Take fields that others own (apply requests only)."),
    "gracePeriodSeconds": ("integer", "Seconds until the object is deleted."),
    "labelSelector": ("string", "Which labels the listed objects must have."),
    "limit": ("integer", "How many objects at most to list at once."),
    "orphanDependents": ("boolean", "Deprecated: use propagationPolicy."),
    "pretty": ("string", "Whether the answer is indented."),
    "propagationPolicy": ("string", "What happens to dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "Which versions may be served."),
    "resourceVersionMatch": ("string", "How resourceVersion is meant: Exact or NotOlderThan."),
    "sendInitialEvents": ("boolean", "Whether a watch begins with the present objects."),
    "timeoutSeconds": ("integer", "How long the call may take."),
    "watch": ("boolean", "Watch for changes instead of listing."),
}
_DELETE: Final = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_SELECT: Final = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch",
                  "sendInitialEvents", "timeoutSeconds")  # fmt: skip
_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "get": (),
    "list": ("allowWatchBookmarks", *_SELECT, "watch"),
    "create": ("dryRun", "fieldManager", "fieldValidation"),
    "update": ("dryRun", "fieldManager", "fieldValidation"),
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force"),
    "delete": _DELETE,
    "deletecollection": tuple(sorted((*_SELECT, *_DELETE))),
}
_CODES: Final = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201"),
                 "delete": ("200", "202")}  # fmt: skip
_WORDS: Final = {"200": "OK", "201": "Created", "202": "Accepted"}

Namer = Callable[[GVK], str]
"""Kind to the name of its definition."""


def _query(name: str) -> dict[str, Any]:
    kind, about = _QUERY[name]
    return {"name": name, "in": "query", "description": about, "schema": {"type": kind, "uniqueItems": True}}


def _path_parameter(name: str, about: str) -> dict[str, Any]:
    return {
        "name": name, "in": "path", "description": about, "required": True,
        "schema": {"type": "string", "uniqueItems": True},
    }  # fmt: skip


def _content(media: tuple[str, ...], definition: str) -> dict[str, Any]:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{definition}"}} for kind in media}


def paths(resource: Resource, namer: Namer) -> dict[str, dict[str, Any]]:
    """Path to path item for a resource and its subresources; `namer` names the definitions of kinds."""
    found: dict[str, dict[str, Any]] = {}
    mapping = resource.mapping
    scopes = ("{namespace}",) if mapping.namespaced else ("",)
    if mapping.namespaced and "list" in resource.verbs:
        everywhere = mapping.path()
        found[everywhere] = _item(resource, resource.gvk, ("list",), "", namer)
    for scope in scopes:
        collection = [verb for verb in ("deletecollection", "list", "create") if verb in resource.verbs]
        single = [verb for verb in ("delete", "get", "patch", "update") if verb in resource.verbs]
        if collection:
            found[mapping.path(scope)] = _item(resource, resource.gvk, tuple(collection), "", namer)
        if single:
            found[mapping.path(scope, "{name}")] = _item(resource, resource.gvk, tuple(single), "", namer)
        for sub in resource.subresources.values():
            if _described(sub):
                item = _item(resource, sub.kind or resource.gvk, sub.verbs, sub.name, namer)
                found[mapping.path(scope, "{name}", sub.name)] = item
    return found


def _described(sub: Subresource) -> bool:
    """Streams and proxies have no body that a schema describes."""
    return sub.kind is None or not sub.kind.kind.endswith("Options")


def _item(resource: Resource, kind: GVK, verbs: tuple[str, ...], sub: str, namer: Namer) -> dict[str, Any]:
    item: dict[str, Any] = {_METHODS[verb]: _operation(resource, kind, verb, sub, namer) for verb in verbs}
    shared = [_query("pretty")]
    if resource.mapping.namespaced:
        shared.insert(0, _path_parameter("namespace", "object name and auth scope, such as for teams and projects"))
    if sub or not {"list", "create", "deletecollection"} & set(verbs):
        shared.insert(0, _path_parameter("name", f"name of the {kind.kind}"))
    item["parameters"] = shared
    return item


def _operation(resource: Resource, kind: GVK, verb: str, sub: str, namer: Namer) -> dict[str, Any]:
    mapping = resource.mapping
    scope = "Namespaced" if mapping.namespaced else ""
    group = mapping.group.partition(".")[0].title() or "Core"
    answer = namer(kind)
    if verb == "list":
        answer = namer(kind._replace(kind=resource.list_kind))
    elif verb in ("delete", "deletecollection"):
        answer = f"{META}Status"
    operation: dict[str, Any] = {
        "tags": [f"{mapping.group.partition('.')[0] or 'core'}_{mapping.version}"],
        "description": f"{verb} {kind.kind}",
        "operationId": f"{verb}{group}{mapping.version.title()}{scope}{mapping.kind}{sub.title()}",
        "parameters": [_query(name) for name in _PARAMETERS[verb]],
        "responses": {
            code: {"description": _WORDS[code], "content": _content(MEDIA, answer)}
            for code in _CODES.get(verb, ("200",))
        }
        | {"401": {"description": "Unauthorized"}},
        "x-kubernetes-action": _ACTIONS.get(verb, verb),
        "x-kubernetes-group-version-kind": kind._asdict(),
    }
    if verb in ("create", "update"):
        operation["requestBody"] = {"required": True, "content": _content(("*/*",), namer(kind))}
    elif verb == "patch":
        kinds = tuple(one for one in PATCHES if not (resource.custom and "strategic" in one))
        operation["requestBody"] = {"required": True, "content": _content(kinds, f"{META}Patch")}
    elif verb in ("delete", "deletecollection"):
        operation["requestBody"] = {"content": _content(("*/*",), f"{META}DeleteOptions")}
    return operation
