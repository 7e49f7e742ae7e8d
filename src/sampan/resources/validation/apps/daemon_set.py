"""What is wrong with DaemonSets (apps validation: ValidateDaemonSet)."""

from dataclasses import replace

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    Shown,
    invalid,
    marshalled,
    not_among,
    not_negative,
    required,
    spec_of,
)
from sampan.resources.strategies.rules import metadata_again
from sampan.resources.validation.apps.deployment import check_kept_running
from sampan.resources.validation.apps.rolling import DEPLOYMENT, amount, check_ranges, given
from sampan.resources.validation.apps.selectors import check_empty, check_kept, mismatch, selects, template_labels
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.int_or_percent import check_most_hundred
from sampan.resources.validation.labels import check_label_selector
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.past import template_options

AT = "spec.updateStrategy"


def check_daemon_set(obj: Obj) -> Errors:
    """A new DaemonSet."""
    return _spec(spec_of(obj), TEMPLATE)


def check_daemon_set_update(new: Obj, old: Obj) -> Errors:
    """A changed DaemonSet."""
    before = spec_of(old)
    options = template_options(before.get("template"))
    if check_label_selector(before.get("selector"), ""):
        options = replace(options, any_selector_value=True)
    return metadata_again(new, old) + check_kept(new, old) + _spec(spec_of(new), options)


def _spec(spec: Obj, options: Options) -> Errors:
    selector = spec.get("selector")
    errors = check_label_selector(selector, "spec.selector", any_value=options.any_selector_value)
    if selects(selector, template_labels(spec)) is False:
        errors += mismatch(spec)
    if selector is not None:
        errors += check_empty(selector, "daemonset")
    errors += check_kept_running(spec.get("template") or {}, "spec.template", options, "DaemonSet")
    errors += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += _strategy(spec.get("updateStrategy") or {})
    return errors + not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def _strategy(strategy: Obj) -> Errors:
    kind, rolling, at = strategy.get("type"), strategy.get("rollingUpdate"), f"{AT}.rollingUpdate"
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        return [not_among(AT, shown_struct(strategy, DEPLOYMENT), ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(at)]
    unavailable, surge = given(rolling, "maxUnavailable"), given(rolling, "maxSurge")
    errors = check_ranges(rolling, at) + check_most_hundred(unavailable, f"{at}.maxUnavailable")
    errors += check_most_hundred(surge, f"{at}.maxSurge")
    missing, more = amount(unavailable) != 0, amount(surge) != 0
    if missing and more:
        shown = Shown(marshalled(surge))
        errors.append(invalid(f"{at}.maxSurge", shown, "may not be set when maxUnavailable is non-zero"))
    elif not missing and not more:
        errors.append(required(f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors
