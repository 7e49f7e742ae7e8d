"""The write pipeline: metadata rules, strategy, admission and validation around each create and update."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sampan.api import errors
from sampan.api.errors import FieldError, StatusError
from sampan.api.json import Obj, dumps_sorted
from sampan.api.meta import MAX_GENERATED, is_path_segment, suffix
from sampan.api.patch.fields import LEAF, FieldSet
from sampan.api.patch.track import track_create, track_update
from sampan.api.resource import Strategy
from sampan.apiserver import metadata
from sampan.apiserver.call import Call, Hook
from sampan.apiserver.encode import without_version
from sampan.apiserver.managers import manager_of, scope_of
from sampan.apiserver.options import WriteOptions
from sampan.resources.convert import STORED_AS
from sampan.resources.strategies.checks import invalid
from sampan.resources.validation.finalizers import check_finalizers
from sampan.resources.validation.metadata import check_meta, check_meta_update
from sampan.store.base import Conflict, KeyValue

GENERATE_TRIES = 8
UPDATE_TRIES = 1000
Make = Callable[[Obj], Awaitable[Obj]]
NO_HOOK = Hook()


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left: the object's bytes as they are answered."""

    value: bytes
    obj: Obj
    created: bool = False
    deleted: bool = False


def hook_of(call: Call) -> Hook:
    """What the kind needs done around its writes."""
    return call.kit.hooks.get((call.group, call.plural), NO_HOOK)


def check_namespace(call: Call, obj: Obj) -> Obj:
    """The object with the request's namespace; raises 400 if it says another one."""
    meta = obj.get("metadata") or {}
    given = meta.get("namespace", "")
    wanted = call.namespace
    if given == wanted:
        return obj
    if given and wanted:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not wanted:
        return obj
    return {**obj, "metadata": {**meta, "namespace": wanted}}


def refuse(call: Call, name: str, found: list[FieldError]) -> None:
    """Raise the 422 of field errors, if there are any."""
    if found and not call.trusted:
        kept = STORED_AS.get((call.group, call.kind))
        raise errors.invalid(call.group if kept is None else kept.group, call.kind, name, found)


# ---- create


async def create(
    call: Call, obj: Obj, options: WriteOptions, *, tracked: bool = False, said: FieldSet = LEAF
) -> Written:
    """Make a new object of a decoded one. Raises StatusError.

    `tracked`: its managers are named already; `said`: fields that its maker owns beyond those that are seen in it.
    """
    kit, strategy, mapping = call.kit, call.resource.strategy, call.resource.mapping
    version = (obj.get("metadata") or {}).get("resourceVersion") or ""
    obj = strategy.default(obj)
    meta = {k: v for k, v in (obj.get("metadata") or {}).items() if k not in metadata.WIPED}
    obj = check_namespace(call, {**obj, "metadata": meta})
    if not tracked:
        obj = track_create(scope_of(call), obj, writer_of(call, options), said)
    name = meta.get("name") or ""
    given = options.as_object("CreateOptions")
    review = call.review("CREATE", obj, None, name=name, dry_run=options.dry_run, options=given)
    obj = await kit.admission.mutate(review)
    base = obj["metadata"].get("generateName", "")
    hook = hook_of(call)
    call.warnings.extend(strategy.early_warnings(obj))
    for attempt in range(GENERATE_TRIES):
        made = obj
        if not name and base:
            made = {**obj, "metadata": _named(obj["metadata"], base[:MAX_GENERATED] + suffix(kit.rng))}
        made = strategy.prepare_create(_stamped(call, made))
        made = hook.asked_by(call.user, made)
        made = await hook.before_create(kit, made, options.dry_run)
        try:
            errors_found = check_meta(made["metadata"], mapping.namespaced, metadata.name_rule(call.group, call.kind))
            errors_found += _finalizer_errors(call, made)
            refuse(call, made["metadata"].get("name", ""), errors_found + strategy.validate_create(made))
            call.warnings.extend(strategy.warnings(made))
            await kit.admission.validate(
                call.review("CREATE", made, None, name=made["metadata"]["name"], dry_run=options.dry_run, options=given)
            )
            return await _store_new(call, _versioned(call, made, version, options), options, hook)
        except StatusError as error:
            await hook.after_write(kit, None, made)
            if error.reason != "AlreadyExists" or name or attempt + 1 == GENERATE_TRIES:
                raise
    raise AssertionError("unreachable")


