"""DELETE of one object: grace periods, finalizers, preconditions, propagation."""

from datetime import timedelta
from typing import NamedTuple

from sampan.api import errors
from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.api.times import format_time, parse_time
from sampan.apiserver.answer import answer, answer_object, format_of
from sampan.apiserver.body_kind import GO_KINDS, GO_TYPE_META
from sampan.apiserver.call import Call
from sampan.apiserver.decoder import parse_body
from sampan.apiserver.encode import without_version
from sampan.apiserver.options import DeleteOptions, delete_options
from sampan.apiserver.query import Query
from sampan.apiserver.write import UPDATE_TRIES, hook_of
from sampan.net.http import Response
from sampan.resources.validation.metadata import FOREGROUND, ORPHAN
from sampan.store.base import Conflict, KeyValue

RETURNS_OBJECT = frozenset((
    ("", "pods"), ("", "services"), ("", "persistentvolumes"), ("", "persistentvolumeclaims"), ("", "podtemplates"),
    ("", "serviceaccounts"), ("", "resourcequotas"), ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "csidrivers"), ("storage.k8s.io", "csinodes"), ("storage.k8s.io", "volumeattachments"),
    ("storage.k8s.io", "volumeattributesclasses"), ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceclaimtemplates"), ("resource.k8s.io", "resourceslices"),
    ("resource.k8s.io", "deviceclasses"),
))  # fmt: skip
FINALIZERS = {("apiextensions.k8s.io", "customresourcedefinitions"): "customresourcecleanup.apiextensions.k8s.io"}
"""What a deletion waits for by the server's own rule."""
ORPHANED_BY_DEFAULT = frozenset(((("", "v1", "replicationcontrollers")), ("batch", "v1", "jobs")))
JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
    "set propagationPolicy=Orphan to suppress this warning"
)


OWN_PRECONDITIONS = frozenset((("", "namespaces"), ("apiextensions.k8s.io", "customresourcedefinitions")))
"""Kinds whose storage looks at them before the generic one does."""


class Deleted(NamedTuple):
    """What a deletion left: the object's last state as answered, and whether it is gone."""

    value: bytes
    uid: str
    gone: bool


KNOWN = (
    "gracePeriodSeconds", "preconditions", "orphanDependents", "propagationPolicy", "dryRun",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
)  # fmt: skip
AS_DECODED = {"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal"}
"""How upstream's audit log has them."""


async def delete(call: Call) -> Response:
    """Delete the object, or mark it as being deleted."""
    format_of(call)
    options = read_options(call)
    warn_of_orphans(call, options)
    done = await delete_one(call, call.info.name, options)
    if done.gone and (call.group, call.plural) not in RETURNS_OBJECT:
        details = {"name": call.info.name, **({"group": call.group} if call.group else {}), "kind": call.plural}
        status = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {**details, "uid": done.uid},
        }  # fmt: skip
        return answer_object(call, status)
    return answer(call, done.value, 202 if options.orphan is False and not done.gone else 200)


def read_options(call: Call) -> DeleteOptions:
    """DeleteOptions of the body, or of the query."""
    request = call.request
    if not request.body:
        return delete_options(None, call.query)
    body, _ = parse_body(request.body, request.headers.get("content-type", ""), "DeleteOptions")
    if not isinstance(body, dict):
        if body is None:
            return delete_options({}, Query({}))
        text = f"json: cannot unmarshal {GO_KINDS.get(type(body), 'null')} into Go value of type {GO_TYPE_META}"
        raise bad_request(f"couldn't get version/kind; json parse error: {text}")
    for key in ("kind", "apiVersion"):
        if body.get(key) is not None and not isinstance(body[key], str):
            text = f"json: cannot unmarshal {GO_KINDS[type(body[key])]} into Go struct field .{key} of type string"
            raise bad_request(f"couldn't get version/kind; json parse error: {text}")
    kind, version = body.get("kind") or "DeleteOptions", body.get("apiVersion") or "/"
    if version == "/":
        version = "meta.k8s.io/v1"
    if version.count("/") > 1:
        raise bad_request(f"unexpected GroupVersion string: {version}")
    if kind != "DeleteOptions":
        raise bad_request(
            f'no kind "{kind}" is registered for version "{version}" in scheme '
            '"pkg/apis/meta/internalversion/scheme/register.go:27"'
        )
    options = delete_options(body, call.query)
    call.told({**AS_DECODED, **{key: body[key] for key in KNOWN if body.get(key) is not None}})
    return options


