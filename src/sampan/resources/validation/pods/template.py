"""What is wrong with the pod template of a workload (core validation: ValidatePodTemplateSpec)."""

from collections.abc import Mapping, Sequence

from sampan.api.json import Obj
from sampan.api.meta import is_label_value, is_qualified_name
from sampan.resources.strategies.checks import Errors, forbidden, invalid, not_supported, required
from sampan.resources.validation.pods.spec import check_pod_spec


def check_pod_template(template: Obj, at: str) -> Errors:
    """A template's labels and spec; `at` is where it stands."""
    labels = (template.get("metadata") or {}).get("labels") or {}
    return check_labels(labels, f"{at}.labels") + check_pod_spec(template.get("spec") or {}, f"{at}.spec")


def check_restart(template: Obj, at: str, restart: Sequence[str]) -> Errors:
    """A template's restart policy is one its workload can have."""
    spec = template.get("spec") or {}
    errors: Errors = []
    policy, field = spec.get("restartPolicy"), f"{at}.spec.restartPolicy"
    if policy == "Always" and policy not in restart:  # a default that jobs cannot have counts as none
        errors.append(required(field, 'valid values: "OnFailure", "Never"'))
    elif policy and policy not in restart:
        errors.append(not_supported(field, policy, restart))
    if restart == ("Always",) and spec.get("activeDeadlineSeconds") is not None:
        why = "activeDeadlineSeconds in ReplicaSet is not Supported"
        errors.append(forbidden(f"{at}.spec.activeDeadlineSeconds", why))
    return errors


def check_labels(labels: Mapping[str, str], at: str) -> Errors:
    """Label keys and values."""
    errors: Errors = []
    for key, value in labels.items():
        errors += [invalid(at, key, problem) for problem in is_qualified_name(key)]
        errors += [invalid(at, value, problem) for problem in is_label_value(value)]
    return errors
