"""What is wrong with StatefulSets (apps validation: ValidateStatefulSet)."""

from collections.abc import Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_dns1123_label
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    forbidden,
    invalid,
    marshalled,
    named,
    not_among,
    not_negative,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again, without
from sampan.resources.validation.apps.deployment import check_always
from sampan.resources.validation.apps.rolling import PARTITION, STATEFUL, amount
from sampan.resources.validation.apps.selectors import check_needed_selector, mismatch, selects, template_labels
from sampan.resources.validation.core.claim_spec import check_claim_spec
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.int_or_percent import check_int_or_percent, check_most_hundred
from sampan.resources.validation.labels import check_annotations, check_labels, shown_selector
from sampan.resources.validation.pods.annotations import check_pod_annotations
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.past import template_options
from sampan.resources.validation.pods.template import check_pod_template

AT = "spec.updateStrategy"
ORDERS, RETENTIONS = ("OrderedReady", "Parallel"), ("Retain", "Delete")
CHANGEABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
FIXED = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"  # noqa: E501


def check_stateful_set(obj: Obj) -> Errors:
    """A new StatefulSet."""
    spec = spec_of(obj)
    return _head(spec, new=True) + _tail(spec, TEMPLATE)


def check_stateful_set_update(new: Obj, old: Obj) -> Errors:
    """A changed StatefulSet; if the old one was wrong, its template is not looked at closely."""
    after, before = spec_of(new), spec_of(old)
    options = template_options(before.get("template"))
    any_template = bool(_head(before, new=False) or _tail(before, options))
    errors = metadata_again(new, old) + _head(after, new=False) + _tail(after, options, any_template=any_template)
    if without(after, *CHANGEABLE) != without(before, *CHANGEABLE):
        errors.append(forbidden("spec", FIXED))
    return errors


def _head(spec: Obj, *, new: bool) -> Errors:
    """All but selector and template; what can never change is checked in new ones only."""
    order, errors = spec.get("podManagementPolicy") or "", Errors()
    if not order:
        errors.append(required("spec.podManagementPolicy"))
    elif order not in ORDERS:
        errors.append(invalid("spec.podManagementPolicy", named(order), "must be 'OrderedReady' or 'Parallel'"))
    errors += _strategy(spec.get("updateStrategy") or {})
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled") if retention else ():
        choice = retention.get(key) or ""
        if choice not in RETENTIONS:
            errors.append(not_among(f"spec.persistentVolumeClaimRetentionPolicy.{key}", choice, RETENTIONS))
    if new:
        errors += _claims(spec.get("volumeClaimTemplates") or ())
    for key in ("replicas", "minReadySeconds"):
        errors += not_negative(f"spec.{key}", spec.get(key))
    errors += not_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"))
    service = spec.get("serviceName")
    if new and service:
        errors += [invalid("spec.serviceName", service, problem) for problem in is_dns1123_label(service)]
    return errors


def _claims(claims: Sequence[Obj]) -> Errors:
    errors: Errors = []
    for index, claim in enumerate(claims):
        errors += check_claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    return errors


def _strategy(strategy: Obj) -> Errors:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if not kind:
        return [required(AT)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        why = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid(f"{AT}.rollingUpdate", shown_struct(rolling, PARTITION), why)]
    if kind != "RollingUpdate":
        return [invalid(AT, shown_struct(strategy, STATEFUL), "must be 'RollingUpdate' or 'OnDelete'")]
    if rolling is None:
        return []
    errors = not_negative(f"{AT}.rollingUpdate.partition", rolling.get("partition"))
    unavailable, at = rolling.get("maxUnavailable"), f"{AT}.rollingUpdate.maxUnavailable"
    if unavailable is None:
        return errors
    errors += check_int_or_percent(unavailable, at)
    if amount(unavailable) == 0:
        errors.append(invalid(at, Shown(marshalled(unavailable)), "cannot be 0"))
    return errors + check_most_hundred(unavailable, at)


def _tail(spec: Obj, options: Options, *, any_template: bool = False) -> Errors:
    """Selector and template."""
    errors, selector = check_needed_selector(spec, "statefulset"), spec.get("selector")
    template = spec.get("template") or {}
    matched = selects(selector, template_labels(spec))
    if matched is None:
        errors.append(invalid("spec.selector", shown_selector(selector), ""))
    else:
        if not matched:
            errors += mismatch(spec)
        errors += _template(_completed(template, spec), options, any_template)
    return errors + check_always(template, "spec.template", "StatefulSet")


def _template(template: Obj, options: Options, any_template: bool) -> Errors:
    at, meta = "spec.template", template.get("metadata") or {}
    errors: Errors = [] if any_template else check_pod_template(template, at, options)
    if labels := meta.get("labels"):
        errors += check_labels(labels, f"{at}.labels")
    if annotations := meta.get("annotations"):
        errors += check_annotations(annotations, f"{at}.annotations")
        errors += check_pod_annotations(annotations, template.get("spec") or {}, f"{at}.annotations", options)
    return errors


def _completed(template: Obj, spec: Obj) -> Obj:
    """The template with the volumes that claims will be, and without what the controller writes over."""
    pod: Obj = template.get("spec") or {}
    names = dict.fromkeys(
        (claim.get("metadata") or {}).get("name") or "" for claim in spec.get("volumeClaimTemplates") or ()
    )
    if not names and not pod.get("subdomain") and not pod.get("hostname"):
        return template
    pod = without(pod, "subdomain", "hostname")
    if names:
        made: list[Obj] = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
        rest = [volume for volume in pod.get("volumes") or () if (volume.get("name") or "") not in names]
        pod = {**pod, "volumes": made + rest}
    return {**template, "spec": pod}
