"""Workload kinds: Deployment, ReplicaSet, StatefulSet, DaemonSet, ReplicationController, Job, CronJob."""

import re
from functools import partial
from typing import Any

from sampan.api.errors import bad_request
from sampan.api.json import Obj
from sampan.api.meta import annotations_of
from sampan.resources.strategies import templates as of
from sampan.resources.strategies.checks import Errors, meta_of, quoted, spec_of
from sampan.resources.strategies.pod_spec import template
from sampan.resources.strategies.rules import Rules, each, fill, fill_absent, metadata_again, within, without
from sampan.resources.validation.apps.daemon_set import check_daemon_set, check_daemon_set_update
from sampan.resources.validation.apps.deployment import (
    check_deployment,
    check_deployment_update,
    check_replica_set,
    check_replica_set_update,
)
from sampan.resources.validation.apps.revision import check_revision, check_revision_update
from sampan.resources.validation.apps.stateful_set import check_stateful_set, check_stateful_set_update
from sampan.resources.validation.apps.status import (
    check_daemon_set_status,
    check_deployment_status,
    check_replica_set_status,
    check_stateful_set_status,
)
from sampan.resources.validation.batch.cron_job import check_cron_job, check_cron_job_update
from sampan.resources.validation.batch.job import check_job, check_job_update
from sampan.resources.validation.batch.job_status import check_job_status
from sampan.resources.validation.core.controller import (
    check_controller,
    check_controller_status,
    check_controller_update,
)

HISTORY = 10


def _deployment(spec: Obj) -> Obj:
    spec = fill(template(spec), replicas=1, revisionHistoryLimit=HISTORY, progressDeadlineSeconds=600, strategy={})
    strategy = fill(spec["strategy"], type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = fill_absent(strategy.get("rollingUpdate") or {}, maxUnavailable="25%", maxSurge="25%")
        strategy = {**strategy, "rollingUpdate": rolling}
    return {**spec, "strategy": strategy}


def _replica_set(spec: Obj) -> Obj:
    return fill(template(spec), replicas=1)


def _daemon_set(spec: Obj) -> Obj:
    spec = fill(template(spec), revisionHistoryLimit=HISTORY, updateStrategy={})
    strategy = fill(spec["updateStrategy"], type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = fill_absent(strategy.get("rollingUpdate") or {}, maxUnavailable=1, maxSurge=0)
        strategy = {**strategy, "rollingUpdate": rolling}
    return {**spec, "updateStrategy": strategy}


INTEGER = re.compile("[+-]?[0-9]+")
GENERATION = "deprecated.daemonset.template.generation"


def _with_generation(obj: Obj, value: str) -> Obj:
    meta = obj.get("metadata") or {}
    return {**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), GENERATION: value}}}


def _template_generation(obj: Obj) -> int:
    return int(annotations_of(obj).get(GENERATION, "0"))


def _daemon_set_object(obj: Obj) -> Obj:
    """Raises StatusError if the annotation, which upstream takes for a field, holds no number."""
    made = within(obj, "spec", _daemon_set, absent={})
    text = annotations_of(made).get(GENERATION)
    if text is None:
        return _with_generation(made, "0" if meta_of(made).get("uid") else "1")
    if not INTEGER.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        why = "value out of range" if INTEGER.fullmatch(text) else "invalid syntax"
        problem = f"strconv.ParseInt: parsing {quoted(text)}: {why}"
        raise bad_request(f'DaemonSet in version "v1" cannot be handled as a DaemonSet: {problem}')
    return _with_generation(made, "1") if int(text) < 1 and not meta_of(made).get("uid") else made


def _daemon_set_update(new: Obj, old: Obj) -> Obj:
    """The generation of the template follows its changes, whatever the update says (daemonSetStrategy)."""
    new = of.drop_in_workload(new)
    changed = spec_of(new).get("template") != spec_of(old).get("template")
    return _with_generation(new, str(_template_generation(old) + changed))


CLAIM = {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}


