"""What is wrong with a ReplicationController (core validation: ValidateReplicationController)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    forbidden,
    invalid,
    not_among,
    not_negative,
    required,
    spec_of,
)
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.past import template_options
from sampan.resources.validation.pods.template import check_pod_template

COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
AT = "spec.template"


def check_controller(obj: Obj) -> Errors:
    """A new controller."""
    return _spec(spec_of(obj), TEMPLATE)


def check_controller_update(new: Obj, old: Obj) -> Errors:
    """A changed one; what was wrong in its old template may stay so."""
    template = spec_of(old).get("template")
    return _spec(spec_of(new), template_options(template) if template else TEMPLATE)


def _spec(spec: Obj, options: Options) -> Errors:
    selector, replicas = spec.get("selector") or {}, spec.get("replicas")
    errors = not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    if not selector:
        errors.append(required("spec.selector"))
    errors += [required("spec.replicas")] if replicas is None else not_negative("spec.replicas", replicas)
    template = spec.get("template")
    return [*errors, required(AT)] if template is None else errors + _template(template, selector, options)


def _template(template: Obj, selector: Obj, options: Options) -> Errors:
    labels, pod = (template.get("metadata") or {}).get("labels"), template.get("spec") or {}
    errors: Errors = []
    if any((labels or {}).get(key) != value for key, value in selector.items()):
        why = "`selector` does not match template `labels`"
        errors.append(invalid(f"{AT}.metadata.labels", labels, why))
    errors += check_pod_template(template, AT, options)
    policy = pod.get("restartPolicy") or ""
    if policy != "Always":
        errors.append(not_among(f"{AT}.spec.restartPolicy", policy, ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicationController is not Supported"
        errors.append(forbidden(f"{AT}.spec.activeDeadlineSeconds", why))
    return errors


def check_controller_status(new: Obj, old: Obj) -> Errors:
    """Counts that fit one another."""
    status = new.get("status") or {}
    errors = [error for key in COUNTS for error in not_negative(f"status.{key}", status.get(key))]
    counts = {key: status.get(key) or 0 for key in COUNTS}
    more = [key for key in COUNTS[1:4] if counts[key] > counts["replicas"]]
    errors += [invalid(f"status.{key}", counts[key], "cannot be greater than status.replicas") for key in more]
    if counts["availableReplicas"] > counts["readyReplicas"]:
        why = "cannot be greater than readyReplicas"
        errors.append(invalid("status.availableReplicas", counts["availableReplicas"], why))
    return errors
