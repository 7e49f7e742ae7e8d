"""PATCH of one object or of its status: JSON patch, merge patch, strategic merge patch; apply is in apply.py."""

from dataclasses import dataclass
from typing import Any

from sampan.api.errors import FieldError, StatusError, bad_request, invalid, unsupported_media_type
from sampan.api.json import Obj, dumps
from sampan.api.names import GVK
from sampan.api.patch import json as json_patch
from sampan.api.patch import merge, strategic
from sampan.api.patch.track import bare
from sampan.api.patch.typed import go_text
from sampan.api.schema.decode import DecodeError
from sampan.api.schema.nodes import Node
from sampan.api.schema.order import go_ordered
from sampan.api.schema.restore import restored
from sampan.api.schema.strict import duplicate_fields, strict_message, strict_problems
from sampan.apiserver import write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.body_kind import GO_KINDS, Undecodable
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import Decoded, check_size, decode_value, parse_json
from sampan.apiserver.empties import with_empties
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
HEAD = frozenset(("kind", "apiVersion", "metadata"))
TYPES = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
NOT_FOR_CUSTOM = (
    f"the body of the request was in an unknown format - accepted media types include: {JSON_PATCH}, {MERGE}, {APPLY}"
)


def patch_type(call: Call) -> str:
    """The kind of patch, from the Content-Type; raises 415."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip()
    if call.resource.custom and media == STRATEGIC:
        raise StatusError(415, "UnsupportedMediaType", NOT_FOR_CUSTOM)
    if media in TYPES:
        return media
    if any(part.strip() in TYPES for part in media.split(",")):
        raise unsupported_media_type(
            f"the body of the request was in an unknown format - accepted media types include: {', '.join(TYPES)}"
        )
    raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


async def patch(call: Call) -> Response:
    """Change the object as the body says."""
    media = patch_type(call)
    format_of(call)
    check_size(call.request.body)
    options = write_options(call.query, "PatchOptions", media)
    call.patched()
    if media == APPLY:
        return await apply(call, options)
    given = read_patch(call.request.body, media, options.validation)

    latest: list[Obj] = []

    async def make(old: Obj) -> Obj:
        latest[:] = [old]
        obj, problems = outcome(old, given, call.resource.gvk, call.resource.schema)
        call.warnings[:] = dict.fromkeys([*call.warnings, *problems])
        return check_name(call, write.check_namespace(call, obj))

    try:
        written = await write.update(call, Change(make, call.info.subresource, by_uid=False), options, "PatchOptions")
    except StatusError as error:
        if error.reason != "Invalid" or "null" not in error.message or not latest:
            raise
        schema = call.resource.schema
        raise with_empties(error, patched(latest[0], given, schema), schema) from None
    return answer(call, written.value)


@dataclass(frozen=True, slots=True)
class Given:
    """A patch as it was read."""

    change: Any
    media: str
    validation: str
    repeated: list[str]
    """What strict decoding finds in the patch itself."""
    apart: bool
    """Whether it surely has nothing to do with managedFields, nor with metadata as a whole."""


def read_patch(body: bytes, media: str, validation: str) -> Given:
    """The patch in hand; raises 400."""
    change = parse_patch(body, media, validation)
    repeated = [] if validation == "Ignore" else strict_problems(duplicate_fields(body, change), ())
    if media == JSON_PATCH:
        repeated = [f"json patch {text}" for text in repeated]
    apart = not any(word in body for word in (b"managedFields", b'/metadata"', b'""', b"$patch", b"null", b"\\"))
    return Given(change, media, validation, repeated, apart)


def outcome(old: Obj, given: Given, gvk: GVK, schema: Node) -> tuple[Obj, list[str]]:
    """The patched object, decoded, and what strict decoding found. Managers that stay are not decoded again."""
    managers = (old.get("metadata") or {}).get("managedFields")
    if given.apart and managers and not given.repeated:
        try:
            raw = patched(bare(old), given, schema)
            same = _untouched(raw, old) if schema.name else {}
            changed = {key: value for key, value in raw.items() if key not in same} if same else raw
            obj, problems = decoded(changed, given, gvk, schema)
            return {**obj, **same, "metadata": {**obj["metadata"], "managedFields": managers}}, problems
        except (StatusError, Unfit, KeyError):
            pass  # said below, of the whole object
    try:
        return decoded(patched(old, given, schema), given, gvk, schema)
    except Unfit as error:
        raise unfit(patched(go_ordered(old, schema), given, schema), given, error.why) from None


def _untouched(raw: Any, old: Obj) -> Obj:
    """Whole parts of an object (spec, status, data) that its patch left alone: they need not be decoded again."""
    if not isinstance(raw, dict):
        return {}
    return {key: value for key, value in raw.items() if key not in HEAD and value is old.get(key) is not None}


class Unfit(Exception):
    """The outcome of a patch cannot be decoded: `why`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def parse_patch(body: bytes, media: str, validation: str) -> Any:
    """The patch in hand; raises 400. Who wants no validation is answered by another of upstream's libraries."""
    lax = validation == "Ignore"
    prefix = "" if media == STRATEGIC or (media == JSON_PATCH and lax) else "error decoding patch: "
    try:
        change = parse_json(body)
    except ValueError as error:
        raise bad_request("Invalid JSON Patch" if media == MERGE and lax else f"{prefix}{error}") from None
    if media == JSON_PATCH:
        return [] if change is None else change
    if isinstance(change, dict):
        return change
    if media == MERGE and (change is None or lax):
        raise bad_request("Invalid JSON Patch")
    if change is None:
        return {}
    text = f"json: cannot unmarshal {GO_KINDS[type(change)]} into Go value of type map[string]interface {{}}"
    raise bad_request(f"{prefix}{text}")


