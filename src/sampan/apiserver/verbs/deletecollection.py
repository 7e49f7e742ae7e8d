"""DELETE of a collection."""

from sampan.api.errors import StatusError
from sampan.api.json import loads
from sampan.apiserver.answer import JSON_HEADER, format_of, written
from sampan.apiserver.call import Call
from sampan.apiserver.negotiate import PLAIN
from sampan.apiserver.options import list_options
from sampan.apiserver.verbs.delete import delete_one, read_options
from sampan.apiserver.verbs.list import find, joined
from sampan.net.http import Response


async def deletecollection(call: Call) -> Response:
    """Delete what matches, one after the other; the answer lists it as it was."""
    wanted = format_of(call)
    query = call.query
    listed = await find(call, list_options(query, watching=False))
    options = read_options(call)
    for kv in listed.items:
        namespace, name = kv.key.rsplit("/", 2)[1:]
        one = call if not call.resource.mapping.namespaced or call.namespace else _within(call, namespace)
        try:
            await delete_one(one, name, options)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
    meta = {"resourceVersion": str(listed.revision)}
    if listed.continue_:
        meta["continue"] = listed.continue_
    body = joined(call, listed.items, meta)
    return Response(200, [JSON_HEADER], body) if wanted == PLAIN else written(call.request, loads(body), wanted)


def _within(call: Call, namespace: str) -> Call:
    from dataclasses import replace

    return replace(call, info=replace(call.info, namespace=namespace))
