"""pods/binding and bindings: assign a pod to a node."""

from dataclasses import replace

from sampan.api.errors import StatusError, bad_request, conflict
from sampan.api.json import Obj
from sampan.api.meta import set_condition
from sampan.api.names import GVK
from sampan.apiserver import write
from sampan.apiserver.answer import answer_object
from sampan.apiserver.body_kind import unrecognized
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.options import write_options
from sampan.apiserver.write import Change
from sampan.net.http import Response

BINDING = GVK("", "v1", "Binding")
EMPTY = "couldn't get version/kind; json parse error: unexpected end of JSON input"
CREATED: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def binding(call: Call) -> Response:
    """POST of a Binding. The pod is named by the path, or by the Binding itself."""
    request = call.request
    options = write_options(call.query, "CreateOptions")
    if not request.body:
        raise bad_request(unrecognized("Binding", EMPTY, b""))
    schema = call.kit.live.get("", "v1", "bindings")
    pods = call.kit.live.get("", "v1", "pods")
    assert schema is not None
    assert pods is not None
    content_type = request.headers.get("content-type", "")
    decoded = decode_body(request.body, content_type, BINDING, schema.schema, options.validation)
    call.warnings.extend(decoded.problems)
    call.told(decoded.obj, BINDING)
    body = write.check_namespace(call, decoded.obj)
    name = (body.get("metadata") or {}).get("name") or ""
    if call.info.resource == "pods" and call.info.name != name:
        raise bad_request("name in URL does not match name in Binding object")
    check_target(body.get("target") or {})
    entry = call.kit.registry.entry(pods)
    info = replace(call.info, resource="pods", subresource="binding", name=name)
    call = replace(call, resource=pods, entry=entry, info=info)
    given = options.as_object("CreateOptions")
    body = await call.kit.admission.mutate(call.review("CREATE", body, None, dry_run=options.dry_run, options=given))
    await call.kit.admission.validate(call.review("CREATE", body, None, dry_run=options.dry_run, options=given))

    async def make(old: Obj) -> Obj:
        check_version(call, body, old)
        return bound(old, name, body, call.kit.now())

    await write.update(call, Change(make, "binding", admit=False, tracks=False), options, "CreateOptions")
    return answer_object(call, CREATED, 201)


def check_target(target: Obj) -> None:
    """Raises what upstream makes of a target that is no node: an error without a reason."""
    found = []
    if target.get("kind") not in (None, "", "Node"):
        found.append(f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"')
    if not target.get("name"):
        found.append("target.name: Required value")
    if found:
        raise StatusError(500, "", found[0] if len(found) == 1 else f"[{', '.join(found)}]")


def check_version(call: Call, body: Obj, pod: Obj) -> None:
    """Raises 409 if the Binding is for another version of the pod, in the words of upstream's storage."""
    wanted, found = (body.get("metadata") or {}).get("resourceVersion"), pod["metadata"].get("resourceVersion")
    if wanted and wanted != found:
        name = pod["metadata"]["name"]
        why = f"Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {found}"
        at = f"Key: /registry/pods/{call.namespace}/{name}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
        raise conflict("", "pods", name, f"StorageError: invalid object, Code: 4, {at}")


def bound(pod: Obj, name: str, body: Obj, now: str) -> Obj:
    """The pod on its node; raises 409 when it cannot go there."""
    meta, spec = pod["metadata"], pod.get("spec") or {}
    if meta.get("deletionTimestamp"):
        raise conflict("", "pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        why = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
        raise conflict("", "pods/binding", name, why)
    if spec.get("schedulingGates"):
        raise conflict("", "pods/binding", name, f"pod {name} has non-empty .spec.schedulingGates")
    given = body.get("metadata") or {}
    made = {k: v for k, v in meta.items() if k != "resourceVersion"}
    if given.get("uid"):
        made["uid"] = given["uid"]
    for key in ("annotations", "labels"):
        if given.get(key):
            made[key] = {**(made.get(key) or {}), **given[key]}
    status = {key: value for key, value in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    conditions = set_condition(status.get("conditions"), condition, now)
    return {
        **pod,
        "metadata": made,
        "spec": {**spec, "nodeName": body["target"]["name"]},
        "status": {**status, "conditions": conditions},
    }
