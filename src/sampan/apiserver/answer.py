"""Objects as responses: plain bytes where nothing is to be done, else Table, partial metadata, YAML or indented."""

from typing import Any, Literal

from sampan.api import json
from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.table import partial, table
from sampan.apiserver.body_kind import go_package
from sampan.apiserver.call import Call
from sampan.apiserver.negotiate import ACCEPTED, JSON, PLAIN, PROTOBUF, YAML, Format, is_pretty, negotiate
from sampan.net.http import Headers, Request, Response

JSON_HEADER = ("Content-Type", "application/json")
YAML_HEADER = ("Content-Type", "application/yaml")
PROTOBUF_HEADER = ("Content-Type", PROTOBUF)


def format_of(call: Call) -> Format:
    """What the Accept header asks for; raises 406."""
    accept = call.request.headers.get("accept", "")
    return negotiate(accept, native=PROTOBUF not in accept or native(call))


def native(call: Call) -> bool:
    """Whether the resource's objects can be written as protobuf."""
    from sampan.apiserver.binary import is_native

    return is_native(call.resource.gvk)


def pretty(request: Request) -> bool:
    """Whether this request wants indented JSON."""
    if "pretty=" in request.query:
        from sampan.apiserver.query import parse_query

        query = parse_query(request.query)
        if "pretty" in query:
            return is_pretty(query.get("pretty"), "")
    return is_pretty(None, request.headers.get("user-agent", ""))


def include_of(call: Call) -> Literal["Metadata", "Object", "None"]:
    """What of the object a Table row carries."""
    match call.query.get("includeObject") if call.request.query else "":
        case "" | "Metadata":
            return "Metadata"
        case "Object":
            return "Object"
        case "None":
            return "None"
    from sampan.api.errors import bad_request
    from sampan.api.quote import go_quoted

    given = go_quoted(call.query.get("includeObject"))
    why = f"includeObject: Invalid value: {given}: must be 'Metadata', 'Object', 'None', or empty"
    raise bad_request(f"Unable to convert to Table as requested: {why}")


def shaped(call: Call, obj: Obj, wanted: Format) -> Obj:
    """An object as the Accept header's `as` wants it."""
    api_version = f"meta.k8s.io/{wanted.version}"
    if wanted.shape == "Table":
        version = (obj.get("metadata") or {}).get("resourceVersion")
        meta = {"resourceVersion": version} if version else {}
        made = table(call.resource, [obj], meta, call.kit.clock.now(), include_of(call))
        return table_of_version(made, api_version)
    return {**partial(obj), "apiVersion": api_version}


def table_of_version(made: Obj, api_version: str) -> Obj:
    """A Table, with the metadata in its rows, as another version of meta.k8s.io."""
    if made["apiVersion"] == api_version:
        return made
    rows = []
    for row in made.get("rows") or ():
        obj = row.get("object")
        if obj and obj.get("kind") == "PartialObjectMetadata":
            row = {**row, "object": {**obj, "apiVersion": api_version}}
        rows.append(row)
    return {**made, "apiVersion": api_version, "rows": rows or made.get("rows")}


def answer(call: Call, value: bytes, status: int = 200) -> Response:
    """One object of the resource, given as its bytes."""
    wanted = format_of(call)
    if wanted == PLAIN and not pretty(call.request):
        return Response(status, [JSON_HEADER], value)
    obj: Obj = json.loads(value)
    if wanted.shape == "PartialObjectMetadataList":
        raise not_a_list(call)
    if wanted.shape:
        obj = shaped(call, obj, wanted)
    return written(call.request, obj, wanted, status)


def go_type(call: Call, tail: str = "") -> str:
    """The name of the Go type that upstream has of a resource, for messages that show it."""
    if call.resource.custom:
        return f"*unstructured.Unstructured{tail}"
    return f"*{go_package(call.group)}.{call.kind}{tail}"


def not_a_list(call: Call) -> StatusError:
    """406 (500 for custom kinds): a list was asked for, and this is an object."""
    if call.resource.custom:
        return StatusError(500, "", "content is not a list")
    text = f"you requested PartialObjectMetadataList, but the requested object is not a list ({go_type(call)})"
    return StatusError(406, "NotAcceptable", text)


def answer_object(call: Call, obj: Obj, status: int = 200) -> Response:
    """An object that is not of the resource's kind (Status, Scale), never shaped."""
    wanted = negotiate(call.request.headers.get("accept", ""))
    return written(call.request, obj, wanted, status)


def answer_review(call: Call, obj: Obj) -> Response:
    """The answer to a question, which is no object that could be a row of a Table. Raises 406."""
    wanted = negotiate(call.request.headers.get("accept", ""))
    if wanted.shape == "Table":
        raise StatusError(406, "NotAcceptable", f"only the following media types are accepted: {ACCEPTED}")
    return written(call.request, obj, wanted, 201)


def written(request: Request, obj: Any, wanted: Format, status: int = 200) -> Response:
    """An object in JSON, YAML or protobuf; what is no API object is never protobuf."""
    headers: Headers
    if wanted.media != JSON and "audit" in request.context:
        request.context["answered"] = obj
    if wanted.media == PROTOBUF and "kind" in obj:
        from sampan.apiserver.binary import encoded

        return Response(status, [PROTOBUF_HEADER], encoded(obj))
    if wanted.media == YAML:
        from sampan.apiserver.yamltypes import dump

        headers = [YAML_HEADER]
        return Response(status, headers, dump(obj))
    headers = [JSON_HEADER]
    body = json.dumps_pretty(obj) if wanted.pretty or pretty(request) else json.dumps(obj)
    return Response(status, headers, body)


def status_response(request: Request, error: StatusError) -> Response:
    """The Status object of an error, in the format that was asked for; indented JSON if that cannot be given."""
    try:
        wanted = negotiate(request.headers.get("accept", ""), shapes=False)
    except StatusError:
        wanted = Format(pretty=True)
        request.context["unanswered"] = True
    response = written(request, error.to_status(), wanted, error.code)
    response.headers.extend(error.headers.items())
    return response


def refusal(status: int, message: str) -> Response:
    """What is said to a request that never becomes one: a Status for a body that is too large and a method that nobody
    knows, else plain text."""
    if status == 405:
        return Response(405, [JSON_HEADER], json.dumps(StatusError(405, "MethodNotAllowed", NO_METHOD, {}).to_status()))
    if status != 413:
        return Response(status, [("Content-Type", "text/plain; charset=utf-8")], f"{status} {message}".encode())
    error = StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {LARGEST_BODY}")
    return Response(413, [JSON_HEADER], json.dumps(error.to_status()))


NO_METHOD = "the server does not allow this method on the requested resource"
LARGEST_BODY = 3 * 1024 * 1024
