"""LIST: pages of stored bytes at one revision, joined without parsing."""

import base64
import posixpath
from typing import Any, NamedTuple

from sampan.api import json
from sampan.api.errors import StatusError, bad_request, expired, timeout
from sampan.api.table import partial_list, table
from sampan.apiserver.answer import (
    JSON_HEADER,
    PROTOBUF_HEADER,
    format_of,
    go_type,
    include_of,
    pretty,
    table_of_version,
    written,
)
from sampan.apiserver.body_kind import GO_KINDS
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import parse_json
from sampan.apiserver.match import Matcher, asked
from sampan.apiserver.negotiate import PLAIN, PROTOBUF, Format
from sampan.apiserver.options import EXACT, ListOptions, bad_version, parse_version
from sampan.net.http import Response
from sampan.store.base import Compacted, FutureRevision, KeyValue, Page

EXPIRED = "The resourceVersion for the provided list is too old."
INCONSISTENT = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class Found(NamedTuple):
    """A page of matching objects."""

    items: list[KeyValue]
    revision: int
    continue_: str = ""
    remaining: int | None = None


async def list_(call: Call) -> Response:
    """The collection, or a page of it."""
    wanted = format_of(call)
    return await rendered(call, await find(call, *asked(call, watching=False)), wanted)


async def rendered(call: Call, found: Found, wanted: Format) -> Response:
    """What was found, as it was asked for. Raises 400 and 406."""
    meta: dict[str, Any] = {"resourceVersion": str(found.revision)}
    if found.continue_:
        meta["continue"] = found.continue_
        if found.remaining is not None:
            meta["remainingItemCount"] = found.remaining
    if wanted == PLAIN and not pretty(call.request):
        return Response(200, [JSON_HEADER], joined(call, found.items, meta))
    if wanted.media == PROTOBUF and not wanted.shape:
        from sampan.apiserver.binary import packed_list

        if "audit" in call.request.context:
            call.request.context["answered"] = json.loads(joined(call, found.items, meta))
        return Response(200, [PROTOBUF_HEADER], await packed_list(call, found.items, meta))
    registry, entry = call.kit.registry, call.entry
    objects = [registry.object(entry, kv) for kv in found.items]
    if wanted.shape == "Table":
        made = table(call.resource, objects, meta, call.kit.clock.now(), include_of(call))
    elif wanted.shape == "PartialObjectMetadataList":
        made = partial_list(objects, meta)
    elif wanted.shape == "PartialObjectMetadata":
        raise not_an_object(call)
    else:
        made = json.loads(joined(call, found.items, meta))
    if wanted.shape == "Table":
        made = table_of_version(made, f"meta.k8s.io/{wanted.version}")
    elif wanted.shape:
        version = f"meta.k8s.io/{wanted.version}"
        items = made["items"] and [{**item, "apiVersion": version} for item in made["items"]]
        made = {**made, "apiVersion": version, "items": items}
    return written(call.request, made, wanted)


def not_an_object(call: Call) -> StatusError:
    """406: an object was asked for, and this is a list."""
    text = f"you requested PartialObjectMetadata, but the requested object is a list ({go_type(call, 'List')})"
    return StatusError(406, "NotAcceptable", text)


def joined(call: Call, items: list[KeyValue], meta: dict[str, Any]) -> bytes:
    """A List's bytes. Items of built-in kinds carry no kind and apiVersion, as upstream's typed lists do not."""
    entry, resource = call.entry, call.resource
    start = 0 if resource.custom else len(entry.prefix)
    if resource.custom:  # upstream's untyped lists write what typed ones leave out
        meta = {"continue": "", **meta}
    head = json.dumps({"kind": resource.list_kind, "apiVersion": resource.gvk.api_version, "metadata": meta})[:-1]
    if not items:
        return b'%b,"items":[]}' % head
    if entry.foreign:
        value = call.kit.registry.value
        parts = [value(entry, kv)[start:] for kv in items]
    else:
        parts = [kv.value[start:] for kv in items]
    if resource.custom:
        return b'%b,"items":[%b]}' % (head, b",".join(parts))
    return b'%b,"items":[{%b]}' % (head, b",{".join(parts))


