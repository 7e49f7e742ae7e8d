"""Trails: what the events of a request say of its answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sampan.api.json import dumps
from sampan.apiserver.audit import trail
from sampan.apiserver.audit.policy import read_policy
from sampan.apiserver.audit.trail import Trail
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.net.http import Request, Response

NOW = datetime(2026, 4, 1, tzinfo=UTC)
ASKED = RequestInfo(True, "delete", "/api/v1/namespaces/a/configmaps/b", "", "v1", "a", "configmaps", name="b")
DONE = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": {"name": "b"}}
LIST = {"kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "Status"}}]}


def event(level: str, answer: Any) -> dict[str, Any]:
    policy, errors = read_policy({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": level}]})
    assert errors == []
    made = Trail(Request("DELETE", ASKED.path, context={"info": ASKED}), "an-id", NOW, policy)
    made.begin(UserInfo("jane"))
    found = made.completed(Response(200, [("Content-Type", "application/json")], dumps(answer)), NOW)
    assert found is not None
    return found


@pytest.mark.parametrize("level", ["Metadata", "Request", "RequestResponse"])
def test_a_status_that_is_a_success_is_told_at_every_level(level: str) -> None:
    said = event(level, DONE)["responseStatus"]
    assert said == {"metadata": {}, "status": "Success", "details": {"name": "b"}, "code": 200}


def test_other_answers_are_read_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert event("RequestResponse", LIST)["responseObject"] == LIST

    def refuse(_: bytes) -> None:
        raise AssertionError("a list was parsed for its code")

    monkeypatch.setattr(trail, "loads", refuse)
    assert event("Metadata", LIST)["responseStatus"] == {"metadata": {}, "code": 200}
