"""POST to a collection."""

from sampan.apiserver import write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
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
    written = await write.create(call, decoded.obj, options)
    return answer(call, written.value, 201)