def warn_of_orphans(call: Call, options: DeleteOptions) -> None:
    """Jobs leave their pods behind unless they are told otherwise, whatever comes of the request."""
    if call.resource.gvr == ("batch", "v1", "jobs") and options.policy is None and options.orphan is None:
        call.warnings.append(JOB_WARNING)


def check_preconditions(call: Call, name: str, meta: Obj, options: DeleteOptions) -> None:
    """Raises 409 when the object is not the one meant."""
    if (call.group, call.plural) in OWN_PRECONDITIONS:
        _check_own_preconditions(call, name, meta, options)
    group, kind = "" if call.kind == "Event" else call.group, call.kind  # events of both groups are kept as core's
    if options.uid is not None and options.uid != meta.get("uid"):
        raise errors.conflict(
            group, kind, name,
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta.get('uid', '')}). "
            "The object might have been deleted and then recreated",
        )  # fmt: skip
    if options.version is not None and options.version != meta.get("resourceVersion"):
        raise errors.conflict(
            group, kind, name,
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in "
            f"record ({meta.get('resourceVersion', '')}). The object might have been modified",
        )  # fmt: skip


def _check_own_preconditions(call: Call, name: str, meta: Obj, options: DeleteOptions) -> None:
    for field, wanted, key in (("UID", options.uid, "uid"), ("ResourceVersion", options.version, "resourceVersion")):
        if wanted is not None and wanted != meta.get(key):
            why = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {meta.get(key, '')}"
            raise errors.conflict(call.group, call.plural, name, why)


async def delete_one(call: Call, name: str, options: DeleteOptions, *, admit: bool = True) -> Deleted:
    """Delete one object of the collection. Raises 404, 409 and what admission refuses, if it is asked (`admit`)."""
    registry, entry = call.kit.registry, call.entry
    for _ in range(UPDATE_TRIES):
        kv = await registry.get(entry, call.namespace, name)
        old = registry.object(entry, kv)
        check_preconditions(call, name, old["metadata"], options)
        if admit:
            review = call.review(
                "DELETE", None, old, name=name, dry_run=options.dry_run, options=options.as_object(), subresource=""
            )
            await call.kit.admission.mutate(review)
            await call.kit.admission.validate(review)
        try:
            return await _delete_version(call, kv, old, options)
        except Conflict:
            continue
    raise errors.conflict(call.group, call.plural, name)


async def _delete_version(call: Call, kv: KeyValue, old: Obj, options: DeleteOptions) -> Deleted:
    if call.plural == "namespaces" and not call.group:
        marked, gone = _terminating(call, old)
    else:
        marked, gone = _marked(call, old, options)
    registry, entry = call.kit.registry, call.entry
    uid = str(old["metadata"].get("uid", ""))
    if options.dry_run:
        return Deleted(without_version(entry.prefix, marked), uid, gone)
    if gone:
        last = await registry.delete(entry, kv, marked)
        await hook_of(call).after_write(call.kit, None, old)
        return Deleted(registry.value(entry, last), uid, True)
    new = await registry.update(entry, kv, marked)
    return Deleted(registry.value(entry, new), uid, False)