def _versioned(call: Call, obj: Obj, version: str, options: WriteOptions) -> Obj:
    """A new object with the version its maker gave it: a dry run shows it, what is to be stored must not have one."""
    if not version or call.request.method != "POST":  # a PUT or PATCH that makes one may name any version
        return obj
    if options.dry_run:
        return {**obj, "metadata": {"resourceVersion": version, **obj["metadata"]}}
    if version.isdigit() and int(version) and not call.trusted:
        raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
    return obj


def _named(meta: Obj, name: str) -> Obj:
    return {"name": name, **{k: v for k, v in meta.items() if k != "name"}}


def _stamped(call: Call, obj: Obj) -> Obj:
    """With what the server gives a new object."""
    kit = call.kit
    uid = str(uuid.UUID(int=kit.rng.getrandbits(128), version=4))
    meta = obj["metadata"]
    made = metadata.prepare_create(meta, uid, kit.now())
    if call.resource.has_generation:
        made["generation"] = 1
    elif not made.get("generation"):
        made.pop("generation", None)
    if (managers := made.pop("managedFields", None)) is not None:
        made["managedFields"] = managers  # the last of all, as upstream writes it
    return {**obj, "metadata": made}


async def _store_new(call: Call, obj: Obj, options: WriteOptions, hook: Hook) -> Written:
    registry, entry = call.kit.registry, call.entry
    name = obj["metadata"]["name"]
    if options.dry_run:
        current = await call.kit.store.get(entry.key(call.namespace, name))
        if current is not None:
            raise registry.taken(entry, name, current)
        await hook.after_write(call.kit, None, obj)
        return Written(without_version(entry.prefix, obj), obj, created=True)
    kv = await registry.create(entry, call.namespace, obj)
    await hook.after_write(call.kit, obj, None)
    return Written(registry.value(entry, kv), obj, created=True)


def writer_of(call: Call, options: WriteOptions) -> str:
    """The field manager of a request."""
    return manager_of(options.manager, call.request.headers.get("user-agent", ""))


def track(call: Call, new: Obj, old: Obj, options: WriteOptions) -> Obj:
    """With managedFields brought up to date."""
    return track_update(scope_of(call), old, new, writer_of(call, options))


# ---- update


@dataclass(frozen=True, slots=True)
class Change:
    """One way to update: how the new object comes to be, and which part of it may change."""

    make: Make
    """The stored object to the wanted one; called again for each try."""
    part: str = ""
    """`status` or another subresource."""
    admit: bool = True
    tracks: bool = True
    """Whether what changes is put to the writer's account; else `make` has done so, or nobody does."""
    by_uid: bool = True
    """Whether another uid in the wanted object is a conflict (PUT), or left to validation (PATCH)."""


async def update(call: Call, change: Change, options: WriteOptions, kind: str) -> Written:
    """Bring one object to another state, as often as others get in between. Raises StatusError."""
    registry, entry = call.kit.registry, call.entry
    for _ in range(UPDATE_TRIES):
        kv = await registry.newest(entry, call.namespace, call.info.name)
        old = registry.object(entry, kv)
        wanted = await change.make(old)
        demand(call, wanted, old, kv, change.by_uid)
        try:
            return await _update_once(call, change, (wanted, old, kv), options, kind)
        except Conflict:
            continue  # what the client demanded is checked again: against the version that came in between
    raise errors.conflict(call.group, call.plural, call.info.name)


STORED_AT = {
    "nodes": "minions", "replicationcontrollers": "controllers", "services": "services/specs",
    "endpoints": "services/endpoints", "ingresses": "ingress",
}  # fmt: skip
PREFIXED = frozenset(("apiregistration.k8s.io", "apiextensions.k8s.io"))


