"""namespaces/finalize: the only way to change a namespace's spec.finalizers."""

from sampan.api.errors import FieldError
from sampan.api.json import Obj
from sampan.api.meta import is_path_segment, is_qualified_name
from sampan.apiserver import write
from sampan.apiserver.answer import answer, format_of
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import decode_body
from sampan.apiserver.encode import without_version
from sampan.apiserver.options import write_options
from sampan.apiserver.verbs.update import check_name
from sampan.net.http import Response
from sampan.resources.strategies.checks import invalid
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.metadata import check_meta, check_meta_update
from sampan.store.base import Conflict

CHANGEABLE = ("labels", "annotations", "ownerReferences", "finalizers")


async def finalize(call: Call) -> Response:
    """PUT of a Namespace whose spec.finalizers are the wanted ones; a deleted one without any goes."""
    format_of(call)
    request, registry, entry = call.request, call.kit.registry, call.entry
    options = write_options(call.query, "UpdateOptions")
    content_type = request.headers.get("content-type", "")
    decoded = decode_body(request.body, content_type, call.resource.gvk, call.resource.schema, options.validation)
    call.audit(decoded.obj)
    body = check_name(call, decoded.obj)
    finalizers = (body.get("spec") or {}).get("finalizers") or []
    check(call, finalizers)
    for _ in range(write.UPDATE_TRIES):
        kv = await registry.get(entry, "", call.info.name)
        old = registry.object(entry, kv)
        write.demand(call, body, old, kv)
        spec = {**(old.get("spec") or {}), "finalizers": finalizers}
        if not finalizers:
            del spec["finalizers"]
        wanted = call.resource.strategy.default({**old, "metadata": _metadata(body, old), "spec": spec})
        write.refuse(call, call.info.name, _errors(wanted, old))
        obj = write.without_new_times(write.track(call, wanted, old, options), old)
        meta = obj["metadata"]
        try:
            if meta.get("deletionTimestamp") and not finalizers and not meta.get("finalizers") and not options.dry_run:
                last = await registry.delete(entry, kv)
                shown = {**obj, "metadata": {**meta, "resourceVersion": str(last.revision)}}
                return answer(call, without_version(entry.prefix, shown))
            written = await write.store_update(call, obj, old, kv, options.dry_run)
        except Conflict:
            continue
        return answer(call, written.value)
    from sampan.api.errors import conflict

    raise conflict("", "namespaces", call.info.name)


def _metadata(body: Obj, old: Obj) -> Obj:
    """The body's, as far as updates may change it."""
    kept = {key: value for key, value in old["metadata"].items() if key not in CHANGEABLE}
    said = body.get("metadata") or {}
    return kept | {key: said[key] for key in CHANGEABLE if said.get(key)}


def _errors(obj: Obj, old: Obj) -> list[FieldError]:
    found = check_meta(obj["metadata"], False, is_path_segment)
    found += check_meta_update(obj["metadata"], old["metadata"])
    return found + metadata_again(obj, old)


def check(call: Call, finalizers: list[str]) -> None:
    """Raise the 422 of finalizers that are no names."""
    errors = []
    for index, one in enumerate(finalizers):
        field = f"spec.finalizers[{index}]"
        problems = [invalid(field, one, text) for text in is_qualified_name(one)]
        if not problems and "/" not in one and one != "kubernetes":
            problems = [invalid(field, one, "name is neither a standard finalizer name nor is it fully qualified")]
        errors += problems
    write.refuse(call, call.info.name, errors)
