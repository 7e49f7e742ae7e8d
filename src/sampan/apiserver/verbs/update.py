"""PUT of one object, or of its status."""

from sampan.api.errors import StatusError, bad_request
from sampan.api.json import Obj
from sampan.apiserver import write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.options import write_options
from sampan.apiserver.verbs.create import shown
from sampan.apiserver.write import Change
from sampan.net.http import Response


async def update(call: Call) -> Response:
    """Replace the object by the one in the body."""
    format_of(call)
    request = call.request
    options = write_options(call.query, "UpdateOptions")
    decoded = decode_body(
        request.body,
        request.headers.get("content-type", ""),
        call.resource.gvk,
        call.resource.schema,
        options.validation,
    )
    call.warnings.extend(decoded.problems)
    call.audit(decoded.obj)
    obj = check_name(call, decoded.obj)

    async def make(old: Obj) -> Obj:
        return obj

    try:
        written = await write.update(call, Change(make, call.info.subresource), options, "UpdateOptions")
    except StatusError as error:
        if error.reason == "Invalid":
            raise shown(call, error) from None
        if error.reason != "NotFound" or not call.resource.allow_create_on_update or call.info.subresource:
            raise
        if (error.details or {}).get("kind") != call.plural:
            raise
        uid = (obj.get("metadata") or {}).get("uid")
        if uid:
            raise write.wrong_uid(call, uid, "") from None
        await may_create(call)
        written = await write.create(call, obj, options)
    return answer(call, written.value, 201 if written.created else 200)


async def may_create(call: Call) -> None:
    """Raise 403 unless the one who updates may create as well."""
    check = call.request.context.get("may_create")
    if check is not None:
        await check()


def check_name(call: Call, obj: Obj) -> Obj:
    """The body must name the object of the URL; raises 400."""
    meta = obj.get("metadata") or {}
    name = call.info.name
    write.check_namespace(call, obj)
    if not meta.get("name"):
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if meta["name"] != name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")
    return obj
