"""POST to a collection."""

from sampan.api.errors import StatusError
from sampan.api.json import JSONDecodeError, loads
from sampan.api.patch.fields import LEAF, FieldSet
from sampan.api.patch.places import said_empty
from sampan.api.schema.nodes import Node
from sampan.apiserver import write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body, parse_body
from sampan.apiserver.empties import with_empties
from sampan.apiserver.options import write_options
from sampan.net.http import Response


async def create(call: Call) -> Response:
    """Make the object in the body."""
    format_of(call)
    request = call.request
    options = write_options(call.query, "CreateOptions")
    decoded = decode_body(
        request.body,
        request.headers.get("content-type", ""),
        call.resource.gvk,
        call.resource.schema,
        options.validation,
    )
    call.warnings.extend(decoded.problems)
    call.audit(decoded.obj)
    said = _said(request.body, call.resource.schema) if b"[]" in request.body else LEAF
    try:
        written = await write.create(call, decoded.obj, options, said=said)
    except StatusError as error:
        raise shown(call, error) from None
    return answer(call, written.value, 201)


def shown(call: Call, error: StatusError) -> StatusError:
    """The error, with empty maps of the request's body as they were given."""
    if error.reason != "Invalid" or "null" not in error.message:
        return error
    request = call.request
    try:
        given, _ = parse_body(request.body, request.headers.get("content-type", ""), call.kind)
    except StatusError:  # a body that is not text; what it gave is not known any more
        return error
    return with_empties(error, given, call.resource.schema)


def _said(body: bytes, schema: Node) -> FieldSet:
    """The fields of a JSON body that are owned though decoding leaves nothing of them."""
    try:
        return said_empty(loads(body), schema)
    except JSONDecodeError:
        return LEAF
