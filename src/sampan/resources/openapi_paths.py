"""The paths of OpenAPI documents: which operations a resource has, with Kubernetes' actions, kinds and parameters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.resource import Resource, Subresource
from sampan.resources import openapi_parameters as parameters

META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
JSON: Final = "application/json"
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
MEDIA: Final = (JSON, YAML, PROTOBUF)
_STREAMS: Final = (*MEDIA, f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
_ANY: Final = ("*/*",)
PATCHES: Final = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_VERBS: Final[dict[str, tuple[str, str]]] = {
    "get": ("get", "read"), "list": ("get", "list"), "create": ("post", "create"), "update": ("put", "replace"),
    "patch": ("patch", "patch"), "delete": ("delete", "delete"),
    "deletecollection": ("delete", "deletecollection"),
}  # fmt: skip
"""Kubernetes' verb to the method and the verb of the operation's name."""
_CODES: Final = {"post": ("200", "201", "202"), "put": ("200", "201"), "patch": ("200", "201"),
                 "delete": ("200", "202")}  # fmt: skip
_WORDS: Final = {"200": "OK", "201": "Created", "202": "Accepted"}
_ANSWERS_DELETED: Final = frozenset({
    "PersistentVolume", "PersistentVolumeClaim", "Pod", "PodTemplate", "ResourceQuota", "Service", "ServiceAccount",
    "DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice", "CSIDriver", "CSINode", "StorageClass",
    "VolumeAttachment", "VolumeAttributesClass",
})  # fmt: skip
"""Kinds whose delete answers with the object and not with a Status."""
_PROXIED: Final = ("get", "put", "post", "delete", "options", "head", "patch")

Namer = Callable[[GVK], str]
"""Kind to the name of its definition."""


@dataclass(frozen=True, slots=True)
class _Action:
    """One operation of a resource. `kind` is that of the body, `suffix` ends the operation's name."""

    resource: Resource
    name: str
    method: str
    verb: str
    path: str
    kind: GVK
    sub: str = ""
    suffix: str = ""

    @property
    def everywhere(self) -> bool:
        return self.suffix == "ForAllNamespaces"


def content(media: tuple[str, ...], definition: str) -> Obj:
    """Media types to the definition's schema; to a string's for no definition."""
    schema = {"$ref": f"#/components/schemas/{definition}"} if definition else {"type": "string"}
    return {kind: {"schema": schema} for kind in media}


def identifier(text: str, capital: bool = True) -> str:
    """A text as part of an operation's name: other characters than letters, digits and `_` begin a new word."""
    made = ""
    for at, letter in enumerate(text):
        if letter.isalpha() or letter == "_" or (at and letter.isdigit()):
            made += letter.upper() if capital else letter
            capital = False
        else:
            capital = True
    return made


def group_words(group: str, version: str = "") -> tuple[str, str]:
    """A group (and version) as part of operations' names, and as the tag of operations."""
    short = (group or "core").removesuffix(".k8s.io")
    return identifier(short) + identifier(version), identifier(short, False) + (f"_{version}" if version else "")


def paths(resource: Resource, namer: Namer) -> dict[str, Obj]:
    """Path to path item for a resource and its subresources; `namer` names the definitions of kinds."""
    by_path: dict[str, list[_Action]] = {}
    for action in _actions(resource):
        by_path.setdefault(action.path, []).append(action)
    found: dict[str, Obj] = {}
    for path, actions in by_path.items():
        item = {action.method: _operation(action, namer) for action in actions}
        common = parameters.shared(list(item.values()))
        found[path] = {**item, **({"parameters": common} if common else {})}
    return found


def _actions(resource: Resource) -> Iterator[_Action]:
    mapping, kind = resource.mapping, resource.gvk
    scope = "{namespace}" if mapping.namespaced else ""
    for verb in resource.verbs:
        if verb in _VERBS:
            single = verb in ("get", "update", "patch", "delete")
            path = mapping.path(scope, "{name}") if single else mapping.path(scope)
            yield _Action(resource, _name(verb), *_VERBS[verb], path, kind)
    if mapping.namespaced and "list" in resource.verbs:
        yield _Action(resource, "list", *_VERBS["list"], mapping.path(), kind, suffix="ForAllNamespaces")
    if "watch" in resource.verbs and not resource.custom:
        yield from _watches(resource, scope)
    for sub in resource.subresources.values():
        yield from _subresource(resource, sub, mapping.path(scope, "{name}", sub.name))


def _watches(resource: Resource, scope: str) -> Iterator[_Action]:
    """The deprecated paths below /watch/."""
    mapping, kind = resource.mapping, resource.gvk
    prefix = f"/apis/{mapping.group}/{mapping.version}" if mapping.group else f"/api/{mapping.version}"

    def below(path: str) -> str:
        return f"{prefix}/watch{path.removeprefix(prefix)}"

    yield _Action(resource, "watchlist", "get", "watch", below(mapping.path(scope)), kind)
    if "get" in resource.verbs:
        yield _Action(resource, "watch", "get", "watch", below(mapping.path(scope, "{name}")), kind)
    if scope:
        yield _Action(resource, "watchlist", "get", "watch", below(mapping.path()), kind, suffix="ForAllNamespaces")