def demand(call: Call, wanted: Obj, old: Obj, kv: KeyValue, by_uid: bool = True) -> bool:
    """Check what the wanted object's uid and resourceVersion demand; whether it demands a version. Raises 409, 422."""
    name = call.info.name
    meta, old_meta = wanted.get("metadata") or {}, old["metadata"]
    uid, version = meta.get("uid"), meta.get("resourceVersion")
    if by_uid and uid and uid != old_meta.get("uid"):
        raise wrong_uid(call, uid, old_meta.get("uid", ""))
    if not version or version == "0":
        if not call.resource.allow_unconditional_update and call.info.subresource != "scale":
            found = [invalid("metadata.resourceVersion", 0, "must be specified for an update")]
            raise errors.invalid(call.group, call.plural, name, found)
        return False
    if not version.isdigit():
        raise StatusError(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if int(version) != kv.revision:
        raise errors.conflict(call.group, call.plural, name)
    return True


def wrong_uid(call: Call, wanted: str, found: str) -> StatusError:
    """409: the client means another object of that name; in the words of upstream's storage."""
    group = f"{call.group}/" if call.group in PREFIXED or ("." in call.group and call.group not in BUILTIN) else ""
    at = STORED_AT.get(call.plural, call.plural)
    key = "/".join(part for part in (f"/registry/{group}{at}", call.namespace, call.info.name) if part)
    return errors.conflict(
        call.group,
        call.plural,
        call.info.name,
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}",
    )


BUILTIN = frozenset(
    f"{group}.k8s.io"
    for group in (
        "admissionregistration", "authentication", "authorization", "certificates", "coordination", "discovery",
        "events", "flowcontrol.apiserver", "internal.apiserver", "networking", "node", "rbac.authorization",
        "resource", "scheduling", "storage", "storagemigration",
    )
)  # fmt: skip


async def _update_once(
    call: Call, change: Change, states: tuple[Obj, Obj, KeyValue], options: WriteOptions, kind: str
) -> Written:
    wanted, old, kv = states
    kit, strategy = call.kit, call.resource.strategy
    given = options.as_object(kind)
    obj = check_namespace(call, wanted)
    obj = strategy.default(obj)
    if change.tracks:
        obj = track(call, obj, old, options)
    if change.admit:
        obj = await kit.admission.mutate(call.review("UPDATE", obj, old, dry_run=options.dry_run, options=given))
    obj = _prepared(call, obj, old, change.part)
    hook = hook_of(call)
    if change.part in hook.parts:
        obj = await hook.before_update(kit, obj, old, options.dry_run)
    try:
        refuse(call, call.info.name, _update_errors(call, obj, old, change.part))
        if not change.part:
            call.warnings.extend(strategy.update_warnings(obj, old))
        elif change.part == "status":
            call.warnings.extend(strategy.status_warnings(obj, old))
        if change.admit:
            await kit.admission.validate(call.review("UPDATE", obj, old, dry_run=options.dry_run, options=given))
        obj = without_new_times(obj, old)
        written = await store_update(call, obj, old, kv, options.dry_run)
    except BaseException:
        await hook.after_write(kit, old, obj)
        raise
    await hook.after_write(
        kit, old if options.dry_run else None if written.deleted else obj, obj if options.dry_run else old
    )
    return written


BINDING = "binding"
"""The part that gives a pod its node: no user's update, so no rule for those applies."""
FIXED_GENERATION = frozenset(("PriorityClass",))
"""Kinds whose generation stays 1."""
MOVED_BY = {"Deployment": "annotations", "EndpointSlice": "labels"}
"""Metadata that counts for the generation of a kind as well."""


def _strategy(call: Call, part: str) -> Strategy:
    """What decides of updates of a part."""
    strategy = call.resource.strategy
    parts: Mapping[str, Strategy] = getattr(strategy, "parts", {})
    return parts.get(part, strategy)


def _prepared(call: Call, obj: Obj, old: Obj, part: str) -> Obj:
    """What may not change put back, and generation counted."""
    strategy = _strategy(call, part)
    meta = obj.get("metadata") or {}
    obj = {**obj, "metadata": metadata.carry_over(meta, old["metadata"])}
    if part == BINDING:
        return obj
    prepared = strategy.prepare_status(obj, old) if part == "status" else strategy.prepare_update(obj, old)
    if call.resource.has_generation and call.kind not in FIXED_GENERATION and _moved(call, prepared, old):
        generation = (old["metadata"].get("generation") or 0) + 1
        prepared = {**prepared, "metadata": {**prepared["metadata"], "generation": generation}}
    return prepared