def _terminating(call: Call, old: Obj) -> tuple[Obj, bool]:
    """A namespace waits for its spec.finalizers in phase Terminating."""
    meta = old["metadata"]
    held = (old.get("spec") or {}).get("finalizers") or meta.get("finalizers")
    if not held:
        return old, True
    if meta.get("deletionTimestamp"):
        return old, False
    made = {**meta, "deletionTimestamp": call.kit.now()}
    return {**old, "metadata": made, "status": {**(old.get("status") or {}), "phase": "Terminating"}}, False


def _marked(call: Call, old: Obj, options: DeleteOptions) -> tuple[Obj, bool]:
    """The object as deletion leaves it, and whether it goes at once."""
    meta = dict(old["metadata"])
    wanted = gc_finalizers(call, meta, options)
    if wanted != (meta.get("finalizers") or []):
        if wanted:
            meta["finalizers"] = wanted
        else:
            meta.pop("finalizers", None)
    clean_up = FINALIZERS.get((call.group, call.plural))
    if clean_up and "deletionTimestamp" not in meta and clean_up not in (meta.get("finalizers") or ()):
        meta["finalizers"] = [*(meta.get("finalizers") or ()), clean_up]
    if call.resource.graceful:
        kept, gone = _graceful(call, meta, old, options)
        if kept is not None:
            return kept, gone
    obj = {**old, "metadata": meta}
    if not meta.get("finalizers"):
        return obj, True
    if "deletionTimestamp" not in meta:
        meta["deletionTimestamp"] = call.kit.now()
        if meta.get("generation") and not clean_up:
            meta["generation"] += 1
    if not clean_up:
        meta["deletionGracePeriodSeconds"] = 0
    return obj, False


def _graceful(call: Call, meta: Obj, old: Obj, options: DeleteOptions) -> tuple[Obj | None, bool]:
    """A pod's deletion: (None, ...) when grace is over and it is deleted like anything else."""
    now = call.kit.clock.now()
    grace = None if options.grace is None else options.grace if options.grace >= 0 else 1
    if meta.get("deletionTimestamp"):
        left = meta.get("deletionGracePeriodSeconds")
        if not left:
            return None, False
        if grace is None or grace >= left:
            return {**old, "metadata": meta}, False
        when = parse_time(meta["deletionTimestamp"]) + timedelta(seconds=grace - left)
        if when < now:
            when, grace = now, min(grace, 1)
        meta["deletionTimestamp"], meta["deletionGracePeriodSeconds"] = format_time(when), grace
    else:
        grace = pod_grace(old, grace)
        meta["deletionTimestamp"] = format_time(now + timedelta(seconds=grace))
        meta["deletionGracePeriodSeconds"] = grace
        if meta.get("generation"):
            meta["generation"] += 1
    return {**old, "metadata": meta}, not grace and not meta.get("finalizers")


def pod_grace(pod: Obj, asked: int | None) -> int:
    """How long a pod has to end: nothing to wait for when it was never bound or has ended."""
    spec = pod.get("spec") or {}
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return 0
    grace = asked if asked is not None else spec.get("terminationGracePeriodSeconds") or 0
    return grace if grace >= 0 else 1


def gc_finalizers(call: Call, meta: Obj, options: DeleteOptions) -> list[str]:
    """The finalizers with those that the propagation policy asks for."""
    have: list[str] = list(meta.get("finalizers") or ())
    if call.plural == "events":
        return have
    orphan = foreground = False
    if options.orphan is not None:
        orphan = options.orphan
    elif options.policy is not None:
        orphan, foreground = options.policy == "Orphan", options.policy == "Foreground"
    else:
        orphan, foreground = ORPHAN in have, FOREGROUND in have
        if not orphan and not foreground and call.resource.gvr in ORPHANED_BY_DEFAULT:
            orphan = True
    kept = [one for one in have if one not in (ORPHAN, FOREGROUND)]
    wanted = kept + [ORPHAN] * orphan + [FOREGROUND] * foreground
    return have if set(wanted) == set(have) else wanted
