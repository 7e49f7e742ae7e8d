"""What is wrong with Deployments and ReplicaSets (apps validation)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    not_among,
    not_negative,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.apps.rolling import DEPLOYMENT, amount, check_ranges, given
from sampan.resources.validation.apps.selectors import check_kept, check_needed_selector, mismatch, selects
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.int_or_percent import check_most_hundred
from sampan.resources.validation.labels import shown_selector
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.past import template_options
from sampan.resources.validation.pods.template import check_pod_template

AT = "spec.strategy"


def check_deployment(obj: Obj) -> Errors:
    """A new Deployment."""
    return _deployment(spec_of(obj), TEMPLATE)


def check_deployment_update(new: Obj, old: Obj) -> Errors:
    """A changed Deployment."""
    errors = metadata_again(new, old)
    return errors + _deployment(spec_of(new), template_options(spec_of(old).get("template"))) + check_kept(new, old)


def check_replica_set(obj: Obj) -> Errors:
    """A new ReplicaSet."""
    return _replica_set(spec_of(obj), TEMPLATE)


def check_replica_set_update(new: Obj, old: Obj) -> Errors:
    """A changed ReplicaSet."""
    errors = metadata_again(new, old)
    return errors + _replica_set(spec_of(new), template_options(spec_of(old).get("template"))) + check_kept(new, old)


def _replica_set(spec: Obj, options: Options) -> Errors:
    errors = not_negative("spec.replicas", spec.get("replicas"))
    errors += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    return errors + _selected(spec, options)


def _selected(spec: Obj, options: Options) -> Errors:
    """The selector and the template."""
    errors, selector = check_needed_selector(spec, "deployment"), spec.get("selector")
    matched = selects(selector, ((spec.get("template") or {}).get("metadata") or {}).get("labels"))
    if matched is None:
        return [*errors, invalid("spec.selector", shown_selector(selector), "invalid label selector")]
    if not matched:
        errors += mismatch(spec)
    return errors + check_kept_running(spec.get("template") or {}, "spec.template", options, "ReplicaSet")


def check_kept_running(template: Obj, at: str, options: Options, kind: str) -> Errors:
    """A template of pods that always run; `kind` is the workload as errors call it."""
    errors = check_pod_template(template, at, options)
    return errors + check_always(template, at, kind)


def check_always(template: Obj, at: str, kind: str) -> Errors:
    """Pods that always restart and have no deadline."""
    pod = template.get("spec") or {}
    policy = pod.get("restartPolicy") or ""
    errors: Errors = []
    if policy != "Always":
        errors.append(not_among(f"{at}.spec.restartPolicy", policy, ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden(f"{at}.spec.activeDeadlineSeconds", why))
    return errors


def _deployment(spec: Obj, options: Options) -> Errors:
    errors = not_negative("spec.replicas", spec.get("replicas")) + _selected(spec, options)
    errors += _strategy(spec.get("strategy") or {})
    for key in ("minReadySeconds", "revisionHistoryLimit"):
        errors += not_negative(f"spec.{key}", spec.get(key))
    deadline, at = spec.get("progressDeadlineSeconds"), "spec.progressDeadlineSeconds"
    if deadline is not None:
        errors += not_negative(at, deadline)
        if deadline <= (spec.get("minReadySeconds") or 0):
            errors.append(invalid(at, deadline, "must be greater than minReadySeconds"))
    return errors


def _strategy(strategy: Obj) -> Errors:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        why = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden(f"{AT}.rollingUpdate", why)]
    if kind != "RollingUpdate":
        return [not_among(AT, shown_struct(strategy, DEPLOYMENT), ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(f"{AT}.rollingUpdate", "this should be defaulted and never be nil")]
    errors, at = check_ranges(rolling, f"{AT}.rollingUpdate"), f"{AT}.rollingUpdate.maxUnavailable"
    unavailable = given(rolling, "maxUnavailable")
    if amount(unavailable) == 0 and amount(given(rolling, "maxSurge")) == 0:
        errors.append(invalid(at, Shown(marshalled(unavailable)), "may not be 0 when `maxSurge` is 0"))
    return errors + check_most_hundred(unavailable, at)
