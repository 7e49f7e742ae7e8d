"""What is wrong with Jobs, new and changed (batch validation: ValidateJob, ValidateJobUpdate)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label, is_dns1123_subdomain, name_of, uid_of
from sampan.resources.strategies.checks import (
    IMMUTABLE,
    Errors,
    Shown,
    invalid,
    marshalled,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again, without
from sampan.resources.validation.apps.selectors import check_kept, mismatch, selects, template_labels
from sampan.resources.validation.batch.job_spec import check_job_spec
from sampan.resources.validation.batch.job_status import is_true
from sampan.resources.validation.batch.shown import FAILURE, SUCCESS, shown_template
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.labels import check_label_selector, shown_selector
from sampan.resources.validation.metadata import check_own_meta
from sampan.resources.validation.pods.internal import comparable, internal_spec
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.past import template_options

UID, NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
OLD_UID, OLD_NAME = "controller-uid", "job-name"
LABELS = "spec.template.metadata.labels"


def check_job(obj: Obj) -> Errors:
    """A new Job."""
    return _job(obj, TEMPLATE, prefixed=True)


def check_job_update(new: Obj, old: Obj) -> Errors:
    """A changed Job; upstream looks at its spec twice."""
    before, after = spec_of(old), spec_of(new)
    options = template_options(before.get("template"))
    if check_label_selector(before.get("selector"), ""):
        options = replace(options, any_selector_value=True)
    had = template_labels(before) or {}
    errors = check_own_meta(new["metadata"], True, is_dns1123_subdomain)
    errors += _job(new, options, prefixed=NAME in had and UID in had)
    errors += metadata_again(new, old) + _spec(after, options) + _completions(after, before) + check_kept(new, old)
    return errors + _template_kept(after, old) + _kept(after, before)


def _job(obj: Obj, options: Options, *, prefixed: bool) -> Errors:
    spec, name = spec_of(obj), name_of(obj)
    errors = _generated(spec, obj, prefixed) + _spec(spec, options)
    total = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and total > 0:
        host = f"{name}-{total - 1}"
        if is_dns1123_label(host):
            why = f"will not able to create pod with invalid DNS label: {host}"
            errors.append(invalid("metadata.name", name, why))
    return errors


def _generated(spec: Obj, obj: Obj, prefixed: bool) -> Errors:
    """A selector that is not the client's own is the one that was made for this Job."""
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    uid, name = uid_of(obj), name_of(obj)
    labels = template_labels(spec) or {}
    errors: Errors = [] if uid else [required("metadata.uid")]
    expected = {OLD_UID: uid, OLD_NAME: name} | ({UID: uid, NAME: name} if prefixed else {})
    for key, value in expected.items():
        errors += _has_label(labels, key, value)
    if selects(spec["selector"], expected) is False:
        errors.append(invalid("spec.selector", shown_selector(spec["selector"]), "`selector` not auto-generated"))
    return errors


def _has_label(labels: Mapping[str, str], key: str, value: str) -> Errors:
    at, why = f"{LABELS}[{key}]", f"must be '{value}'"
    if key not in labels:
        return [required(at, why)]
    return [] if labels[key] == value else [invalid(at, Shown(marshalled(dict(sorted(labels.items())))), why)]


def _spec(spec: Obj, options: Options) -> Errors:
    errors, selector = check_job_spec(spec, "spec", options), spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += check_label_selector(selector, "spec.selector", any_value=options.any_selector_value)
    return errors + mismatch(spec) if selects(selector, template_labels(spec)) is False else errors


def _completions(new: Obj, old: Obj) -> Errors:
    """They change in Indexed Jobs only, together with the parallelism (KEP-3715)."""
    at, total = "spec.completions", new.get("completions")
    if total == old.get("completions"):
        return []
    if new.get("completionMode") != "Indexed":
        return [invalid(at, total, IMMUTABLE)]
    if total is None or total == new.get("parallelism"):
        return []
    return [invalid(at, total, "can only be modified in tandem with spec.parallelism")]


def _kept(new: Obj, old: Obj) -> Errors:
    errors: Errors = []
    if new.get("completionMode") != old.get("completionMode"):
        shown = Shown(marshalled(new.get("completionMode")))
        errors.append(invalid("spec.completionMode", shown, IMMUTABLE))
    errors += _policy_kept(new, old, "podFailurePolicy", FAILURE)
    for key in ("backoffLimitPerIndex", "managedBy"):
        if new.get(key) != old.get(key):
            errors.append(invalid(f"spec.{key}", new.get(key), IMMUTABLE))
    return errors + _policy_kept(new, old, "successPolicy", SUCCESS)


def _policy_kept(new: Obj, old: Obj, key: str, table: Any) -> Errors:
    shown, before = (shown_struct(spec.get(key), table, pointer=True) for spec in (new, old))
    return [] if shown == before else [invalid(f"spec.{key}", shown, IMMUTABLE)]


def _template_kept(after: Obj, old: Obj) -> Errors:
    """Pods of a Job stay alike; of one that is suspended, where they go and what they ask for may change."""
    new: Obj = after.get("template") or {}
    before: Obj = spec_of(old).get("template") or {}
    spec: Obj = new.get("spec") or {}
    had: Obj = before.get("spec") or {}
    if not _is_idle(old):
        same = _same(spec, had) and comparable(new.get("metadata") or {}) == comparable(before.get("metadata") or {})
        return [] if same else [invalid("spec.template", shown_template(new), IMMUTABLE)]
    if _same(spec, _with_resources(_moved(had, spec), spec)):
        return []
    return [invalid("spec.template.spec", Shown(marshalled(internal_spec(spec))), IMMUTABLE)]


def _same(new: Obj, old: Obj) -> bool:
    return new == old or bool(comparable(internal_spec(new)) == comparable(internal_spec(old)))


def _is_idle(job: Obj) -> bool:
    """Whether it is suspended and has no pods (KEP-2926, KEP-5440)."""
    status = job.get("status") or {}
    stopped = status.get("startTime") is None or is_true(status, "Suspended")
    return spec_of(job).get("suspend") is True and stopped and not status.get("active")


def _moved(old: Obj, new: Obj) -> Obj:
    """The old pod, told to go where the new one goes."""
    made = dict(old)
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        made[key] = new.get(key)
    affinity, theirs = new.get("affinity"), old.get("affinity")
    if affinity is None and theirs is not None:
        made["affinity"] = without(theirs, "nodeAffinity") or None
    elif affinity is not None:
        made["affinity"] = {**(theirs or {}), "nodeAffinity": affinity.get("nodeAffinity")}
    return {key: value for key, value in made.items() if value is not None}


def _with_resources(old: Obj, new: Obj) -> Obj:
    """The old pod with the new one's resources, container by container."""
    made = dict(old)
    for key in ("containers", "initContainers"):
        mine, theirs = old.get(key) or [], new.get(key) or []
        if len(mine) == len(theirs):
            made[key] = [
                {**a, "resources": b.get("resources") or {}} if a.get("name") == b.get("name") else a
                for a, b in zip(mine, theirs, strict=True)
            ]
    return made
