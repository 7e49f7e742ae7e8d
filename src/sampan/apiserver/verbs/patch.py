"""PATCH of one object or of its status: JSON patch, merge patch, strategic merge patch; apply is in apply.py."""

from typing import Any

from sampan.api.errors import FieldError, StatusError, bad_request, invalid
from sampan.api.json import Obj, dumps
from sampan.api.names import GVK
from sampan.api.patch import json as json_patch
from sampan.api.patch import merge, strategic
from sampan.api.patch.track import bare
from sampan.api.schema.nodes import Node
from sampan.apiserver import write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import check_size, decode_value, parse_json
from sampan.apiserver.options import write_options
from sampan.apiserver.verbs.apply import APPLY, apply
from sampan.apiserver.verbs.update import check_name
from sampan.apiserver.write import Change
from sampan.net.http import Response

JSON_PATCH, MERGE, STRATEGIC = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


def patch_type(call: Call) -> str:
    """The kind of patch, from the Content-Type; raises 415."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip()
    if media in (JSON_PATCH, MERGE, STRATEGIC, APPLY):
        return media
    raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


async def patch(call: Call) -> Response:
    """Change the object as the body says."""
    media = patch_type(call)
    format_of(call)
    check_size(call.request.body)
    options = write_options(call.query, "PatchOptions", media)
    if media == APPLY:
        return await apply(call, options)
    change = parse_patch(call.request.body, media)

    apart = leaves_managers(call.request.body)

    async def make(old: Obj) -> Obj:
        obj, problems = outcome(call, old, change, (media, options.validation, apart))
        call.warnings[:] = dict.fromkeys([*call.warnings, *problems])
        return check_name(call, obj)

    written = await write.update(call, Change(make, call.info.subresource, by_uid=False), options, "PatchOptions")
    return answer(call, written.value)


def leaves_managers(body: bytes) -> bool:
    """Whether a patch surely has nothing to do with managedFields, nor with metadata as a whole."""
    return not any(word in body for word in (b"managedFields", b'/metadata"', b'""', b"$patch", b"null", b"\\"))


def outcome(call: Call, old: Obj, change: Any, how: tuple[str, str, bool]) -> tuple[Obj, list[str]]:
    """The patched object, decoded, and what strict decoding found. Managers that stay are not decoded again."""
    media, validation, apart = how
    schema, gvk = call.resource.schema, call.resource.gvk
    managers = old["metadata"].get("managedFields")
    if apart and managers:
        try:
            obj, problems = decoded(patched(bare(old), change, media, schema), gvk, schema, validation)
            return {**obj, "metadata": {**obj["metadata"], "managedFields": managers}}, problems
        except (StatusError, KeyError):
            pass  # said below, of the whole object
    return decoded(patched(old, change, media, schema), gvk, schema, validation)


def parse_patch(body: bytes, media: str) -> Any:
    """The patch in hand; raises 400."""
    try:
        change = parse_json(body)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if media == JSON_PATCH or isinstance(change, dict):
        return change
    if change is None and media == MERGE:
        raise bad_request("Invalid JSON Patch")
    if change is None:
        return {}
    kind = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}[type(change)]
    raise bad_request(
        f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    )


def patched(old: Obj, change: Any, media: str, schema: Node) -> Any:
    """The object after the patch, as it comes out; raises 400, 422."""
    if media == JSON_PATCH:
        return json_patch.apply(old, change)
    return merge.apply(old, change) if media == MERGE else strategic.apply(old, change, schema)


def decoded(raw: Any, gvk: GVK, schema: Node, validation: str) -> tuple[Obj, list[str]]:
    """A patched object, decoded, and what strict decoding found; raises 400, or 422 for what does not fit."""
    if not isinstance(raw, dict):
        raise bad_request("error decoding patch: the result is no object")
    try:
        found = decode_value(raw, None, gvk, schema, validation)
    except StatusError as error:
        why = error.message.partition(f" cannot be handled as a {gvk.kind}: ")[2]
        if not why:
            raise
        shown = dumps(dumps(dict(sorted(raw.items()))).decode()).decode()
        cause = FieldError("FieldValueInvalid", "patch", f"Invalid value: {shown}: {why}")
        raise invalid("", "", "", [cause]) from None
    return found.obj, found.problems