def _subresource(resource: Resource, sub: Subresource, path: str) -> Iterator[_Action]:
    kind = sub.kind or resource.gvk
    if not kind.kind.endswith("Options"):
        shown = resource.gvk if resource.custom else kind
        for verb in sub.verbs:
            yield _Action(resource, _name(verb), *_VERBS[verb], path, shown, sub.name)
        return
    for method in _PROXIED if sub.name == "proxy" else ("get", "post"):
        verb = f"connect{method.title()}"
        yield _Action(resource, "connect", method, verb, path, kind, sub.name)
        if sub.name == "proxy":
            yield _Action(resource, "connect", method, verb, path + "/{path}", kind, sub.name, "WithPath")


def _name(verb: str) -> str:
    return {"create": "post", "update": "put"}.get(verb, verb)


def _operation(action: _Action, namer: Namer) -> Obj:
    mapping, body = action.resource.mapping, _body_kind(action)
    words, tag = group_words(mapping.group, mapping.version)
    operation: Obj = {
        "tags": [tag],
        "description": _about(action),
        "operationId": _id(action, words),
        "parameters": _parameters(action),
        "responses": _responses(action, namer),
        "x-kubernetes-action": action.name,
        "x-kubernetes-group-version-kind": action.kind._asdict(),
    }
    custom = action.resource.custom
    if action.name in ("post", "put"):
        operation["requestBody"] = {
            "required": True, "content": content((JSON, YAML) if custom else _ANY, namer(body)),
        }  # fmt: skip
    elif action.name == "patch":
        kinds = tuple(one for one in PATCHES if not (custom and "strategic" in one))
        operation["requestBody"] = {"required": True, "content": content(kinds, f"{META}Patch")}
    elif action.name == "delete" or (action.name == "deletecollection" and not custom):
        media = (JSON, YAML) if custom else _ANY
        operation["requestBody"] = {"content": content(media, f"{META}DeleteOptions")}
    return operation


def _body_kind(action: _Action) -> GVK:
    sub = action.resource.subresources.get(action.sub)
    return (sub.kind if sub else None) or action.resource.gvk


def _id(action: _Action, words: str) -> str:
    prefix, rest = action.verb, ""
    for verb in ("connect", "delete"):  # what follows these comes behind the group
        if action.verb.startswith(verb):
            prefix, rest = verb, identifier(action.verb.removeprefix(verb))
    scope = "Namespaced" if action.resource.mapping.namespaced and not action.everywhere else ""
    ending = "List" if action.name == "watchlist" else ""
    return f"{prefix}{words}{rest}{scope}{action.resource.mapping.kind}{action.sub.title()}{ending}{action.suffix}"


def _about(action: _Action) -> str:
    kind, sub = action.resource.mapping.kind, action.sub
    of = f"{sub} of " if sub else ""
    match action.name:
        case "list":
            both = "watch" in action.resource.verbs and not action.resource.custom
            return f"{'list or watch' if both else 'list'} objects of kind {kind}"
        case "post":
            return f"create {of}{_article(kind)}{kind}"
        case "delete":
            return f"delete {of}{_article(kind)}{kind}"
        case "deletecollection":
            return f"delete collection of {kind}"
        case "connect":
            return f"connect {action.method.upper()} requests to {of}{kind}"
        case "watch":
            return (
                f"watch changes to an object of kind {kind}. deprecated: use the 'watch' parameter with a list "
                "operation instead, filtered to a single item with the 'fieldSelector' parameter."
            )
        case "watchlist":
            return (
                f"watch individual changes to a list of {kind}. deprecated: use the 'watch' parameter with a list "
                "operation instead."
            )
    verb = {"get": "read", "put": "replace", "patch": "partially update"}[action.name]
    return f"{verb} {of}the specified {kind}"


def _article(noun: str) -> str:
    if noun.endswith("s") and not noun.endswith("ss"):
        return ""
    return "an " if noun[0] in "AEIOU" else "a "


def _parameters(action: _Action) -> list[Obj]:
    options = action.kind.kind if action.name == "connect" else ""
    found = parameters.of_action(action.name, action.resource.custom, options)
    if action.sub == "log":
        found += parameters.queries(parameters.LOG)
    return found + parameters.of_path(action.path, action.kind.kind)


def _responses(action: _Action, namer: Namer) -> dict[str, Any]:
    custom, resource = action.resource.custom, action.resource
    media: tuple[str, ...] = (JSON, YAML) if custom else MEDIA
    answer = namer(_body_kind(action))
    if action.name == "connect":
        media, answer = _ANY, ""
    elif action.sub == "log":
        media, answer = (*media, "text/plain"), ""
    elif action.name == "list":
        media, answer = media if custom else _STREAMS, namer(resource.gvk._replace(kind=resource.list_kind))
    elif action.name in ("watch", "watchlist"):
        media, answer = _STREAMS, f"{META}WatchEvent"
    elif action.name == "deletecollection" or (
        action.name == "delete" and (custom or resource.mapping.kind not in _ANSWERS_DELETED)
    ):
        answer = f"{META}Status"
    codes = ("200",) if custom and action.name == "patch" else _CODES.get(action.name, ("200",))
    found: dict[str, Any] = {code: {"description": _WORDS[code], "content": content(media, answer)} for code in codes}
    return {**found, "401": {"description": "Unauthorized"}}
