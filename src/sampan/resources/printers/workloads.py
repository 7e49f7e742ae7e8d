"""Printers of the groups apps, batch, autoscaling and policy."""

from typing import Any

from sampan.api.json import Obj
from sampan.resources.convert_hpa import hpa_v1_to_v2
from sampan.resources.printers.base import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Cells,
    Printer,
    age,
    col,
    condition,
    containers_text,
    human_duration,
    labels_text,
    meta,
    moment,
    name,
    number,
    part,
    selector_text,
    since,
)


def _revision(obj: Obj, now: str) -> Cells:
    owner = next((one for one in meta(obj).get("ownerReferences") or () if one.get("controller")), None)
    shown = NONE
    if owner is not None:
        group = str(owner.get("apiVersion", "")).rpartition("/")[0]
        kind = str(owner.get("kind", "")).lower()
        shown = f"{kind}.{group}/{owner.get('name')}" if group else f"{kind}/{owner.get('name')}"
    return [name(obj), shown, obj.get("revision", 0), age(obj, now)]


def _daemon_set(obj: Obj, now: str) -> Cells:
    fields = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    template = part(obj, "spec", "template")
    return [
        name(obj),
        *(number(obj, "status", field) for field in fields),
        labels_text(part(template or {}, "spec", "nodeSelector")),
        age(obj, now),
        *containers_text(template),
        selector_text(part(obj, "spec", "selector")) or NONE,
    ]


def _ready(obj: Obj) -> str:
    return f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}"


def _deployment(obj: Obj, now: str) -> Cells:
    return [
        name(obj),
        _ready(obj),
        number(obj, "status", "updatedReplicas"),
        number(obj, "status", "availableReplicas"),
        age(obj, now),
        *containers_text(part(obj, "spec", "template")),
        selector_text(part(obj, "spec", "selector")),
    ]


def _replica_set(obj: Obj, now: str) -> Cells:
    return [
        name(obj),
        number(obj, "spec", "replicas"),
        number(obj, "status", "replicas"),
        number(obj, "status", "readyReplicas"),
        age(obj, now),
        *containers_text(part(obj, "spec", "template")),
        selector_text(part(obj, "spec", "selector")) or NONE,
    ]


def _stateful_set(obj: Obj, now: str) -> Cells:
    return [name(obj), _ready(obj), age(obj, now), *containers_text(part(obj, "spec", "template"))]


