"""PATCH of one object or of its status: JSON patch, merge patch, strategic merge patch, apply."""

from typing import Any

from sampan.api.errors import bad_request, unsupported_media_type
from sampan.api.json import Obj
from sampan.api.patch import json as json_patch
from sampan.api.patch import merge, strategic
from sampan.apiserver import managers, write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import check_size, decode_value, parse_json
from sampan.apiserver.options import write_options
from sampan.apiserver.write import Change
from sampan.net.http import Response

JSON_PATCH, MERGE, STRATEGIC = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
APPLY = "application/apply-patch+yaml"


def patch_type(call: Call) -> str:
    """The kind of patch, from the Content-Type; raises 415."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip()
    known = (JSON_PATCH, MERGE, STRATEGIC) + ((APPLY,) if managers.APPLY is not None else ())
    if media in known:
        return media
    raise unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: "
        f"{JSON_PATCH}, {MERGE}, {STRATEGIC}, {APPLY}"
    )


async def patch(call: Call) -> Response:
    """Change the object as the body says."""
    media = patch_type(call)
    format_of(call)
    check_size(call.request.body)
    options = write_options(call.query, "PatchOptions", media)
    if media == APPLY:
        from sampan.apiserver.verbs.apply import apply

        return await apply(call, options)
    change = parse_patch(call.request.body, media)

    async def make(old: Obj) -> Obj:
        return patched(call, media, change, old, options.validation)

    written = await write.update(call, Change(make, call.info.subresource), options, "PatchOptions")
    return answer(call, written.value)


def parse_patch(body: bytes, media: str) -> Any:
    """The patch in hand; raises 400."""
    try:
        change = parse_json(body)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from None
    if media != JSON_PATCH and not isinstance(change, dict):
        if change is None:
            return {}
        kind = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}[type(change)]
        raise bad_request(f"error decoding patch: json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
    return change


def patched(call: Call, media: str, change: Any, old: Obj, validation: str) -> Obj:
    """The object after the patch, decoded and checked; raises 400, 422."""
    schema = call.resource.schema
    if media == JSON_PATCH:
        raw = json_patch.apply(old, change)
    elif media == MERGE:
        raw = merge.apply(old, change)
    else:
        raw = strategic.apply(old, change, schema)
    if not isinstance(raw, dict):
        raise bad_request("error decoding patch: the result is no object")
    decoded = decode_value(raw, None, call.resource.gvk, schema, validation)
    call.warnings[:] = list(dict.fromkeys([*call.warnings, *decoded.problems]))
    obj = decoded.obj
    meta = obj.get("metadata") or {}
    if meta.get("name") != call.info.name:
        name = meta.get("name")
        if not name:
            raise bad_request(f"the name of the object ({call.info.name} based on URL) was undeterminable: name must be provided")
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.info.name})")
    return obj


