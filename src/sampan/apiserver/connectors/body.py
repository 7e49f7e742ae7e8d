"""Bodies of reviews and requests that are answered at once and stored nowhere."""

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.schema.nodes import Node
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.options import write_options


def read(call: Call, gvk: GVK, schema: Node | None = None) -> Obj:
    """The object in the body, of that kind; `schema` is its own when it is not the resource's."""
    options = write_options(call.query, "CreateOptions")
    content_type = call.request.headers.get("content-type", "")
    decoded = decode_body(call.request.body, content_type, gvk, schema or call.resource.schema, options.validation)
    call.warnings.extend(decoded.problems)
    return {"kind": gvk.kind, "apiVersion": gvk.api_version, **decoded.obj}
