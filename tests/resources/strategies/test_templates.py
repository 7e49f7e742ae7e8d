"""Warnings of workloads and of what changes in them; fields of disabled features in templates."""

from typing import Any

import pytest

from sampan.resources.strategies import workloads as of
from sampan.resources.strategies.rules import Rules

OLD_LABEL = 'nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'
NAME = (
    "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is "
    "recommended: [must not contain dots]"
)
HISTORY = "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
FRACTION = 'resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'


def _template(**spec: Any) -> dict[str, Any]:
    return {"template": {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}}


def _workload(generation: int = 1, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a.b", "generation": generation}, "spec": spec}


WISE, UNWISE = _template(), _template(nodeSelector={"beta.kubernetes.io/os": "x"})


@pytest.mark.parametrize(
    ("rules", "spec", "says"),
    [
        (of.DEPLOYMENTS, UNWISE, [NAME, f"spec.template.spec.{OLD_LABEL}"]),
        (of.REPLICA_SETS, WISE, [NAME]),
        (of.REPLICATION_CONTROLLERS, UNWISE, [NAME, f"spec.template.spec.{OLD_LABEL}"]),
        (of.DAEMON_SETS, UNWISE, [f"spec.template.spec.{OLD_LABEL}"]),
        (of.STATEFUL_SETS, {**WISE, "revisionHistoryLimit": -1}, [HISTORY]),
        (of.JOBS, UNWISE, [NAME, f"spec.template.spec.{OLD_LABEL}"]),
        (of.CRON_JOBS, {"jobTemplate": {"spec": UNWISE}}, [NAME, f"spec.jobTemplate.spec.template.spec.{OLD_LABEL}"]),
    ],
)
def test_new_workloads(rules: Rules, spec: dict[str, Any], says: list[str]) -> None:
    assert rules.warnings(_workload(**spec)) == says


@pytest.mark.parametrize("rules", [of.DEPLOYMENTS, of.REPLICA_SETS, of.STATEFUL_SETS, of.JOBS])
def test_updates_that_count(rules: Rules) -> None:
    same, changed = _workload(1, **UNWISE), _workload(2, **UNWISE)
    assert rules.update_warnings(same, _workload(1, **WISE)) == []
    assert rules.update_warnings(changed, _workload(1, **WISE)) == [f"spec.template.spec.{OLD_LABEL}"]


def test_controllers_are_warned_of_their_old_template() -> None:
    warned = of.REPLICATION_CONTROLLERS.update_warnings(_workload(2, **WISE), _workload(1, **UNWISE))
    assert warned == [f"spec.template.spec.{OLD_LABEL}"]


def test_claims_of_stateful_sets() -> None:
    claims = [{"spec": {"resources": {"requests": {"storage": "1500m"}}}}]
    made = _workload(**WISE, volumeClaimTemplates=claims)
    assert of.STATEFUL_SETS.warnings(made) == [f"spec.volumeClaimTemplates[0].{FRACTION}"]
    assert of.STATEFUL_SETS.update_warnings(made, made) == [f"spec.volumeClaimTemplates[0].Spec.{FRACTION}"]


def test_many_indexes_of_a_job() -> None:
    spec = {"completionMode": "Indexed", "completions": 100_001, "parallelism": 10_001, **WISE}
    assert of.JOBS.warnings(_workload(**spec))[1].startswith("spec: In Indexed Jobs with a number of completions")
    assert of.JOBS.warnings(_workload(**{**spec, "parallelism": 10_000})) == [NAME]


def test_zones_in_schedules() -> None:
    new = _workload(schedule="TZ=UTC * * * * *", jobTemplate={"spec": WISE})
    (warning,) = of.CRON_JOBS.update_warnings(new, new)
    assert warning.startswith("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead")


@pytest.mark.parametrize("rules", [of.DEPLOYMENTS, of.STATEFUL_SETS, of.DAEMON_SETS, of.REPLICATION_CONTROLLERS])
def test_fields_of_disabled_features_go(rules: Rules) -> None:
    container = {"name": "c", "image": "i", "lifecycle": {"stopSignal": "SIGTERM"}}
    given = _template(containers=[container], schedulingGroup={"podGroupName": "g"})
    for made in (rules.prepare_create(_workload(**given)), rules.prepare_update(_workload(**given), _workload(**WISE))):
        assert made["spec"]["template"]["spec"] == {"containers": [{"name": "c", "image": "i"}]}
