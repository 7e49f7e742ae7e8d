"""Adoption and release (upstream: controller_ref_manager_test)."""

from sampan.api.json import Obj
from sampan.api.names import GVK
from sampan.api.selectors import label_selector
from sampan.reconcile.owners import claim, reference_to
from sampan.reconcile.plan import Patch
from sampan.resources.kinds import PODS

KIND = GVK("apps", "v1", "ReplicaSet")
SELECTOR = label_selector({"matchLabels": {"app": "web"}})
OWNER: Obj = {"metadata": {"name": "web", "namespace": "default", "uid": "1"}}
GOING: Obj = {"metadata": {**OWNER["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
OTHER: Obj = {"metadata": {"name": "other", "namespace": "default", "uid": "2"}}


def pod(name: str, app: str, *owners: Obj, **meta: str) -> Obj:
    data: Obj = {"name": name, "namespace": "default", "uid": name, "labels": {"app": app}, **meta}
    return {"metadata": {**data, **({"ownerReferences": list(owners)} if owners else {})}}


def claimed(owner: Obj, *pods: Obj) -> tuple[list[str], list[tuple[str, list[Obj]]]]:
    """Names of what it has, and the references that it writes."""
    found = claim(owner, KIND, SELECTOR, PODS, pods)
    patches = []
    for action in found.actions:
        assert isinstance(action, Patch)
        assert action.missing_ok
        assert action.patch["metadata"]["uid"] == action.ref.name, "only that very object"
        patches.append((action.ref.name, action.patch["metadata"]["ownerReferences"]))
    return [one["metadata"]["name"] for one in found.objects], patches


def test_its_own_are_kept_without_a_write() -> None:
    assert claimed(OWNER, pod("a", "web", reference_to(OWNER, KIND))) == (["a"], [])


def test_matching_orphans_are_adopted_beside_other_owners() -> None:
    friend = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "9"}
    assert claimed(OWNER, pod("a", "web", friend)) == (["a"], [("a", [friend, reference_to(OWNER, KIND)])])


def test_what_matches_no_more_is_released_but_for_other_owners() -> None:
    friend = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "9"}
    assert claimed(OWNER, pod("a", "db", reference_to(OWNER, KIND), friend)) == ([], [("a", [friend])])


def test_strangers_and_foreign_pods_are_left_alone() -> None:
    assert claimed(OWNER, pod("a", "web", reference_to(OTHER, KIND)), pod("b", "db")) == ([], [])


def test_orphans_that_go_are_not_adopted() -> None:
    assert claimed(OWNER, pod("a", "web", deletionTimestamp="2026-01-01T00:00:00Z")) == ([], [])


def test_an_owner_that_goes_neither_adopts_nor_releases() -> None:
    mine = reference_to(GOING, KIND)
    assert claimed(GOING, pod("a", "web"), pod("b", "db", mine), pod("c", "web", mine)) == (["c"], [])


def test_a_reference_is_a_controllers() -> None:
    assert reference_to(OWNER, KIND) == {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1",
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
