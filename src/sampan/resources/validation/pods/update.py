"""What of a pod may change (core validation: ValidatePodUpdate, ValidatePodSpecificAnnotationUpdates)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_subdomain
from sampan.resources.strategies.checks import Errors, Shown, forbidden, invalid, marshalled, meta_of, required, spec_of
from sampan.resources.validation.finalizers import check_finalizers
from sampan.resources.validation.metadata import check_meta, check_meta_update
from sampan.resources.validation.pods.annotations import APPARMOR, MIRROR, check_pod_annotations
from sampan.resources.validation.pods.internal import comparable, diff, internal_spec, shown_internal
from sampan.resources.validation.pods.options import Options
from sampan.resources.validation.pods.past import pod_options
from sampan.resources.validation.pods.pod import check_pod_parts
from sampan.resources.validation.pods.tolerations import check_tolerations

MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
AT_REQUIRED = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
MOST_SECONDS = 2**31 - 1


def check_pod_update(new: Obj, old: Obj) -> Errors:
    """An update of a pod, its metadata included."""
    options = pod_options(old)
    errors = check_again(new, old, options) + check_annotation_update(new, old, options)
    after, before = spec_of(new), spec_of(old)
    for key in ("containers", "initContainers"):
        found, stop = _containers(after.get(key) or (), before.get(key) or (), f"spec.{key}")
        errors += found
        if stop:
            return errors
    found, stop = _deadline(after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += found
    if stop:
        return errors
    errors += _tolerations(after.get("tolerations") or (), before.get("tolerations") or (), options)
    errors += _gates(after.get("schedulingGates") or (), before.get("schedulingGates") or ())
    return errors if after == before else errors + _rest(after, before)


def check_again(new: Obj, old: Obj, options: Options) -> Errors:
    """The changed metadata, and the new pod as a whole."""
    meta = meta_of(new)
    errors = check_meta_update(meta, meta_of(old)) + check_meta(meta, True, is_dns1123_subdomain)
    return errors + check_finalizers(new) + check_pod_parts(new, options)


def check_annotation_update(new: Obj, old: Obj, options: Options) -> Errors:
    """Annotations of AppArmor and of mirror pods stay; the others are checked once more."""
    after: Mapping[str, str] = meta_of(new).get("annotations") or {}
    before: Mapping[str, str] = meta_of(old).get("annotations") or {}
    errors: Errors = []
    for key, value in before.items():
        if after.get(key) != value:
            errors += _fixed_annotation(key, "may not remove or update")
    for key in after:
        if key not in before:
            errors += _fixed_annotation(key, "may not add")
    return errors + check_pod_annotations(after, spec_of(new), "metadata.annotations", options)


def _fixed_annotation(key: str, may_not: str) -> Errors:
    at = f"metadata.annotations[{key}]"
    if key.startswith(APPARMOR):
        return [forbidden(at, f"{may_not} AppArmor annotations")]
    return [forbidden(at, f"{may_not} mirror pod annotation")] if key == MIRROR else []


def _containers(new: Sequence[Obj], old: Sequence[Obj], at: str) -> tuple[Errors, bool]:
    if len(new) != len(old):
        return [forbidden(at, "pod updates may not add or remove containers")], True
    errors: Errors = []
    for index, container in enumerate(new):
        image = container.get("image") or ""
        if not image:
            errors.append(required(f"{at}[{index}].image"))
        elif image.strip() != image:
            why = "must not have leading or trailing whitespace"
            errors.append(invalid(f"{at}[{index}].image", image, why))
    return errors, False


def _deadline(new: int | None, old: int | None) -> tuple[Errors, bool]:
    """What is wrong, and whether that is all that is said."""
    at = "spec.activeDeadlineSeconds"
    if new is None:
        gone = old is not None
        return [invalid(at, None, "must not update from a positive integer to nil value")] if gone else [], False
    if not 0 <= new <= MOST_SECONDS:
        return [invalid(at, new, f"must be between 0 and {MOST_SECONDS}, inclusive")], True
    if old is not None and new > old:
        return [invalid(at, new, "must be less than or equal to previous value")], True
    return [], False


def _tolerations(new: Sequence[Obj], old: Sequence[Obj], options: Options) -> Errors:
    def kept(one: Obj) -> bool:
        return any(
            {**one, "tolerationSeconds": other.get("tolerationSeconds")}
            == {**other, "tolerationSeconds": other.get("tolerationSeconds")}
            for other in new
        )

    if new is not old and not all(one in new or kept(one) for one in old):
        why = "existing toleration can not be modified except its tolerationSeconds"
        return [forbidden("spec.tolerations", why)]
    return check_tolerations(new, "spec.tolerations", options)


def _gates(new: Sequence[Obj], old: Sequence[Obj]) -> Errors:
    known = {gate.get("name") for gate in old}
    added = {gate.get("name"): index for index, gate in enumerate(new) if gate.get("name") not in known}
    why = "only deletion is allowed, but found new scheduling gate"
    return [forbidden(f"spec.schedulingGates[{index}].name", f"{why} '{name}'") for name, index in added.items()]


def _rest(new: Obj, old: Obj) -> Errors:
    """All else stays, but for where pods that wait at a gate may be scheduled to."""
    munged = {**new}
    for key in ("containers", "initContainers"):
        pairs = zip(new.get(key) or (), old.get(key) or (), strict=True)
        made = [{**container, "image": before.get("image")} for container, before in pairs]
        _put(munged, key, made or None)
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _put(munged, key, old.get(key))
    grace = "terminationGracePeriodSeconds"
    if (old.get(grace) or 0) < 0 and new.get(grace) == 1:
        munged[grace] = old[grace]
    errors = _directives(munged, old) if old.get("schedulingGates") else []
    before, after = internal_spec(old), internal_spec(munged)
    if comparable(before) != comparable(after):
        errors.append(forbidden("spec", MAY_CHANGE + diff(before, after)))
    return errors


def _put(spec: Obj, key: str, value: Any) -> None:
    if value is None:
        spec.pop(key, None)
    else:
        spec[key] = value


def _directives(munged: Obj, old: Obj) -> Errors:
    """Scheduling directives of a gated pod: they may become narrower (KEP-3838)."""
    errors: Errors = []
    after, before = munged.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if after != before:
        if any(after.get(key) != value for key, value in before.items()):
            why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            shown = Shown(
                marshalled({key: after[key] for key in sorted(after)} if after else munged.get("nodeSelector"))
            )
            errors.append(invalid("spec.nodeSelector", shown, why))
        _put(munged, "nodeSelector", old.get("nodeSelector"))
    affinity, old_affinity = munged.get("affinity"), old.get("affinity")
    wanted, had = (affinity or {}).get("nodeAffinity"), (old_affinity or {}).get("nodeAffinity")
    if wanted != had:
        errors += _node_affinity(wanted or {}, had or {})
        made = {**(affinity or {})}
        _put(made, "nodeAffinity", had)
        _put(munged, "affinity", made if made or old_affinity is not None else None)
    return errors


def _node_affinity(new: Obj, old: Obj) -> Errors:
    if old.get(REQUIRED) is None:
        return []
    before: list[Obj] = old[REQUIRED].get("nodeSelectorTerms") or []
    given = (new.get(REQUIRED) or {}).get("nodeSelectorTerms")
    after: list[Obj] = given or []
    if before and len(before) != len(after):
        why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(AT_REQUIRED, shown_internal(given, "NodeSelectorTerm"), why)]
    why = "only additions are allowed (no mutations or deletions)"
    return [
        invalid(f"{AT_REQUIRED}[{index}]", shown_internal(after[index], "NodeSelectorTerm"), why)
        for index, term in enumerate(before)
        if not _only_more(after[index], term)
    ]


def _only_more(new: Obj, old: Obj) -> bool:
    keys = ("matchExpressions", "matchFields")
    if not any(old.get(key) for key in keys) and any(new.get(key) for key in keys):
        return False
    return all((new.get(key) or [])[: len(old.get(key) or [])] == (old.get(key) or []) for key in keys)
