"""Bodies of reviews and requests that are answered at once and stored nowhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.patch.fields import paths_set
from sampan.api.patch.places import place_of
from sampan.api.patch.track import track_create
from sampan.api.schema.nodes import Node
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.managers import manager_of, scope_of
from sampan.apiserver.options import WriteOptions, write_options

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
STATUS: Final = paths_set("status")


def read(call: Call, gvk: GVK, schema: Node | None = None, default: Callable[[Obj], Obj] | None = None) -> Obj:
    """The object in the body, of that kind, with defaults; `schema` is its own when it is not the resource's."""
    options = write_options(call.query, "CreateOptions")
    content_type = call.request.headers.get("content-type", "")
    decoded = decode_body(call.request.body, content_type, gvk, schema or call.resource.schema, options.validation)
    call.warnings.extend(decoded.problems)
    obj = {"kind": gvk.kind, "apiVersion": gvk.api_version, **decoded.obj}
    obj = default(obj) if default is not None else obj
    _tell(call, obj)
    return tracked(call, obj, gvk, schema, options)


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
    if obj["kind"] != "TokenRequest":
        scope = replace(scope, reset=STATUS)
    return track_create(scope, obj, manager)
