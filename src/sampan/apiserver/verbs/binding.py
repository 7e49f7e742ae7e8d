"""pods/binding and bindings: assign a pod to a node."""

from sampan.api.errors import StatusError, bad_request, conflict
from sampan.api.json import Obj
from sampan.api.meta import set_condition
from sampan.apiserver import write
from sampan.apiserver.answer import answer_object
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import parse_body
from sampan.apiserver.options import write_options
from sampan.apiserver.write import Change
from sampan.net.http import Response

CREATED: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def binding(call: Call) -> Response:
    """POST of a Binding. The pod is named by the path, or by the Binding itself."""
    from dataclasses import replace

    request = call.request
    options = write_options(call.query, "CreateOptions")
    body, _ = parse_body(request.body, request.headers.get("content-type", ""), "Binding")
    if not isinstance(body, dict):
        raise bad_request("couldn't get version/kind; json parse error: unexpected end of JSON input")
    meta, target = body.get("metadata") or {}, body.get("target") or {}
    name = meta.get("name") or call.info.name
    if call.info.resource == "pods" and call.info.name != name:
        raise bad_request("name in URL does not match name in Binding object")
    if target.get("kind") not in (None, "", "Node"):
        text = f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        raise StatusError(500, "", text)
    if not target.get("name"):
        raise StatusError(500, "", "target.name: Required value")
    pods = call.kit.live.get("", "v1", "pods")
    assert pods is not None
    entry = call.kit.registry.entry(pods)
    info = replace(call.info, resource="pods", subresource="binding", name=name)
    call = replace(call, resource=pods, entry=entry, info=info)
    review = call.review("CREATE", body, None, dry_run=options.dry_run, options=options.as_object("CreateOptions"))
    body = await call.kit.admission.mutate(review)
    await call.kit.admission.validate(review.with_obj(body))

    async def make(old: Obj) -> Obj:
        return bound(old, name, body, call.kit.now())

    await write.update(call, Change(make, "binding", admit=False, tracks=False), options, "CreateOptions")
    return answer_object(call, CREATED, 201)


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
    for key in ("uid", "resourceVersion"):
        if given.get(key):
            made[key] = given[key]
    for key in ("annotations", "labels"):
        if given.get(key):
            made[key] = {**(made.get(key) or {}), **given[key]}
    status = pod.get("status") or {}
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    conditions = set_condition(status.get("conditions"), condition, now)
    return {
        **pod,
        "metadata": made,
        "spec": {**spec, "nodeName": body["target"]["name"]},
        "status": {**status, "conditions": conditions},
    }
