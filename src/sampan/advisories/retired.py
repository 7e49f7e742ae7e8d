"""What objects still use that is gone or going: old API versions, the old image registry."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sampan.advisories.support import Finding
from sampan.api.json import Obj

OLD_REGISTRY, NEW_REGISTRY = "k8s.gcr.io/", "registry.k8s.io/"
GONE: Mapping[str, tuple[str, str]] = {
    "extensions/v1beta1": ("1.22", "apps/v1, networking.k8s.io/v1"),
    "apps/v1beta1": ("1.16", "apps/v1"),
    "apps/v1beta2": ("1.16", "apps/v1"),
    "apiextensions.k8s.io/v1beta1": ("1.22", "apiextensions.k8s.io/v1"),
    "networking.k8s.io/v1beta1": ("1.22", "networking.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1beta1": ("1.22", "rbac.authorization.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1alpha1": ("1.22", "rbac.authorization.k8s.io/v1"),
    "batch/v1beta1": ("1.25", "batch/v1"),
    "discovery.k8s.io/v1beta1": ("1.25", "discovery.k8s.io/v1"),
    "events.k8s.io/v1beta1": ("1.25", "events.k8s.io/v1"),
    "policy/v1beta1": ("1.25", "policy/v1"),
    "autoscaling/v2beta1": ("1.25", "autoscaling/v2"),
    "autoscaling/v2beta2": ("1.26", "autoscaling/v2"),
    "flowcontrol.apiserver.k8s.io/v1beta1": ("1.26", "flowcontrol.apiserver.k8s.io/v1"),
    "flowcontrol.apiserver.k8s.io/v1beta2": ("1.29", "flowcontrol.apiserver.k8s.io/v1"),
    "flowcontrol.apiserver.k8s.io/v1beta3": ("1.32", "flowcontrol.apiserver.k8s.io/v1"),
    "servicecatalog.k8s.io/v1beta1": ("1.24", "nothing: Service Catalog is retired"),
}
"""API version, the minor from which on it is not served, and what to use."""
METRIC = re.compile(r"^(apiserver_requested_deprecated_apis|kubernetes_feature_enabled)\{(.*?)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def old_images(objects: Iterable[Obj]) -> list[Finding]:
    """Pods and pod templates that name images of the old registry."""
    found: list[Finding] = []
    for obj in objects:
        for image in dict.fromkeys(images(obj)):
            if image.startswith(OLD_REGISTRY):
                better = NEW_REGISTRY + image.removeprefix(OLD_REGISTRY)
                found.append(Finding("registry", "error", name_of(obj), f"{image}: use {better}"))
    return found


def images(obj: Obj) -> Iterator[str]:
    """The images of the pod that an object is or carries."""
    spec: Any = obj.get("spec") or {}
    if "jobTemplate" in spec:
        spec = (spec["jobTemplate"] or {}).get("spec") or {}
    if "template" in spec:
        spec = (spec["template"] or {}).get("spec") or {}
    for field in CONTAINERS:
        for container in spec.get(field) or ():
            yield str(container.get("image") or "")


def old_versions(objects: Iterable[Obj]) -> list[Finding]:
    """Objects that somebody still writes in an API version that is gone or going, by their managedFields."""
    found: list[Finding] = []
    for obj in objects:
        for entry in (obj.get("metadata") or {}).get("managedFields") or ():
            gone = GONE.get(str(entry.get("apiVersion")))
            if gone is not None:
                text = f"{entry.get('manager')} writes {entry['apiVersion']}, gone in v{gone[0]}: use {gone[1]}"
                found.append(Finding("api", "warning", name_of(obj), text))
    return list(dict.fromkeys(found))


def from_metrics(text: str) -> tuple[list[Finding], dict[str, str]]:
    """Deprecated APIs that were asked for since the server's start, and feature gates that are on, with their stage."""
    found: list[Finding] = []
    gates: dict[str, str] = {}
    for metric, labels_text, value in METRIC.findall(text):
        labels = dict(LABEL.findall(labels_text))
        if float(value) == 0:
            continue
        if metric == "kubernetes_feature_enabled":
            gates[labels.get("name", "")] = labels.get("stage", "") or "STABLE"
            continue
        group = f"{labels.get('group')}/{labels.get('version')}".lstrip("/")
        gone = labels.get("removed_release")
        said = f"{labels.get('resource')} of {group} were asked for" + (f", gone in v{gone}" if gone else "")
        found.append(Finding("api", "warning", group, said))
    return found, gates


def name_of(obj: Obj) -> str:
    """Kind namespace/name."""
    meta = obj.get("metadata") or {}
    name = meta.get("name") or "?"
    return f"{obj.get('kind')} {meta['namespace']}/{name}" if meta.get("namespace") else f"{obj.get('kind')} {name}"
