"""GET of one object."""

from sampan.api.errors import timeout
from sampan.apiserver.answer import answer
from sampan.apiserver.call import Call
from sampan.apiserver.options import parse_version
from sampan.net.http import Response


async def get(call: Call) -> Response:
    """The object's bytes as they are stored."""
    if call.request.query:
        check_version(call, call.query.get("resourceVersion"))
    kv = await call.kit.registry.get(call.entry, call.namespace, call.info.name)
    return answer(call, kv.value if not call.entry.foreign else call.kit.registry.value(call.entry, kv))


def check_version(call: Call, text: str) -> None:
    """A resourceVersion that is not yet reached cannot be waited for: 504."""
    if not text:
        return
    from sampan.api.errors import StatusError

    try:
        version = parse_version(text)
    except ValueError as error:
        raise StatusError(500, "", str(error)) from None
    current = call.kit.store.revision
    if version > current:
        error = timeout(f"Too large resource version: {version}, current: {current}", 1)
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        error.details = {"causes": causes, "retryAfterSeconds": 1}
        raise error
