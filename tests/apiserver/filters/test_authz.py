"""What a refusal says, and which field selectors the authorizer is told of."""

import pytest

from sampan.api.selectors import FieldRequirement, Requirement
from sampan.apiserver.context import UserInfo
from sampan.apiserver.filters.authz import refusal, selection_of
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.selected import Selected

JANE = UserInfo("jane")


@pytest.mark.parametrize(
    ("wanted", "why", "message"),
    [
        (Attributes("get", path="/metrics"), "", 'forbidden: User "jane" cannot get path "/metrics"'),
        (
            Attributes("list", "", "pods", namespace="ns"),
            "",
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "ns"',
        ),
        (
            Attributes("update", "apps", "deployments", "scale", "ns", "web"),
            "RBAC: x",
            'deployments.apps "web" is forbidden: User "jane" cannot update resource "deployments/scale" in API group '
            '"apps" in the namespace "ns": RBAC: x',
        ),
        (
            Attributes("create", "", "nodes"),
            "",
            'nodes is forbidden: User "jane" cannot create resource "nodes" in API group "" at the cluster scope',
        ),
    ],
)
def test_a_refusal_is_upstream_s(wanted: Attributes, why: str, message: str) -> None:
    error = refusal(JANE, wanted, why)
    assert (error.code, error.reason, error.message) == (403, "Forbidden", message)


def test_details_name_the_object() -> None:
    error = refusal(JANE, Attributes("get", "apps", "deployments", "", "ns", "web"), "")
    assert error.details == {"name": "web", "group": "apps", "kind": "deployments"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", Selected()),
        ("fieldSelector=spec.nodeName%3Dn1", Selected((FieldRequirement("spec.nodeName", False, "n1"),))),
        (
            "fieldSelector=a==b,c!=d&labelSelector=x+in+(y)&watch=1",
            Selected(
                (FieldRequirement("a", False, "b"), FieldRequirement("c", True, "d")),
                (Requirement("x", "in", ("y",)),),
            ),
        ),
        ("fieldSelector=nonsense&labelSelector=()", Selected(wrong=("fieldSelector", "labelSelector"))),
    ],
)
def test_selectors_are_told(query: str, told: Selected) -> None:
    assert selection_of(query) == told
