"""Bodies of reviews and requests that are answered at once and stored nowhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.patch.places import place_of
from sampan.api.patch.track import track_create
from sampan.api.schema.nodes import Node
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.managers import manager_of, scope_of
from sampan.apiserver.options import WriteOptions, write_options

MISPLACED = "the namespace of the provided object does not match the namespace sent on the request"
WIPED = frozenset(("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"))
KEEPS = ("TokenRequest",)
"""Whose body may name the object by its UID."""
ANSWERS: Final[dict[str, Obj]] = {
    "TokenRequest": {"token": "", "expirationTimestamp": None},
    "TokenReview": {"user": {}},
    "SelfSubjectReview": {"userInfo": {}},
    "SelfSubjectAccessReview": {"allowed": False},
    "LocalSubjectAccessReview": {"allowed": False},
    "SubjectAccessReview": {"allowed": False},
    "SelfSubjectRulesReview": {"resourceRules": None, "nonResourceRules": None, "incomplete": False},
}
"""What the status of a question never leaves out."""


def read(call: Call, gvk: GVK, schema: Node | None = None, default: Callable[[Obj], Obj] | None = None) -> Obj:
    """The object in the body, of that kind, with defaults; `schema` is its own when it is not the resource's."""
    options = write_options(call.query, "CreateOptions")
    content_type = call.request.headers.get("content-type", "")
    decoded = decode_body(call.request.body, content_type, gvk, schema or call.resource.schema, options.validation)
    call.warnings.extend(decoded.problems)
    obj = {"kind": gvk.kind, "apiVersion": gvk.api_version, **_placed(call, decoded.obj, gvk)}
    obj = default(obj) if default is not None else obj
    _tell(call, obj)
    return tracked(call, obj, gvk, schema, options)


def _placed(call: Call, obj: Obj, gvk: GVK) -> Obj:
    """With the namespace of the request, and without what only the server says. Raises 400 for another namespace."""
    meta = obj.get("metadata") or {}
    given = meta.get("namespace") or ""
    wanted = call.info.namespace if call.resource.mapping.namespaced else ""
    if given and wanted and given != wanted:
        raise bad_request(MISPLACED)
    left = {key: value for key, value in meta.items() if key != "namespace" and (key not in WIPED or gvk.kind in KEEPS)}
    if gvk.kind in KEEPS:  # a subresource: its body need not say where it is
        left = {**left, "namespace": given} if given else left
    elif wanted:
        left["namespace"] = wanted
    return {**obj, "metadata": left} if left != meta else obj


def _tell(call: Call, obj: Obj) -> None:
    """The audit log has bodies as they are decoded: with everything that they never leave out."""
    spec, status = obj.get("spec") or {}, ANSWERS.get(obj["kind"], {})
    if obj["kind"] == "TokenRequest":
        spec = {"audiences": None, "expirationSeconds": None, "boundObjectRef": None, **spec}
    shown = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": obj.get("metadata") or {}}
    call.told(shown | ({"spec": spec} if "spec" in obj else {}) | {"status": {**status, **(obj.get("status") or {})}})


def tracked(call: Call, obj: Obj, gvk: GVK, schema: Node | None, options: WriteOptions) -> Obj:
    """With the asker as the owner of what it said: even bodies that are stored nowhere say so."""
    scope = scope_of(call)
    if schema is not None:
        scope = replace(scope, api_version=gvk.api_version, kind=gvk.kind, place=place_of(schema))
    manager = manager_of(options.manager, call.request.headers.get("user-agent", ""))
    return track_create(scope, obj, manager)