def _claim_template(claim: Obj) -> Obj:
    claim = within({**claim, **CLAIM}, "spec", partial(fill_absent, volumeMode="Filesystem"), absent={})
    return within(claim, "status", partial(fill, phase="Pending"), absent={})


def _stateful_set(spec: Obj) -> Obj:
    spec = fill(template(spec), replicas=1, revisionHistoryLimit=HISTORY, podManagementPolicy="OrderedReady")
    strategy = spec.get("updateStrategy") or {}
    if not strategy.get("type"):
        strategy = {**strategy, "type": "RollingUpdate", "rollingUpdate": strategy.get("rollingUpdate") or {}}
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy = {**strategy, "rollingUpdate": fill(strategy["rollingUpdate"], partition=0)}
    retention = fill(spec.get("persistentVolumeClaimRetentionPolicy") or {}, whenDeleted="Retain", whenScaled="Retain")
    spec = {**spec, "updateStrategy": strategy, "persistentVolumeClaimRetentionPolicy": retention}
    if spec.get("volumeClaimTemplates"):
        spec = within(spec, "volumeClaimTemplates", partial(each, change=_claim_template))
    return spec


def _labels_from_template(obj: Obj, labels: Any) -> Obj:
    meta = obj.get("metadata") or {}
    return {**obj, "metadata": {**meta, "labels": labels}} if labels and not meta.get("labels") else obj


def _template_labels(obj: Obj) -> Any:
    return (((obj.get("spec") or {}).get("template") or {}).get("metadata") or {}).get("labels")


def _replication_controller(obj: Obj) -> Obj:
    labels = _template_labels(obj)
    spec = fill(template(obj.get("spec") or {}), replicas=1)
    if labels and not spec.get("selector"):
        spec = {**spec, "selector": labels}
    return _labels_from_template({**obj, "spec": spec}, labels)


def _patterns(spec: Obj) -> Obj:
    """Conditions of pods that failures are judged by are to be true, unless it is said what else."""
    rule = partial(within, key="onPodConditions", change=partial(each, change=partial(fill, status="True")))
    return within(spec, "podFailurePolicy", lambda policy: within(policy, "rules", partial(each, change=rule)))


def _job_spec(spec: Obj) -> Obj:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec = fill(spec, completions=1)
    spec = _patterns(spec)
    replacement = "Failed" if spec.get("podFailurePolicy") is not None else "TerminatingOrFailed"
    backoff = 2**31 - 1 if spec.get("backoffLimitPerIndex") is not None else 6
    return fill_absent(
        template(spec),
        parallelism=1,
        backoffLimit=backoff,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy=replacement,
        manualSelector=False,
    )


def _job(obj: Obj) -> Obj:
    return _labels_from_template({**obj, "spec": _job_spec(obj.get("spec") or {})}, _template_labels(obj))


CONTROLLER_UID, OLD_CONTROLLER_UID = "batch.kubernetes.io/controller-uid", "controller-uid"
JOB_NAME, OLD_JOB_NAME = "batch.kubernetes.io/job-name", "job-name"


def select_by_uid(obj: Obj) -> Obj:
    """A new Job's selector and template labels, made from its uid unless it manages its own (jobStrategy)."""
    spec, meta = obj.get("spec") or {}, obj.get("metadata") or {}
    if spec.get("manualSelector"):
        return obj
    uid, name = meta.get("uid", ""), meta.get("name", "")
    ours = {CONTROLLER_UID: uid, OLD_CONTROLLER_UID: uid, JOB_NAME: name, OLD_JOB_NAME: name}
    pods = spec.get("template") or {}
    pod_meta = pods.get("metadata") or {}
    labels = {**ours, **(pod_meta.get("labels") or {})}  # a client's own stay, for validation to refuse
    if pod_meta.get("labels") and meta.get("labels") is pod_meta["labels"]:  # one map, when they came by default
        obj = {**obj, "metadata": {**meta, "labels": labels}}
    selector = spec.get("selector") or {}
    match = {CONTROLLER_UID: uid, **(selector.get("matchLabels") or {})}
    spec = {
        **spec,
        "selector": {**selector, "matchLabels": match},
        "template": {**pods, "metadata": {**pod_meta, "labels": labels}},
    }
    return _labels_from_template({**obj, "spec": spec}, labels)  # upstream's default when it reads a stored Job


