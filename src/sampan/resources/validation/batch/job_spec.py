"""What is wrong with the spec of a Job, or of one that a CronJob makes (batch validation: validateJobSpec)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import (
    Errors,
    invalid,
    named,
    not_among,
    not_negative,
    not_supported,
    required,
    too_long,
)
from sampan.resources.validation.batch.policies import check_failure_policy, check_success_policy
from sampan.resources.validation.batch.shown import SUCCESS
from sampan.resources.validation.go_struct import shown_struct
from sampan.resources.validation.paths import check_domain_prefixed
from sampan.resources.validation.pods.options import Options
from sampan.resources.validation.pods.template import check_pod_template

COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
MODES, REPLACEMENTS = ("NonIndexed", "Indexed"), ("Failed", "TerminatingOrFailed")
MOST_PARALLEL = MOST_FAILED = MANY = 100_000
FEW, MOST_MANAGER = 10_000, 63
INDEXED = "requires indexed completion mode"
AT_MANY = f"must be less than or equal to {FEW} when completions are above {MANY} and used with backoff limit per index"


def check_job_spec(spec: Obj, at: str, options: Options) -> Errors:
    """All but the selector."""
    errors = [error for key in COUNTS for error in not_negative(f"{at}.{key}", spec.get(key))]
    per_index, most, manager = (spec.get(key) for key in ("backoffLimitPerIndex", "maxFailedIndexes", "managedBy"))
    if most is not None and per_index is None:
        errors.append(required(f"{at}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if manager is not None:
        errors += check_domain_prefixed(manager, f"{at}.managedBy")
        if len(manager.encode()) > MOST_MANAGER:
            errors.append(too_long(f"{at}.managedBy", MOST_MANAGER))
    mode = spec.get("completionMode")
    if mode is not None and mode not in MODES:
        errors.append(not_among(f"{at}.completionMode", mode, MODES))
    if mode == "Indexed":
        errors += _indexed(spec, at)
    elif mode in (None, "NonIndexed"):
        for key, value in (("backoffLimitPerIndex", per_index), ("maxFailedIndexes", most)):
            if value is not None:
                errors.append(invalid(f"{at}.{key}", value, INDEXED))
    return errors + _policies(spec, at, mode) + _template(spec, at, options)


def _indexed(spec: Obj, at: str) -> Errors:
    total, parallel, most = (spec.get(key) for key in ("completions", "parallelism", "maxFailedIndexes"))
    errors: Errors = []
    if total is None:
        errors.append(required(f"{at}.completions", "when completion mode is Indexed"))
    if parallel is not None and parallel > MOST_PARALLEL:
        why = f"must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed"
        errors.append(invalid(f"{at}.parallelism", parallel, why))
    here = f"{at}.maxFailedIndexes"
    if total is not None and most is not None and most > total:
        errors.append(invalid(here, most, "must be less than or equal to completions"))
    if most is not None and most > MOST_FAILED:
        errors.append(invalid(here, most, f"must be less than or equal to {MOST_FAILED}"))
    if total is None or total <= MANY or spec.get("backoffLimitPerIndex") is None:
        return errors
    if most is None:
        errors.append(required(here, f"must be specified when completions is above {MANY}"))
    if parallel is not None and parallel > FEW:
        errors.append(invalid(f"{at}.parallelism", parallel, AT_MANY))
    if most is not None and most > FEW:
        errors.append(invalid(here, most, AT_MANY))
    return errors


def _policies(spec: Obj, at: str, mode: str | None) -> Errors:
    failure, success, replacement = (
        spec.get(key) for key in ("podFailurePolicy", "successPolicy", "podReplacementPolicy")
    )
    errors: Errors = []
    if failure is not None:
        errors += check_failure_policy(spec, at)
    if success is not None and mode != "Indexed":
        errors.append(invalid(f"{at}.successPolicy", shown_struct(success, SUCCESS), INDEXED))
    elif success is not None:
        errors += check_success_policy(spec, at)
    choices = REPLACEMENTS if failure is None else REPLACEMENTS[:1]
    if replacement is not None and replacement not in choices:
        errors.append(not_supported(f"{at}.podReplacementPolicy", replacement, choices))
    return errors


def _template(spec: Obj, at: str, options: Options) -> Errors:
    template, here = spec.get("template") or {}, f"{at}.template"
    errors = check_pod_template(template, here, options)
    policy, field = (template.get("spec") or {}).get("restartPolicy"), f"{here}.spec.restartPolicy"
    if policy in (None, "", "Always"):  # a default that jobs cannot have counts as none
        errors.append(required(field, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(not_among(field, policy, ("OnFailure", "Never")))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        why = 'only "Never" is supported when podFailurePolicy is specified'
        errors.append(invalid(field, named(policy), why))
    return errors