async def find(call: Call, options: ListOptions, wanted: Matcher | None) -> Found:
    """The objects that a LIST asks for. Raises 400, 410, 504."""
    after, revision = "", 0
    root = call.entry.range(call.namespace)
    if options.continue_:
        after, revision = decode_continue(options.continue_, root)
        if options.version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        revision = max(revision, 0)
    elif options.version:
        try:
            revision = parse_version(options.version)
        except ValueError as error:
            raise bad_version(error) from None
        check_reached(call, revision)
        if options.match != EXACT and not (options.limit and not options.match and revision):
            revision = 0
    # A list at "0" comes from upstream's watch cache, which does not divide it into pages.
    limit = options.limit if options.version != "0" or options.match == EXACT else 0
    try:
        found = await collect(call, wanted, limit, after, revision)
    except Compacted:
        if options.continue_:
            raise expired(INCONSISTENT, encode_continue(after, root, -1)) from None
        raise expired(EXPIRED) from None
    except FutureRevision as future:
        raise too_large(future.revision, future.current) from None
    if call.entry.foreign:
        await call.kit.registry.prepare(call.entry, found.items)
    return found


def check_reached(call: Call, revision: int) -> None:
    """Raise the 504 of a revision in the future."""
    if revision > call.kit.store.revision:
        raise too_large(revision, call.kit.store.revision)


def too_large(revision: int, current: int) -> StatusError:
    """504: that revision is in the future."""
    error = timeout(f"Too large resource version: {revision}, current: {current}", 1)
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    error.details = {"causes": causes, "retryAfterSeconds": 1}
    return error


async def collect(call: Call, wanted: Matcher | None, limit: int, after: str, revision: int) -> Found:
    """Pages of the range until `limit` objects match."""
    root = call.entry.range(call.namespace)
    prefix = wanted.narrow if wanted is not None else root
    store = call.kit.store
    page: Page = await store.range(prefix, after=after, limit=limit if wanted is None else 0, revision=revision)
    if wanted is None:
        if page.remaining and page.items:
            token = encode_continue(page.items[-1].key, root, page.revision)
            return Found(page.items, page.revision, token, page.remaining)
        return Found(page.items, page.revision)
    matched = [kv for kv in page.items if wanted(kv)]
    if limit and len(matched) > limit:
        token = encode_continue(matched[limit - 1].key, root, page.revision)
        return Found(matched[:limit], page.revision, token)
    return Found(matched, page.revision)


def encode_continue(key: str, root: str, revision: int) -> str:
    """The token that goes on after `key`: upstream's form."""
    start = key[len(root) :] + "\0"
    return (
        base64.urlsafe_b64encode(json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}))
        .decode()
        .rstrip("=")
    )


def decode_continue(token: str, root: str) -> tuple[str, int]:
    """The key and revision of a token; raises 400."""
    strange = next((index for index, char in enumerate(token) if char not in LETTERS), -1)
    if strange >= 0 or len(token) % 4 == 1:
        raise bad_continue(f"illegal base64 data at input byte {strange if strange >= 0 else len(token) - 1}")
    try:
        value = parse_json(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_"))
    except ValueError as error:
        raise bad_continue(str(error)) from None
    fields = _token_fields(value)
    if fields["v"] != "meta.k8s.io/v1":
        raise bad_continue(f"server does not recognize this encoded version {fields['v']}")
    revision, start = fields["rv"], fields["start"]
    if revision == 0:
        raise bad_continue("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise bad_continue("encoded start key empty (version meta.k8s.io/v1)")
    path = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(path) != path or path.startswith("//"):
        raise bad_continue(start)
    return root + path[1:].removesuffix("\0"), revision


TOKEN_FIELDS = {"v": (str, "", "string"), "rv": (int, 0, "int64"), "start": (str, "", "string")}


def _token_fields(value: Any) -> dict[str, Any]:
    """The fields of a token, whatever the case of their names; raises 400 for one of another type."""
    found = {name: empty for name, (_, empty, _) in TOKEN_FIELDS.items()}
    if value is None:
        return found
    if not isinstance(value, dict):
        raise bad_continue(f"json: cannot unmarshal {go_kind(value)} into Go value of type storage.continueToken")
    for key, one in value.items():
        name = key.lower()
        if name not in found or one is None:
            continue
        kind, _, go_type = TOKEN_FIELDS[name]
        if type(one) is not kind:
            given = f"{go_kind(one)} {one!r}" if isinstance(one, float) else go_kind(one)
            raise bad_continue(
                f"json: cannot unmarshal {given} into Go struct field continueToken.{name} of type {go_type}"
            )
        found[name] = one
    return found


def go_kind(value: Any) -> str:
    """What encoding/json calls a value."""
    return GO_KINDS.get(type(value), "null")


def bad_continue(why: str) -> StatusError:
    """400: the token is none of ours."""
    return bad_request(f"invalid continue token: continue key is not valid: {why}")


LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
