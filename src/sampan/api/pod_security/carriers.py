"""Pods, and the kinds that carry a pod template."""

from sampan.api.json import Obj

TEMPLATES: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("", "replicationcontrollers"): ("ReplicationController", ("spec", "template")),
    ("", "podtemplates"): ("PodTemplate", ("template",)),
    ("apps", "replicasets"): ("ReplicaSet", ("spec", "template")),
    ("apps", "deployments"): ("Deployment", ("spec", "template")),
    ("apps", "statefulsets"): ("StatefulSet", ("spec", "template")),
    ("apps", "daemonsets"): ("DaemonSet", ("spec", "template")),
    ("batch", "jobs"): ("Job", ("spec", "template")),
    ("batch", "cronjobs"): ("CronJob", ("spec", "jobTemplate", "spec", "template")),
}
"""By group and plural: the kind, and where its template is."""
BY_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (),
    **{(group, kind): path for (group, _), (kind, path) in TEMPLATES.items()},
}
"""By group and kind: where the pod is; empty: the object itself."""


def pod_at(obj: Obj, path: tuple[str, ...]) -> tuple[Obj, Obj] | None:
    """Metadata and spec of the pod at that place of an object; None when there is none."""
    found: Obj | None = obj
    for field in path:
        found = (found or {}).get(field)
    return None if found is None else (found.get("metadata") or {}, found.get("spec") or {})
