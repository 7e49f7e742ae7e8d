"""pods/eviction: delete a pod, politely. PodDisruptionBudgets are not asked yet."""

from sampan.api.errors import bad_request
from sampan.apiserver.answer import answer_object
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import parse_body
from sampan.apiserver.options import delete_options, write_options
from sampan.apiserver.verbs.binding import CREATED
from sampan.apiserver.verbs.delete import delete_one
from sampan.net.http import Response


async def eviction(call: Call) -> Response:
    """POST of an Eviction."""
    request = call.request
    options = write_options(call.query, "CreateOptions")
    if not request.body:
        raise bad_request(
            "the object provided is unrecognized (must be of type Eviction): couldn't get version/kind; json parse "
            "error: unexpected end of JSON input (<empty>)"
        )
    body, _ = parse_body(request.body, request.headers.get("content-type", ""), "Eviction")
    meta = body.get("metadata") or {} if isinstance(body, dict) else {}
    if meta.get("name") != call.info.name:
        raise bad_request("name in URL does not match name in Eviction object")
    given = body.get("deleteOptions")
    wanted = delete_options(given if isinstance(given, dict) else {}, call.query)
    if options.dry_run:
        wanted = wanted._replace(dry_run=True)
    await delete_one(call, call.info.name, wanted)
    return answer_object(call, CREATED, 201)
