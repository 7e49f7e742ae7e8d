"""What becomes of a pod's fields before it is stored: those of disabled features go, others are made of what is there.

Upstream: pkg/api/pod/util.go (DropDisabledPodFields) and pkg/registry/core/pod/strategy.go.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sampan.api.json import Obj
from sampan.resources.strategies.rules import each, within, without
from sampan.resources.validation.pods.affinity import PREFERRED, REQUIRED
from sampan.resources.validation.pods.annotations import APPARMOR
from sampan.resources.validation.pods.options import CONTAINERS
from sampan.resources.validation.pods.security import check_apparmor

OFF_SOURCES = ("clusterTrustBundle", "podCertificate")
"""ClusterTrustBundleProjection and PodCertificateRequest are off by default."""
LOCAL = "localhost/"


def drop_disabled(spec: Obj) -> Obj:
    """A pod spec without the fields of features that are off by default in 1.36."""
    if "schedulingGroup" in spec:  # GenericWorkload
        spec = without(spec, "schedulingGroup")
    for key in CONTAINERS:
        if any(container.get("lifecycle") for container in spec.get(key) or ()):
            spec = within(spec, key, partial(each, change=_without_stop_signal))
    if any(volume.get("projected") for volume in spec.get("volumes") or ()):
        spec = within(spec, "volumes", partial(each, change=_without_off_sources))
    return spec


def drop_disabled_template(holder: Obj) -> Obj:
    """As `drop_disabled`, for something whose `template.spec` is a pod spec."""
    return within(holder, "template", lambda template: within(template, "spec", drop_disabled))


def _without_stop_signal(container: Obj) -> Obj:
    lifecycle = container.get("lifecycle")
    if not lifecycle or "stopSignal" not in lifecycle:  # ContainerStopSignals
        return container
    kept = without(lifecycle, "stopSignal")
    return {**container, "lifecycle": kept} if kept else without(container, "lifecycle")


def _without_off_sources(volume: Obj) -> Obj:
    def projected(value: Obj) -> Obj:
        return within(value, "sources", partial(each, change=lambda source: without(source, *OFF_SOURCES)))

    return within(volume, "projected", projected) if volume.get("projected") else volume


# ---- label keys


def merge_label_keys(spec: Obj, labels: Mapping[str, str]) -> Obj:
    """matchLabelKeys and mismatchLabelKeys as expressions of their selectors (KEP-3633, KEP-3243)."""
    if spec.get("affinity"):
        spec = within(spec, "affinity", partial(_in_affinity, labels=labels))
    if spec.get("topologySpreadConstraints"):
        spec = within(spec, "topologySpreadConstraints", partial(each, change=partial(_in_term, labels=labels)))
    return spec


def _in_affinity(affinity: Obj, labels: Mapping[str, str]) -> Obj:
    in_term: Callable[[Obj], Obj] = partial(_in_term, labels=labels)

    def in_weighted(weighted: Obj) -> Obj:
        return within(weighted, "podAffinityTerm", in_term)

    for kind in ("podAffinity", "podAntiAffinity"):
        if affinity.get(kind):
            terms = within(affinity[kind], REQUIRED, partial(each, change=in_term))
            affinity = {**affinity, kind: within(terms, PREFERRED, partial(each, change=in_weighted))}
    return affinity


def _in_term(term: Obj, labels: Mapping[str, str]) -> Obj:
    selector = term.get("labelSelector")
    match: Sequence[str] = term.get("matchLabelKeys") or ()
    mismatch: Sequence[str] = term.get("mismatchLabelKeys") or ()
    made = [
        {"key": key, "operator": operator, "values": [labels[key]]}
        for keys, operator in ((match, "In"), (mismatch, "NotIn"))
        for key in keys
        if key in labels
    ]
    if selector is None or not made:
        return term
    return {
        **term,
        "labelSelector": {**selector, "matchExpressions": [*(selector.get("matchExpressions") or ()), *made]},
    }


# ---- AppArmor


def apparmor_of(annotation: str) -> Obj | None:
    """The profile that an annotation names; None if it names none."""
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    local = annotation.removeprefix(LOCAL)
    return {"type": "Localhost", "localhostProfile": local} if annotation.startswith(LOCAL) and local else None


def sync_apparmor(pod: Obj) -> Obj:
    """AppArmor profiles from annotations into the fields of containers that have none (KEP-24)."""
    found = dict(_from_annotations(pod))
    if not found:
        return pod

    def change(container: Obj) -> Obj:
        profile = found.get(container.get("name") or "")
        if profile is None or _own_profile(container) is not None:
            return container
        return {
            **container,
            "securityContext": {**(container.get("securityContext") or {}), "appArmorProfile": profile},
        }

    spec = pod["spec"]
    for key in CONTAINERS:
        if spec.get(key):
            spec = within(spec, key, partial(each, change=change))
    return {**pod, "spec": spec}


def warn_apparmor(pod: Obj) -> list[str]:
    """Of annotations that stand for fields, or could not."""
    return [
        f'metadata.annotations[{APPARMOR}{name}]: deprecated since v1.30; use the "appArmorProfile" field instead'
        for name, _ in _from_annotations(pod)
    ]


def _own_profile(container: Obj) -> Obj | None:
    profile: Obj | None = (container.get("securityContext") or {}).get("appArmorProfile")
    return profile


def _from_annotations(pod: Obj) -> list[tuple[str, Obj | None]]:
    """Containers whose annotation says another profile than the pod; None where it says none."""
    annotations, spec = (pod.get("metadata") or {}).get("annotations"), pod.get("spec") or {}
    if not annotations or (spec.get("os") or {}).get("name") == "windows":
        return []
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    found: list[tuple[str, Obj | None]] = []
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(key) or ():
            name = container.get("name") or ""
            said = annotations.get(APPARMOR + name)
            if said is None or _own_profile(container) is not None:
                continue
            profile = apparmor_of(said)
            if profile is not None and check_apparmor(profile, ""):
                profile = None
            if profile is None or profile != of_pod:
                found.append((name, profile))
    return found
