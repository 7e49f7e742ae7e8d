"""GET of one object."""

from sampan.api.errors import StatusError, bad_request
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.options import parse_version
from sampan.apiserver.verbs.list import check_reached
from sampan.net.http import Response

NO_EXPORT = "the export parameter, deprecated since v1.14, is no longer supported"


async def get(call: Call) -> Response:
    """The object's bytes as they are stored."""
    format_of(call)
    if call.request.query:
        check_query(call)
    kv = await call.kit.registry.get(call.entry, call.namespace, call.info.name)
    return answer(call, kv.value if not call.entry.foreign else call.kit.registry.value(call.entry, kv))


def check_query(call: Call) -> None:
    """Raise the 400 of `export`, the 500 of a resourceVersion that is none, the 504 of one in the future."""
    if call.query.flag("export"):
        raise bad_request(NO_EXPORT)
    text = call.query.get("resourceVersion")
    if text:
        try:
            version = parse_version(text)
        except ValueError as error:
            raise StatusError(500, "", str(error)) from None
        check_reached(call, version)
