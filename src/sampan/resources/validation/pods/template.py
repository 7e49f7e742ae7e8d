"""What is wrong with the pod template of a workload (core validation: ValidatePodTemplateSpec)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden
from sampan.resources.validation.labels import check_annotations, check_labels
from sampan.resources.validation.pods.annotations import check_agreement, check_pod_annotations
from sampan.resources.validation.pods.options import TEMPLATE, Options
from sampan.resources.validation.pods.spec import check_pod_spec


def check_pod_template(template: Obj, at: str, options: Options = TEMPLATE) -> Errors:
    """A template's labels, annotations and spec; `at` is where it stands.

    For updates `options` are those of `past.template_options(old template)`.
    """
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    errors: Errors = []
    if labels := meta.get("labels"):
        errors += check_labels(labels, f"{at}.labels")
    annotations = meta.get("annotations")
    if annotations:
        errors += check_annotations(annotations, f"{at}.annotations")
        errors += check_pod_annotations(annotations, spec, f"{at}.annotations", options)
    errors += check_pod_spec(spec, f"{at}.spec", options)
    if annotations:
        errors += check_agreement(annotations, spec, f"{at}.spec")
    if spec.get("ephemeralContainers"):
        why = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(f"{at}.spec.ephemeralContainers", why))
    return errors
