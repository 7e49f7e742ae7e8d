"""Protobuf bodies in and out: which message an object is, and upstream's words for bodies that are none."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sampan.api.errors import StatusError, bad_request
from sampan.api.json import Obj
from sampan.api.names import GVK, parse_api_version
from sampan.api.protobuf import envelope
from sampan.api.protobuf.envelope import Unknown
from sampan.api.protobuf.messages import message_of, message_of_names
from sampan.api.protobuf.wire import WireError
from sampan.api.protobuf.writer import write
from sampan.api.schema.strict import cannot_handle
from sampan.apiserver.body_kind import check_kind, unrecognized
from sampan.apiserver.call import Call
from sampan.store.base import KeyValue

PART = 100
"""Objects of a list that are encoded in one go."""
CANNOT = "object {} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message"


def is_native(gvk: GVK) -> bool:
    """Whether objects of a kind can be protobuf; custom resources cannot."""
    return bool(message_of(gvk))


def object_body(body: bytes, gvk: GVK) -> Obj:
    """The object of a body that should be a `gvk`: what Go's fields say, not yet decoded by a schema. Raises 400."""
    unknown = unwrapped(body, gvk.kind)
    named: Obj = {"kind": unknown.kind or gvk.kind, "apiVersion": unknown.api_version or gvk.api_version}
    check_kind(named, gvk, body)
    message = message_of(gvk)
    if not message:
        raise bad_request(cannot_handle(gvk.kind, gvk.version, CANNOT.format("*unstructured.Unstructured")))
    return {**named, **_decoded(unknown, message, gvk)}


def loose_body(body: bytes, kind: str) -> Obj:
    """The object of a body of any kind, `kind` unless it says so itself, without the empty texts. Raises 400."""
    unknown = unwrapped(body, kind)
    gvk = GVK(*parse_api_version(unknown.api_version or "v1"), unknown.kind or kind)
    message = message_of(gvk)
    if not message:
        raise bad_request(f'no kind "{gvk.kind}" is registered for version "{gvk.api_version}" in scheme')
    made: Obj = _without_empty(_decoded(unknown, message, gvk))
    return {"kind": gvk.kind, "apiVersion": unknown.api_version, **made}


def unwrapped(body: bytes, kind: str) -> Unknown:
    """The body's outer message; raises 400."""
    try:
        return envelope.unwrap(body)
    except WireError as error:
        message = unrecognized(kind, str(error), body)
        raise bad_request(message if kind != "DeleteOptions" else str(error)) from None


def _decoded(unknown: Unknown, message: str, gvk: GVK) -> Obj:
    try:
        return envelope.decode(unknown, message)
    except WireError as error:
        raise bad_request(cannot_handle(gvk.kind, gvk.version, str(error))) from None


def _without_empty(value: Any) -> Any:
    """Go writes empty texts and times where JSON leaves them out."""
    if isinstance(value, dict):
        return {key: _without_empty(one) for key, one in value.items() if one is not None and one != ""}
    return [_without_empty(one) for one in value] if isinstance(value, list) else value


def encoded(obj: Obj) -> bytes:
    """An object as a body. Raises 406 for one that no message is made for."""
    api_version = obj.get("apiVersion", "")
    message = message_of_names(api_version, obj["kind"])
    if not message:
        raise StatusError(406, "NotAcceptable", CANNOT.format("*unstructured.Unstructured"))
    return envelope.encode(obj, message)


async def packed_list(call: Call, items: Sequence[KeyValue], meta: Obj) -> bytes:
    """A List's body. Protobuf's messages can be joined, so other requests get their turn between the parts."""
    gvk, kind = call.resource.gvk, call.resource.list_kind
    message = message_of(gvk._replace(kind=kind))
    registry, entry = call.kit.registry, call.entry
    parts = [write(message, {"metadata": meta})]
    for start in range(0, len(items), PART):
        if start:
            await asyncio.sleep(0)
        parts.append(write(message, {"items": [registry.object(entry, kv) for kv in items[start : start + PART]]}))
    return envelope.wrap(gvk.api_version, kind, b"".join(parts))


def watch_event(kind: str, obj: Obj) -> bytes:
    """One event of a stream."""
    return envelope.frame(kind, encoded(obj))
