"""The scale subresource: autoscaling/v1 Scale over a workload's replicas."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sampan.api.errors import internal
from sampan.api.errors import invalid as invalid_object
from sampan.api.json import Obj, loads
from sampan.api.names import GVK
from sampan.api.patch import apply as merging
from sampan.api.patch.handover import to_parent, to_scale
from sampan.api.patch.managed import decode_managed, with_managed
from sampan.api.patch.places import place_of
from sampan.api.patch.track import Scope, bare, track_update
from sampan.api.resource import Column, ScalePaths
from sampan.api.schema.nodes import Node
from sampan.api.selectors import SelectorError, label_selector
from sampan.api.table import AGE_TEXT, NAME_TEXT
from sampan.apiserver import write
from sampan.apiserver.answer import answer_object, format_of, shaped, written
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body, decode_value
from sampan.apiserver.options import WriteOptions, write_options
from sampan.apiserver.verbs.apply import APPLY, parse_config
from sampan.apiserver.verbs.patch import outcome, patch_type, read_patch
from sampan.apiserver.verbs.update import check_name
from sampan.apiserver.write import Change, Written
from sampan.net.http import Response
from sampan.resources.printers.base import age
from sampan.resources.strategies.checks import invalid

SCALE = GVK("autoscaling", "v1", "Scale")
DESIRED = "replicas is the desired number of instances for the scaled object."
ACTUAL = "replicas is the actual number of observed instances of the scaled object."
COLUMNS = (
    Column("Name", description=NAME_TEXT),
    Column("Desired", "integer", description=DESIRED),
    Column("Available", "integer", description=ACTUAL),
    Column("Age", description=AGE_TEXT),
)


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
    selector = selector_text(read(obj, paths.selector) if paths.selector else None)
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
        obj = call.kit.registry.object(call.entry, kv)
        if call.resource.custom and read(obj, paths.replicas) is None:
            text = f'the spec replicas field ".{".".join(paths.replicas)}" does not exist'
            raise internal(text)
        return _answer(call, scale_of(obj, paths))
    if call.info.verb == "update":
        options, kind = write_options(call.query, "UpdateOptions"), "UpdateOptions"
        wanted = _replacing(call, options)
    else:
        media = patch_type(call)
        options, kind = write_options(call.query, "PatchOptions", media), "PatchOptions"
        call.patched()
        wanted = _applying(call, options) if media == APPLY else _patching(call, media, options)
    written = await _write(call, paths, wanted, options, kind)
    return _answer(call, scale_of(loads(written.value), paths))


def _answer(call: Call, obj: Obj) -> Response:
    """A Scale, or the Table of it."""
    wanted = format_of(call)
    if not wanted.shape:
        return answer_object(call, obj)
    resource = replace(call.resource, columns=COLUMNS, rows=None if call.resource.custom else _cells)
    printed = replace(call, resource=resource)
    return written(call.request, shaped(printed, obj, wanted), wanted)


def _cells(obj: Obj, now: str) -> list[object]:
    meta = obj["metadata"]
    wanted, found = obj["spec"].get("replicas") or 0, obj["status"]["replicas"]
    return [meta["name"], wanted, found, age(obj, now)]


Wanted = Callable[[Obj], Obj]
"""The Scale as it is, with its managers, to the wanted one with its managers."""


def _replacing(call: Call, options: WriteOptions) -> Wanted:
    content_type = call.request.headers.get("content-type", "")
    given = decode_body(call.request.body, content_type, SCALE, SCALE_NODE, options.validation)
    call.told({**given.obj, "status": {"replicas": 0, **(given.obj.get("status") or {})}}, SCALE)
    body = check_name(call, given.obj)
    return lambda old: track_update(_scope(call), old, body, write.writer_of(call, options))


def _patching(call: Call, media: str, options: WriteOptions) -> Wanted:
    given = read_patch(call.request.body, media, options.validation)

    def wanted(old: Obj) -> Obj:
        managers = old["metadata"].get("managedFields")
        body = check_name(call, outcome(bare(old), given, SCALE, SCALE_NODE)[0])
        if managers and "managedFields" not in body["metadata"]:
            body = {**body, "metadata": {**body["metadata"], "managedFields": managers}}
        return track_update(_scope(call), old, body, write.writer_of(call, options))

    return wanted


def _applying(call: Call, options: WriteOptions) -> Wanted:
    config = parse_config(call.request.body)

    def wanted(old: Obj) -> Obj:
        raw = merging.apply(_scope(call), old, config, options.manager, bool(options.force))
        return check_name(call, decode_value(raw, None, SCALE, SCALE_NODE, options.validation).obj)

    return wanted


def _scope(call: Call) -> Scope:
    return Scope(SCALE.api_version, SCALE.kind, place_of(SCALE_NODE), call.kit.now(), "scale")


def _replicas_paths(call: Call) -> dict[str, str]:
    """Each served version of the workload: where it keeps its replicas."""
    same = [r for r in call.kit.live.all() if (r.mapping.group, r.mapping.plural) == (call.group, call.plural)]
    return {r.gvk.api_version: ".".join((r.scale or ScalePaths()).replicas) for r in same}


async def _write(call: Call, paths: ScalePaths, wanted: Wanted, options: WriteOptions, kind: str) -> Written:
    versions = _replicas_paths(call)

    async def make(old: Obj) -> Obj:
        parents = decode_managed(old["metadata"].get("managedFields"), trusted=True)
        body = wanted(with_managed(scale_of(old, paths), to_scale(parents, versions)))
        replicas = (body.get("spec") or {}).get("replicas") or 0
        if replicas < 0 and call.resource.custom:
            at = f".{'.'.join(paths.replicas)}"
            found = [invalid(at, replicas, "should be a non-negative integer")]
            raise invalid_object(call.group, call.kind, call.info.name, found)
        if replicas < 0:
            found = [invalid("spec.replicas", replicas, "must be greater than or equal to 0")]
            raise invalid_object("autoscaling", "Scale", call.info.name, found)
        made = with_value(old, paths.replicas, replicas)
        meta = body.get("metadata") or {}
        demanded = {k: meta[k] for k in ("uid", "resourceVersion") if meta.get(k)}
        kept = {k: v for k, v in made["metadata"].items() if k != "resourceVersion"}
        scalers = decode_managed(meta.get("managedFields"), trusted=True)
        owners = to_parent(parents, scalers, versions, call.resource.gvk.api_version)
        return with_managed({**made, "metadata": {**kept, **demanded}}, owners)

    return await write.update(call, Change(make, "scale", tracks=False), options, kind)


def _scale_node() -> Node:
    meta = Node("any", name="io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", presence="keep")  # as it is kept
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
