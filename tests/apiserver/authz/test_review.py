"""Questions as reviews: what servers outside and match conditions are told."""

import pytest

from sampan.api.selectors import FieldRequirement, Requirement
from sampan.apiserver.authz.expressions import Failed, condition, hold
from sampan.apiserver.authz.review import seen, spec_of
from sampan.apiserver.context import UserInfo
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.selected import Selected

JANE = UserInfo("jane", "7", ("dev",), {"k": ("v",)})
SELECTED = Selected(
    (FieldRequirement("a", False, "b"), FieldRequirement("c", True, "")),
    (
        Requirement("x", "=", ("y",)), Requirement("x", "notin", ("y", "z")), Requirement("p", "exists"),
        Requirement("q", "!"), Requirement("n", "gt", ("3",)),
    ),
)  # fmt: skip
LIST = Attributes("list", "apps", "deployments", namespace="ns", version="v1", selected=SELECTED)


def test_what_is_asked_of_others() -> None:
    assert spec_of(JANE, LIST) == {
        "user": "jane",
        "uid": "7",
        "groups": ["dev"],
        "extra": {"k": ["v"]},
        "resourceAttributes": {
            "verb": "list",
            "group": "apps",
            "version": "v1",
            "resource": "deployments",
            "namespace": "ns",
            "fieldSelector": {
                "requirements": [
                    {"key": "a", "operator": "In", "values": ["b"]},
                    {"key": "c", "operator": "NotIn", "values": [""]},
                ]
            },
            "labelSelector": {
                "requirements": [
                    {"key": "x", "operator": "In", "values": ["y"]},
                    {"key": "x", "operator": "NotIn", "values": ["y", "z"]},
                    {"key": "p", "operator": "Exists"},
                    {"key": "q", "operator": "DoesNotExist"},
                ]
            },
        },
    }
    assert spec_of(UserInfo("x"), Attributes("get", path="/healthz")) == {
        "user": "x", "nonResourceAttributes": {"path": "/healthz", "verb": "get"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("request.user == 'jane' && request.uid == '7' && 'dev' in request.groups", True),
        ("request.extra['k'] == ['v']", True),
        ("request.resourceAttributes.name == '' && request.resourceAttributes.subresource == ''", True),
        ("has(request.nonResourceAttributes)", False),
        ("request.resourceAttributes.fieldSelector.requirements.exists(r, r.key == 'c' && r.operator != 'In')", True),
        ("request.resourceAttributes.labelSelector.requirements.all(r, size(r.values) > 0)", False),
    ],
)
def test_what_conditions_see(source: str, holds: bool) -> None:
    assert hold([condition(source)], seen(spec_of(JANE, LIST))) is holds


def test_all_conditions_must_hold() -> None:
    request = seen(spec_of(UserInfo("jane"), Attributes("get", path="/x")))
    yes, no = condition("true"), condition("request.nonResourceAttributes.path == '/y'")
    wrong = condition("request.resourceAttributes.verb == 'get'")
    other = condition("request.extra['x'][0] == 'y'")
    assert hold([yes, yes], request)
    assert not hold([yes, wrong, no], request)
    with pytest.raises(Failed) as failed:
        hold([yes, wrong, other], request)
    assert str(failed.value) == (
        "[cel evaluation error: expression 'request.resourceAttributes.verb == 'get'' resulted in error: no such key: "
        "resourceAttributes, cel evaluation error: expression 'request.extra['x'][0] == 'y'' resulted in error: "
        "no such key: x]"
    )
