"""The scale subresource: autoscaling/v1 Scale over a workload's replicas."""

from typing import Any

from sampan.api.errors import invalid as invalid_object
from sampan.api.json import Obj, loads
from sampan.api.names import GVK
from sampan.api.resource import ScalePaths
from sampan.api.schema.nodes import Node
from sampan.api.selectors import SelectorError, label_selector
from sampan.apiserver import write
from sampan.apiserver.answer import answer_object, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.options import WriteOptions, write_options
from sampan.apiserver.verbs.patch import decoded, parse_patch, patch_type, patched
from sampan.apiserver.verbs.update import check_name
from sampan.apiserver.write import Change, Written
from sampan.net.http import Response
from sampan.resources.strategies.checks import invalid

SCALE = GVK("autoscaling", "v1", "Scale")


def read(obj: Obj, path: tuple[str, ...]) -> Any:
    """The value at a path, or None."""
    value: Any = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def with_value(obj: Obj, path: tuple[str, ...], value: Any) -> Obj:
    """The object with another value at a path."""
    head, *rest = path
    return {**obj, head: with_value(obj.get(head) or {}, tuple(rest), value) if rest else value}


def scale_of(obj: Obj, paths: ScalePaths) -> Obj:
    """The Scale of a workload."""
    meta = obj["metadata"]
    kept = {k: meta[k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if k in meta}
    replicas = read(obj, paths.replicas)
    status: Obj = {"replicas": read(obj, paths.status_replicas) or 0}
    selector = selector_text(read(obj, paths.selector))
    if selector:
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept, "spec": spec, "status": status}


def selector_text(selector: Any) -> str:
    """A selector as text: it may be one already, a plain map, or a LabelSelector."""
    if isinstance(selector, str) or not selector:
        return selector or ""
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}
    try:
        return str(label_selector(selector))
    except SelectorError:
        return ""


async def scale(call: Call) -> Response:
    """GET, PUT or PATCH of /scale."""
    format_of(call)
    paths = call.resource.scale or ScalePaths()
    if call.info.verb == "get":
        kv = await call.kit.registry.get(call.entry, call.namespace, call.info.name)
        return answer_object(call, scale_of(call.kit.registry.object(call.entry, kv), paths))
    node = SCALE_NODE
    request = call.request
    if call.info.verb == "update":
        options = write_options(call.query, "UpdateOptions")
        content_type = request.headers.get("content-type", "")
        given = decode_body(request.body, content_type, SCALE, node, options.validation)
        body = check_name(call, given.obj)
        written = await _write(call, paths, lambda old: body, options, "UpdateOptions")
    else:
        media = patch_type(call)
        options = write_options(call.query, "PatchOptions", media)
        change = parse_patch(request.body, media)

        def wanted(old: Obj) -> Obj:
            raw = patched(scale_of(old, paths), change, media, node)
            return check_name(call, decoded(raw, SCALE, node, options.validation)[0])

        written = await _write(call, paths, wanted, options, "PatchOptions")
    return answer_object(call, scale_of(loads(written.value), paths))


async def _write(call: Call, paths: ScalePaths, wanted: Any, options: WriteOptions, kind: str) -> Written:
    async def make(old: Obj) -> Obj:
        body = wanted(old)
        replicas = (body.get("spec") or {}).get("replicas") or 0
        if replicas < 0:
            found = [invalid("spec.replicas", replicas, "must be greater than or equal to 0")]
            raise invalid_object("autoscaling", "Scale", call.info.name, found)
        made = with_value(old, paths.replicas, replicas)
        meta = body.get("metadata") or {}
        demanded = {k: meta[k] for k in ("uid", "resourceVersion") if meta.get(k)}
        kept = {k: v for k, v in made["metadata"].items() if k != "resourceVersion"}
        return {**made, "metadata": {**kept, **demanded}}

    return await write.update(call, Change(make, "scale"), options, kind)


def _scale_node() -> Node:
    meta = Node("any", presence="keep")
    fields = {
        "metadata": meta,
        "kind": Node("string"),
        "apiVersion": Node("string"),
        "spec": Node("object", name="io.k8s.api.autoscaling.v1.ScaleSpec", resolve=lambda: {
            "replicas": Node("integer", format="int32", presence="omit"),
        }),
        "status": Node("object", name="io.k8s.api.autoscaling.v1.ScaleStatus", resolve=lambda: {
            "replicas": Node("integer", format="int32", presence="always"),
            "selector": Node("string", presence="omit"),
        }),
    }  # fmt: skip
    return Node("object", name="io.k8s.api.autoscaling.v1.Scale", resolve=lambda: fields)


SCALE_NODE = _scale_node()