def _cron_job(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    last = part(obj, "status", "lastScheduleTime")
    suspend = spec.get("suspend")
    return [
        name(obj),
        spec.get("schedule", ""),
        spec.get("timeZone", NONE),
        UNSET if suspend is None else str(bool(suspend)),
        len(part(obj, "status", "active") or ()),
        since(last, now) if last else NONE,
        age(obj, now),
        *containers_text(part(spec, "jobTemplate", "spec", "template")),
        selector_text(part(spec, "jobTemplate", "spec", "selector")) or NONE,
    ]


def _job_word(obj: Obj) -> str:
    def has(kind: str) -> bool:
        return (condition(part(obj, "status", "conditions"), kind) or {}).get("status") == "True"

    if has("Complete"):
        return "Complete"
    if has("Failed"):
        return "Failed"
    if meta(obj).get("deletionTimestamp"):
        return "Terminating"
    return next((kind for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if has(kind)), "Running")


def _completions(obj: Obj) -> str:
    done, wanted = number(obj, "status", "succeeded"), part(obj, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallel = number(obj, "spec", "parallelism")
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job(obj: Obj, now: str) -> Cells:
    start, end = part(obj, "status", "startTime"), part(obj, "status", "completionTime")
    length = human_duration((moment(end or now) - moment(start)).total_seconds()) if start else ""
    return [
        name(obj),
        _job_word(obj),
        _completions(obj),
        length,
        age(obj, now),
        *containers_text(part(obj, "spec", "template")),
        selector_text(part(obj, "spec", "selector")) or NONE,
    ]


def _metric(spec: dict[str, Any], status: dict[str, Any]) -> str:
    kind = str(spec.get("type", ""))
    key = kind[:1].lower() + kind[1:]
    source = spec.get(key)
    if source is None or kind not in ("External", "Pods", "Object", "Resource", "ContainerResource"):
        return "<unknown type>"
    target, current = source.get("target") or {}, (status.get(key) or {}).get("current") or {}
    if kind in ("Resource", "ContainerResource"):
        if "averageValue" in target:
            return f"{source.get('name')}: {current.get('averageValue', UNKNOWN)}/{target['averageValue']}"
        seen = f"{current['averageUtilization']}%" if "averageUtilization" in current else UNKNOWN
        wanted = f"{target['averageUtilization']}%" if "averageUtilization" in target else "<auto>"
        return f"{source.get('name')}: {seen}/{wanted}"
    if kind == "Pods" or "averageValue" in target:
        shown = f"{current.get('averageValue', UNKNOWN)}/{target.get('averageValue', '0')}"
        return shown if kind == "Pods" else f"{shown} (avg)"
    return f"{current.get('value', UNKNOWN)}/{target.get('value', '0')}"


def _autoscaler(obj: Obj, now: str) -> Cells:
    scaler = hpa_v1_to_v2(obj) if obj.get("apiVersion") == "autoscaling/v1" else obj
    spec = scaler.get("spec") or {}
    specs, statuses = spec.get("metrics") or (), part(scaler, "status", "currentMetrics") or ()
    shown = [_metric(one, statuses[index] if index < len(statuses) else {}) for index, one in enumerate(specs)]
    metrics = ", ".join(shown[:2]) + (f" + {len(shown) - 2} more..." if len(shown) > 2 else "")
    target = spec.get("scaleTargetRef") or {}
    return [
        name(scaler),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        metrics or NONE,
        str(spec["minReplicas"]) if spec.get("minReplicas") is not None else UNSET,
        number(scaler, "spec", "maxReplicas"),
        number(scaler, "status", "currentReplicas"),
        age(scaler, now),
    ]


def _budget(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    return [
        name(obj),
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        number(obj, "status", "disruptionsAllowed"),
        age(obj, now),
    ]


_HPA = "autoscaling.v2.HorizontalPodAutoscaler"
PRINTERS: dict[tuple[str, str], Printer] = {
    ("apps", "ControllerRevision"): (
        (
            NAME,
            col("Controller", "Controller of the object"),
            col("Revision", "=apps.v1.ControllerRevision.revision"),
            AGE,
        ),
        _revision,
    ),
    ("apps", "DaemonSet"): (
        (
            NAME,
            col("Desired", "=apps.v1.DaemonSetStatus.desiredNumberScheduled", "integer"),
            col("Current", "=apps.v1.DaemonSetStatus.currentNumberScheduled", "integer"),
            col("Ready", "=apps.v1.DaemonSetStatus.numberReady", "integer"),
            col("Up-to-date", "=apps.v1.DaemonSetStatus.updatedNumberScheduled", "integer"),
            col("Available", "=apps.v1.DaemonSetStatus.numberAvailable", "integer"),
            col("Node Selector", "=core.v1.PodSpec.nodeSelector"),
            AGE,
            CONTAINERS,
            IMAGES,
            col("Selector", "=apps.v1.DaemonSetSpec.selector", wide=True),
        ),
        _daemon_set,
    ),
    ("apps", "Deployment"): (
        (
            NAME,
            col("Ready", "Number of the pod with ready state"),
            col("Up-to-date", "=apps.v1.DeploymentStatus.updatedReplicas"),
            col("Available", "=apps.v1.DeploymentStatus.availableReplicas"),
            AGE,
            CONTAINERS,
            IMAGES,
            col("Selector", "=apps.v1.DeploymentSpec.selector", wide=True),
        ),
        _deployment,
    ),
    ("apps", "ReplicaSet"): (
        (
            NAME,
            col("Desired", "=apps.v1.ReplicaSetSpec.replicas", "integer"),
            col("Current", "=apps.v1.ReplicaSetStatus.replicas", "integer"),
            col("Ready", "=apps.v1.ReplicaSetStatus.readyReplicas", "integer"),
            AGE,
            CONTAINERS,
            IMAGES,
            col("Selector", "=apps.v1.ReplicaSetSpec.selector", wide=True),
        ),
        _replica_set,
    ),
    ("apps", "StatefulSet"): (
        (NAME, col("Ready", "Number of the pod with ready state"), AGE, CONTAINERS, IMAGES),
        _stateful_set,
    ),
    ("batch", "CronJob"): (
        (
            NAME,
            col("Schedule", "=batch.v1.CronJobSpec.schedule"),
            col("Timezone", "=batch.v1.CronJobSpec.timeZone"),
            col("Suspend", "=batch.v1.CronJobSpec.suspend", "boolean"),
            col("Active", "=batch.v1.CronJobStatus.active", "integer"),
            col("Last Schedule", "=batch.v1.CronJobStatus.lastScheduleTime"),
            AGE,
            CONTAINERS,
            IMAGES,
            col("Selector", "=batch.v1.JobSpec.selector", wide=True),
        ),
        _cron_job,
    ),
    ("batch", "Job"): (
        (
            NAME,
            col("Status", "Status of the job."),
            col("Completions", "=batch.v1.JobStatus.succeeded"),
            col("Duration", "Time required to complete the job."),
            AGE,
            CONTAINERS,
            IMAGES,
            col("Selector", "=batch.v1.JobSpec.selector", wide=True),
        ),
        _job,
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        (
            NAME,
            col("Reference", f"={_HPA}Spec.scaleTargetRef"),
            col("Targets", f"={_HPA}Spec.metrics"),
            col("MinPods", f"={_HPA}Spec.minReplicas"),
            col("MaxPods", f"={_HPA}Spec.maxReplicas"),
            col("Replicas", f"={_HPA}Status.currentReplicas"),
            AGE,
        ),
        _autoscaler,
    ),
    ("policy", "PodDisruptionBudget"): (
        (
            NAME,
            col("Min Available", "The minimum number of pods that must be available."),
            col("Max Unavailable", "The maximum number of pods that may be unavailable."),
            col("Allowed Disruptions", "Calculated number of pods that may be disrupted at this time.", "integer"),
            AGE,
        ),
        _budget,
    ),
}