def patched(old: Obj, given: Given, schema: Node) -> Any:
    """The object after the patch, as it comes out; raises 400, 422."""
    if given.media == JSON_PATCH:
        return json_patch.apply(old, given.change)
    if given.media == MERGE:
        return merge.apply(old, given.change)
    return strategic.apply(old, given.change, schema)


def decoded(raw: Any, given: Given, gvk: GVK, schema: Node) -> tuple[Obj, list[str]]:
    """A patched object, decoded, and what strict decoding found; raises 400, or Unfit."""
    if not isinstance(raw, dict):
        raise bad_request("error decoding patch: the result is no object")
    if given.media == STRATEGIC and isinstance(raw.get("kind"), str) and isinstance(raw.get("apiVersion"), str):
        raw = {**raw, "kind": gvk.kind, "apiVersion": gvk.api_version}  # upstream never looks at them
    lenient = "Ignore" if given.validation == "Ignore" else "Warn"
    try:
        found = decode_value(raw, None, gvk, schema, lenient)
    except Undecodable as error:
        if given.media != STRATEGIC:
            raise Unfit(error.why) from None
        found = _restored(raw, gvk, schema, lenient)
    problems = [*given.repeated, *(_told(found, raw, given, gvk, schema) if found.problems else ())]
    if problems and given.validation == "Strict":
        raise Unfit(strict_message(problems))
    return found.obj, problems


def _told(found: Decoded, raw: Obj, given: Given, gvk: GVK, schema: Node) -> list[str]:
    """The unknown fields in upstream's order: sorted, or that of the text that its patch libraries write."""
    if given.media == STRATEGIC:
        return sorted(found.problems)
    return decode_value(_sorted(raw, _touched(given)), None, gvk, schema, "Warn").problems


def _restored(raw: Obj, gvk: GVK, schema: Node, validation: str) -> Decoded:
    """The outcome of a strategic merge patch, for which upstream has a converter with own rules; raises Unfit."""
    try:
        return decode_value(restored(raw, schema), None, gvk, schema, validation)
    except DecodeError as error:
        raise Unfit(str(error)) from None
    except Undecodable as error:
        raise Unfit(error.why) from None


def unfit(raw: Obj, given: Given, why: str) -> StatusError:
    """The 422 of a patch whose outcome cannot be decoded: it shows the outcome, or the strategic merge patch."""
    text = go_text(given.change) if given.media == STRATEGIC else dumps(_sorted(raw, _touched(given))).decode()
    cause = FieldError("FieldValueInvalid", "patch", f"Invalid value: {dumps(text).decode()}: {why}")
    return invalid("", "", "", [cause])


def _touched(given: Given) -> Any:
    """The objects that a patch goes through: upstream's libraries write them anew, keys sorted."""
    if given.media == MERGE or not isinstance(given.change, list):
        return given.change
    touched: Obj = {}
    for operation in given.change:
        for path in (operation.get("path"), operation.get("from")):
            below = touched
            for part in str(path or "").split("/")[1:-1]:
                below = below.setdefault(part, {})
    return touched


def _sorted(value: Any, touched: Any) -> Any:
    if isinstance(touched, list):  # a merge patch's own list
        return [_sorted(item, own) for item, own in zip(value, touched, strict=False)]
    if not isinstance(touched, dict):
        return value
    if isinstance(value, list):
        return [_sorted(item, touched.get(str(place))) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {key: _sorted(value[key], touched.get(key)) for key in sorted(value)}
