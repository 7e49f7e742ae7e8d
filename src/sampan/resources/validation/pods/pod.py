"""What is wrong with a new pod (core validation: ValidatePodCreate)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import Errors, forbidden, meta_of, spec_of
from sampan.resources.validation.pods.annotations import check_agreement, check_pod_annotations
from sampan.resources.validation.pods.containers import check_images
from sampan.resources.validation.pods.options import POD, Options
from sampan.resources.validation.pods.spec import check_pod_spec


def check_pod(pod: Obj) -> Errors:
    """A new pod, besides its metadata."""
    spec = spec_of(pod)
    errors = check_pod_parts(pod, POD)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors + check_agreement(meta_of(pod).get("annotations") or {}, spec, "spec")


def check_pod_parts(pod: Obj, options: Options) -> Errors:
    """What a pod must be at any time, new or updated (upstream: validatePodMetadataAndSpec, less ObjectMeta)."""
    meta, spec = meta_of(pod), spec_of(pod)
    annotations = meta.get("annotations")
    errors = check_pod_annotations(annotations, spec, "metadata.annotations", options) if annotations else []
    errors += check_pod_spec(spec, "spec", options, meta)
    if not spec.get("serviceAccountName") and spec.get("volumes"):
        errors += _tokens(spec)
    errors += check_images(spec.get("containers") or (), "spec.containers")
    return errors + check_images(spec.get("initContainers") or (), "spec.initContainers")


def _tokens(spec: Obj) -> Errors:
    """Tokens of service accounts are for pods that have one."""
    return [
        forbidden(
            f"spec.volumes[{index}].projected.sources[{place}].serviceAccountToken",
            "must not be specified when serviceAccountName is not set",
        )
        for index, volume in enumerate(spec["volumes"])
        for place, source in enumerate((volume.get("projected") or {}).get("sources") or ())
        if source.get("serviceAccountToken") is not None
    ]
