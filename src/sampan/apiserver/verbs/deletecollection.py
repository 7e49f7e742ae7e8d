"""DELETE of a collection."""

from dataclasses import replace

from sampan.api.errors import StatusError
from sampan.apiserver.answer import format_of
from sampan.apiserver.call import Call
from sampan.apiserver.match import asked
from sampan.apiserver.verbs.delete import delete_one, read_options, warn_of_orphans
from sampan.apiserver.verbs.list import find, rendered
from sampan.net.http import Response


async def deletecollection(call: Call) -> Response:
    """Delete what matches, one after the other; the answer lists it as it was."""
    wanted = format_of(call)
    chosen = asked(call, watching=False)
    options = read_options(call)
    warn_of_orphans(call, options)
    listed = await find(call, *chosen)
    for kv in listed.items:
        namespace, name = kv.key.rsplit("/", 2)[1:]
        one = call if not call.resource.mapping.namespaced or call.namespace else _within(call, namespace)
        try:
            await delete_one(one, name, options)
        except StatusError as error:
            if error.reason != "NotFound":
                raise
    return await rendered(call, listed, wanted)


def _within(call: Call, namespace: str) -> Call:
    return replace(call, info=replace(call.info, namespace=namespace))
