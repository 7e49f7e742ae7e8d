"""PATCH with application/apply-patch+yaml: server-side apply; it creates what is not there."""

from typing import Any

from sampan.api.errors import StatusError, bad_request, conflict
from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.patch import apply as merging
from sampan.api.patch.track import Scope
from sampan.api.schema.decode import DecodeError, decode, zero
from sampan.api.schema.prune import prune
from sampan.api.schema.restore import restored
from sampan.api.schema.strict import duplicate_fields
from sampan.apiserver import write
from sampan.apiserver.answer import answer
from sampan.apiserver.body_kind import GO_KINDS
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import parse_yaml
from sampan.apiserver.managers import scope_of
from sampan.apiserver.options import WriteOptions
from sampan.apiserver.verbs.update import check_name, may_create
from sampan.apiserver.write import Change, Written
from sampan.net.http import Response

APPLY = "application/apply-patch+yaml"
TRIES = 8


async def apply(call: Call, options: WriteOptions) -> Response:
    """Bring the object to where the body has its fields; others keep theirs."""
    config = parse_config(call.request.body)
    for attempt in range(TRIES):
        try:
            written = await _to_live(call, config, options)
            break
        except StatusError as error:
            if not is_missing(call, error) or call.info.subresource:
                raise
        try:
            written = await _to_nothing(call, config, options)
            break
        except StatusError as error:
            if error.reason != "AlreadyExists" or attempt + 1 == TRIES:
                raise
    return answer(call, written.value, 201 if written.created else 200)


def is_missing(call: Call, error: StatusError) -> bool:
    """Whether an error says that this very object is not there."""
    details = error.details or {}
    return error.reason == "NotFound" and (details.get("kind"), details.get("name")) == (call.plural, call.info.name)


def parse_config(body: bytes) -> Obj:
    """The applied configuration; raises 400."""
    try:
        value: Any = loads(body)
    except JSONDecodeError:
        try:
            value = parse_yaml(body)
        except ValueError as error:
            raise bad_request(f"error decoding YAML: error converting YAML to JSON: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        found = GO_KINDS[type(value)]
        raise bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
            f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        )
    return value


def may_repeat(body: bytes) -> bool:
    """Whether keys may stand twice in it: false for JSON without such."""
    try:
        return bool(duplicate_fields(body, loads(body)))
    except JSONDecodeError:
        return True


def check_strict(call: Call, body: bytes, options: WriteOptions) -> None:
    """Refuse keys written twice, or warn of them."""
    if options.validation == "Ignore" or not may_repeat(body):
        return
    from sampan.apiserver.yamltypes import repeated_keys

    found = repeated_keys(body)
    if found and options.validation == "Strict":
        lines = "\n".join(f"  {text}" for text in found)
        raise bad_request(
            f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n{lines}"
        )
    call.warnings[:] = dict.fromkeys([*call.warnings, *found])


def _restored(call: Call, raw: Obj, config: Obj) -> Obj:
    """The outcome by the rules of the converter that upstream uses here instead of a decoder; raises 500."""
    try:
        return decode(restored(raw, call.resource.schema), call.resource.schema)[0]
    except DecodeError as error:
        meta, gvk = config.get("metadata") or {}, f"{call.group}/{call.resource.mapping.version}, Kind={call.kind}"
        what = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {gvk}"
        why = f"unable to convert unstructured object to {gvk}: {error}"
        raise StatusError(500, "", f"failed to convert new object ({what}) to proper version: {why}") from None


def applied(call: Call, scope: Scope, live: Obj, config: Obj, options: WriteOptions) -> Obj:
    """The decoded outcome of an apply; raises StatusError."""
    raw = merging.apply(scope, live, config, options.manager, bool(options.force))
    check_strict(call, call.request.body, options)
    try:
        obj, _ = decode(raw, call.resource.schema)
    except DecodeError:
        obj = _restored(call, raw, config)
    if call.resource.custom:  # what is applied is not decoded as bodies are: its nulls stay, for validation to see
        rest = prune({key: one for key, one in raw.items() if key != "metadata"}, call.resource.schema)
        obj = {**rest, "metadata": obj["metadata"]}
    obj["kind"], obj["apiVersion"] = call.kind, call.resource.gvk.api_version
    return obj


async def _to_live(call: Call, config: Obj, options: WriteOptions) -> Written:
    async def make(old: Obj) -> Obj:
        obj = applied(call, scope_of(call), old, config, options)
        return check_name(call, write.check_namespace(call, obj))

    change = Change(make, call.info.subresource, tracks=False, by_uid=False)
    return await write.update(call, change, options, "PatchOptions")


async def _to_nothing(call: Call, config: Obj, options: WriteOptions) -> Written:
    """Create it: an apply to Go's zero value of the kind."""
    nothing = {**(zero(call.resource.schema) or {}), "kind": call.kind, "apiVersion": call.resource.gvk.api_version}
    obj = applied(call, scope_of(call), nothing, config, options)
    uid = (obj.get("metadata") or {}).get("uid")
    if uid:
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(call.group, call.plural, call.info.name, why)
    obj = check_name(call, write.check_namespace(call, obj))
    await may_create(call)
    return await write.create(call, obj, options, tracked=True)