def _cron_job(spec: Obj) -> Obj:
    spec = fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    return within(spec, "jobTemplate", lambda t: within(t, "spec", lambda job: template(_patterns(job))))


def _spec_of(change: Any) -> Any:
    return lambda obj: within(obj, "spec", change, absent={})


DEPLOYMENTS = Rules(
    True,
    ("labels",),
    defaults=_spec_of(_deployment),
    on_create=of.drop_in_workload,
    on_update=of.drop_in_workload_update,
    check=check_deployment,
    check_change=check_deployment_update,
    check_status=check_deployment_status,
    warn=of.warn_workload,
    warn_update=of.if_changed(of.warn_template),
)
REPLICA_SETS = Rules(
    True,
    defaults=_spec_of(_replica_set),
    on_create=of.drop_in_workload,
    on_update=of.drop_in_workload_update,
    check=check_replica_set,
    check_change=check_replica_set_update,
    check_status=check_replica_set_status,
    warn=of.warn_workload,
    warn_update=of.if_changed(of.warn_template),
)


def _warn_daemon_set_update(new: Obj, old: Obj) -> list[str]:
    return [] if _template_generation(new) == _template_generation(old) else of.warn_template(new)


DAEMON_SETS = Rules(
    True,
    defaults=_daemon_set_object,
    on_create=of.drop_in_workload,
    on_update=_daemon_set_update,
    check=check_daemon_set,
    check_change=check_daemon_set_update,
    check_status=check_daemon_set_status,
    warn=of.warn_template,
    warn_update=_warn_daemon_set_update,
)


def _stateful_set_update(new: Obj, old: Obj) -> Obj:
    """Without maxUnavailable, whose gate is off, unless the old set has it."""
    rolling = (spec_of(old).get("updateStrategy") or {}).get("rollingUpdate") or {}
    if rolling.get("maxUnavailable") is None:
        drop = partial(within, key="rollingUpdate", change=lambda part: without(part, "maxUnavailable"))
        new = within(new, "spec", lambda spec: within(spec, "updateStrategy", drop))
    return of.drop_in_workload(new)


STATEFUL_SETS = Rules(
    True,
    defaults=_spec_of(_stateful_set),
    on_create=lambda obj: _stateful_set_update(obj, {}),
    on_update=_stateful_set_update,
    check=check_stateful_set,
    check_change=check_stateful_set_update,
    check_status=check_stateful_set_status,
    warn=of.warn_stateful_set,
    warn_update=of.warn_stateful_set_update,
)
REVISIONS = Rules(check=check_revision, check_change=check_revision_update)


def _change_controller(new: Obj, old: Obj) -> Errors:
    return metadata_again(new, old) + check_controller_update(new, old)


REPLICATION_CONTROLLERS = Rules(
    True,
    defaults=_replication_controller,
    on_create=of.drop_in_workload,
    on_update=of.drop_in_workload_update,
    warn=of.warn_workload,
    warn_update=of.warn_controller_update,
    check=check_controller,
    check_change=_change_controller,
    check_status=check_controller_status,
)


def _begin_job(obj: Obj) -> Obj:
    return select_by_uid(of.drop_in_workload(obj))


JOBS = Rules(
    True,
    defaults=_job,
    on_create=_begin_job,
    on_status=lambda new, old: _labels_from_template(new, _template_labels(new)),
    on_update=of.drop_in_workload_update,
    check=check_job,
    check_change=check_job_update,
    check_status=check_job_status,
    warn=of.warn_job,
    warn_update=of.warn_job_update,
)
CRON_JOBS = Rules(
    True,
    defaults=_spec_of(_cron_job),
    on_create=of.drop_in_cron_job,
    on_update=of.drop_in_cron_job_update,
    check=check_cron_job,
    check_change=check_cron_job_update,
    warn=of.warn_cron_job,
    warn_update=of.warn_cron_job_update,
)
