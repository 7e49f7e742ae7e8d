"""What is wrong with a new pod (core validation: ValidatePodCreate)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, invalid, spec_of
from sampan.resources.validation.pods.spec import check_pod_spec

MIRROR = "kubernetes.io/config.mirror"


def check_pod(pod: Obj) -> Errors:
    """A pod's spec."""
    spec = spec_of(pod)
    errors = check_pod_spec(spec, "spec")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        errors.append(invalid("spec.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"))
    annotations = (pod.get("metadata") or {}).get("annotations") or {}
    if MIRROR in annotations and not spec.get("nodeName"):
        why = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"metadata.annotations[{MIRROR}]", annotations[MIRROR], why))
    return errors
