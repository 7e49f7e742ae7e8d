"""What the generic strategy does with status and metadata."""

from typing import Any

import pytest

from sampan.api.resource import Resource
from sampan.resources.build import builtin_resources

RESOURCES = {one.mapping.plural: one for one in builtin_resources("1.36")}
OLD: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {"a": "old"}, "managedFields": [1]},
    "spec": {"s": "old"},
    "status": {"phase": "old"},
}
NEW: dict[str, Any] = {
    "metadata": {"name": "x", "labels": {"a": "new"}, "annotations": {"b": "new"}, "managedFields": [2]},
    "spec": {"s": "new"},
    "status": {"phase": "new"},
}


def generic(plural: str) -> Resource:
    return RESOURCES[plural]


def test_creators_do_not_set_status() -> None:
    for plural, empty in (
        ("replicasets", {"replicas": 0}),
        ("servicecidrs", {}),
        ("volumeattachments", {"attached": False}),
    ):
        created = generic(plural).strategy.prepare_create(NEW)
        assert created["status"] == empty
        assert created["spec"] == NEW["spec"]


def test_nodes_come_with_their_status() -> None:
    assert generic("nodes").strategy.prepare_create(NEW)["status"] == NEW["status"]


def test_kinds_without_status_are_left_alone() -> None:
    assert generic("storageclasses").strategy.prepare_create(NEW) is NEW
    assert generic("storageclasses").strategy.prepare_update(NEW, OLD) is NEW


def test_updates_keep_status() -> None:
    updated = generic("servicecidrs").strategy.prepare_update(NEW, OLD)
    assert updated == {**NEW, "status": OLD["status"]}


@pytest.mark.parametrize("plural", ["servicecidrs", "volumeattachments", "resourceclaims"])
def test_status_updates_reset_the_rest(plural: str) -> None:
    updated = generic(plural).strategy.prepare_status(NEW, OLD)
    assert updated["spec"] == OLD["spec"]
    assert updated["status"] == NEW["status"]
    assert updated["metadata"] == {"name": "x", "labels": {"a": "old"}, "managedFields": [2]}


def test_some_status_updates_may_change_metadata() -> None:
    assert generic("replicationcontrollers").strategy.prepare_status(NEW, OLD)["metadata"] == NEW["metadata"]
    labels = generic("deployments").strategy.prepare_status(NEW, OLD)["metadata"]
    assert labels["labels"] == {"a": "old"}
    assert labels["annotations"] == {"b": "new"}


def test_containers_may_mount_what_claim_templates_make() -> None:
    mount = {"name": "data", "mountPath": "/data"}
    pod = {"containers": [{"name": "c", "image": "i", "volumeMounts": [mount]}]}
    labels = {"app": "db"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec = {
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    strategy = next(r for r in builtin_resources("1.37") if r.mapping.kind == "StatefulSet").strategy
    whole = strategy.default({"metadata": {"name": "db", "namespace": "n"}, "spec": spec})
    assert strategy.validate_create(whole) == []
    bare = {**whole, "spec": {k: v for k, v in whole["spec"].items() if k != "volumeClaimTemplates"}}
    assert [e.field for e in strategy.validate_create(bare)] == [
        "spec.template.spec.containers[0].volumeMounts[0].name"
    ]
