"""Levels, versions, and what namespaces' labels mean."""

import pytest

from sampan.api.pod_security.carriers import BY_KIND, TEMPLATES, pod_at
from sampan.api.pod_security.levels import LATEST, LevelVersion, Policy, parse_level, parse_version, policy_of, stricter

P = "pod-security.kubernetes.io/"


@pytest.mark.parametrize(
    ("text", "version"),
    [("latest", LATEST), ("v1.0", 0), ("v1.8", 8), ("v1.99", 99)]
    + [(bad, None) for bad in ("v1.08", "1.24", "v1.24.0", "v2.1", "", "Latest", "v1.-1", "v1.", " v1.1", "v1.1\n")],
)
def test_versions(text: str, version: int | None) -> None:
    assert parse_version(text) == version


def test_levels() -> None:
    assert [parse_level(text) for text in ("privileged", "baseline", "restricted", "Restricted", "")] == [
        "privileged", "baseline", "restricted", None, None,
    ]  # fmt: skip
    assert stricter("restricted", "baseline")
    assert stricter("baseline", "privileged")
    assert not stricter("baseline", "baseline")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({}, "privileged:latest privileged:latest privileged:latest"),
        ({"other": "x"}, "privileged:latest privileged:latest privileged:latest"),
        ({"enforce": "baseline"}, "baseline:latest privileged:latest baseline:latest"),
        ({"enforce": "baseline", "enforce-version": "v1.5"}, "baseline:v1.5 privileged:latest baseline:v1.5"),
        (
            {"enforce": "baseline", "enforce-version": "v1.5", "warn-version": "v1.9"},
            "baseline:v1.5 privileged:latest baseline:v1.9",
        ),
        ({"enforce": "restricted", "warn": "privileged"}, "restricted:latest privileged:latest privileged:latest"),
        ({"enforce": "privileged"}, "privileged:latest privileged:latest privileged:latest"),
        ({"audit": "restricted", "audit-version": "v1.1"}, "privileged:latest restricted:v1.1 privileged:latest"),
        ({"warn-version": "v1.1"}, "privileged:latest privileged:latest privileged:v1.1"),
    ],
)
def test_policies(labels: dict[str, str], says: str) -> None:
    policy, errors = policy_of({f"{P}{key}": value for key, value in labels.items()}, Policy())
    assert " ".join(map(str, policy)) == says
    assert not errors


def test_bad_labels_fail_closed_for_enforce_and_open_for_the_others() -> None:
    labels = {f"{P}{mode}{kind}": "banana" for mode in ("enforce", "audit", "warn") for kind in ("", "-version")}
    policy, errors = policy_of(labels, Policy())
    assert " ".join(map(str, policy)) == "restricted:latest privileged:latest privileged:latest"
    assert [error.field for error in errors] == [f"metadata.labels[{label}]" for label in labels]
    assert errors[0].message == 'Invalid value: "banana": must be one of privileged, baseline, restricted'
    assert errors[1].message == 'Invalid value: "banana": must be "latest" or "v1.x"'
    assert policy_of({f"{P}enforce": "banana"}, Policy())[0].warn.level == "privileged", "warn does not follow an error"


def test_defaults_stay_where_labels_say_nothing() -> None:
    defaults = Policy(LevelVersion("baseline", 3), LevelVersion("restricted", 4), LevelVersion("restricted", 5))
    policy, _ = policy_of({f"{P}enforce": "restricted", f"{P}audit-version": "v1.9"}, defaults)
    assert " ".join(map(str, policy)) == "restricted:v1.3 restricted:v1.9 restricted:v1.5"
    assert policy_of({}, defaults)[0] is defaults


def test_same() -> None:
    assert LevelVersion("privileged", 3).same_as(LevelVersion())
    assert not LevelVersion("baseline", 3).same_as(LevelVersion())
    assert Policy().same_as(Policy(warn=LevelVersion("privileged", 3)))
    assert Policy().fully_privileged
    assert not Policy().same_as(Policy(warn=LevelVersion("baseline")))


def test_carriers() -> None:
    assert len(BY_KIND) == len(TEMPLATES) + 1 == 9
    assert pod_at({"metadata": {"name": "p"}, "spec": {"a": 1}}, ()) == ({"name": "p"}, {"a": 1})
    cron = {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"a": 1}}}}}}
    assert pod_at(cron, BY_KIND["batch", "CronJob"]) == ({}, {"a": 1})
    assert pod_at({"spec": {}}, BY_KIND["", "ReplicationController"]) is None