def _moved(call: Call, new: Obj, old: Obj) -> bool:
    """Whether anything but metadata and status differs, or what MOVED_BY names."""
    keys = (new.keys() | old.keys()) - {"metadata", "status", "kind", "apiVersion"}
    if any(new.get(key) != old.get(key) for key in keys):
        return True
    mark = MOVED_BY.get(call.kind)
    return mark is not None and (new["metadata"].get(mark) or {}) != (old["metadata"].get(mark) or {})


FREE_FINALIZERS = frozenset(
    (
        "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "coordination.k8s.io",
        "node.k8s.io",
        "policy",
    )
)  # fmt: skip
"""Groups in the tree whose finalizers need no domain, as those of custom kinds."""


def _finalizer_errors(call: Call, obj: Obj) -> list[FieldError]:
    free = call.resource.custom or call.group in FREE_FINALIZERS or (call.group, call.plural) == ("", "events")
    return [] if free else check_finalizers(obj)


def _update_errors(call: Call, obj: Obj, old: Obj, part: str) -> list[FieldError]:
    mapping, strategy = call.resource.mapping, _strategy(call, part)
    found = check_meta(obj["metadata"], mapping.namespaced, is_path_segment)
    found += check_meta_update(obj["metadata"], old["metadata"])
    if part == BINDING:
        return found
    found += _finalizer_errors(call, obj)
    return found + (strategy.validate_status(obj, old) if part == "status" else strategy.validate_update(obj, old))


def without_new_times(obj: Obj, old: Obj) -> Obj:
    """With the old managedFields, if the times in them are all that a write changed."""
    mine, theirs = obj["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if not mine or not theirs or len(mine) != len(theirs) or mine == theirs:
        return obj
    for new, known in zip(mine, theirs, strict=True):
        if {**new, "time": ""} != {**known, "time": ""}:
            return obj
    kept = {**obj, "metadata": {**obj["metadata"], "managedFields": theirs}}
    return kept if same(kept, old) else obj


def same(obj: Obj, old: Obj) -> bool:
    """Whether a write changes nothing."""
    version = {"resourceVersion": ""}
    if obj.keys() != old.keys() or any(obj[key] != old[key] for key in obj if key != "metadata"):
        return False
    mine, theirs = {**obj["metadata"], **version}, {**old["metadata"], **version}
    return mine == theirs and dumps_sorted({**obj, "metadata": mine}) == dumps_sorted({**old, "metadata": theirs})


async def store_update(call: Call, obj: Obj, old: Obj, kv: KeyValue, dry_run: bool) -> Written:
    """Write it; or remove it, when the last finalizer of a deleted object went."""
    registry, entry = call.kit.registry, call.entry
    meta = obj["metadata"]
    if same(obj, old):
        await registry.durable(kv)
        return Written(registry.value(entry, kv), obj)
    gone = meta.get("deletionTimestamp") and not meta.get("finalizers") and not meta.get("deletionGracePeriodSeconds")
    gone = gone and not _namespace_waits(call, obj)
    if dry_run:
        shown = {**obj, "metadata": {**meta, "resourceVersion": str(kv.revision)}}
        return Written(without_version(entry.prefix, shown), obj)
    if gone and _was_held(call, old):
        last = await registry.delete(entry, kv)
        shown = {**obj, "metadata": {**meta, "resourceVersion": str(last.revision)}}
        return Written(without_version(entry.prefix, shown), obj, deleted=True)
    new = await registry.update(entry, kv, obj)
    return Written(registry.value(entry, new), obj)


def _namespace_waits(call: Call, obj: Obj) -> bool:
    return call.plural == "namespaces" and not call.group and bool((obj.get("spec") or {}).get("finalizers"))


def _was_held(call: Call, old: Obj) -> bool:
    """Whether something kept the deleted object until now."""
    return bool(old["metadata"].get("deletionTimestamp"))
