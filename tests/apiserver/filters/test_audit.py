"""What the audit log is told of whole requests: a server with a policy, and the events in a list."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sampan.api.json import Obj, dumps
from sampan.apiserver.app import App
from sampan.apiserver.audit.backend import AuditMetrics
from sampan.apiserver.audit.policy import read_policy
from sampan.apiserver.filters.audit import Audit
from sampan.net.http import Handler, Request, Response
from sampan.obs.metrics import Metrics

POLICY = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitManagedFields": True,
    "rules": [
        {"level": "None", "nonResourceURLs": ["/version"]},
        {"level": "None", "resources": [{"resources": ["events"]}]},
        {"level": "RequestResponse", "resources": [{"resources": ["configmaps"]}, {"group": "authorization.k8s.io"}]},
        {"level": "Metadata"},
    ],
}  # fmt: skip
MAPS = "/api/v1/namespaces/default/configmaps"


class World:
    """The server and what its log was told."""

    def __init__(self, served: App, token: str) -> None:
        self.events: list[Obj] = []
        self.broken = False
        policy, errors = read_policy(POLICY)
        assert errors == []
        clock, metrics = served.parts.clock, Metrics()
        counts = AuditMetrics(metrics)

        def audit(inner: Handler) -> Handler:
            return Audit(inner, policy, self, clock, random.Random(1), counts)

        self.app = App(replace(served.parts, audit=audit, metrics=metrics))
        self.headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "host": "x"}

    async def process(self, events: Sequence[Obj]) -> bool:
        """This is its own backend."""
        if self.broken:
            return False
        self.events.extend(events)
        return True

    async def close(self) -> None:
        """Nothing is held back."""

    async def ask(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Response:
        """Ask, with the administrator's token if no other is given."""
        content = dumps(body) if body is not None else b""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.app(Request(method, path, query, {**self.headers, **named}, content))

    def counts(self) -> dict[str, float]:
        """The metrics of audit."""
        lines = self.app.parts.metrics.text().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("apiserver_audit_"))
        return {name: float(value) for name, value in pairs}


@pytest.fixture
async def world(served: App, admin_token: str) -> World:
    return World(served, admin_token)


async def test_a_create_is_told_with_its_objects(world: World) -> None:
    answer = await world.ask("POST", MAPS, {"metadata": {"generateName": "a-"}, "data": {"x": "y"}}, user_agent="me")
    assert answer.status == 201
    received, done = world.events
    assert (received["stage"], done["stage"]) == ("RequestReceived", "ResponseComplete")
    assert received["auditID"] == done["auditID"] == dict(answer.headers)["Audit-Id"]
    assert done["objectRef"] == {"resource": "configmaps", "namespace": "default", "apiVersion": "v1"}
    assert done["requestObject"]["data"] == {"x": "y"}
    assert done["responseObject"]["metadata"]["name"].startswith("a-")
    assert "managedFields" not in done["responseObject"]["metadata"]
    assert done["responseStatus"] == {"metadata": {}, "code": 201}
    assert done["userAgent"] == "me"
    assert done["annotations"] == {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""}


async def test_a_refusal_is_told_as_a_status(world: World) -> None:
    await world.ask("GET", "/api/v1/namespaces/default/secrets/none")
    done = world.events[-1]
    assert done["level"] == "Metadata"
    assert done["responseStatus"] == {
        "metadata": {}, "status": "Failure", "message": 'secrets "none" not found', "reason": "NotFound",
        "details": {"name": "none", "kind": "secrets"}, "code": 404,
    }  # fmt: skip
    assert "responseObject" not in done


async def test_unknown_credentials_are_told_once(world: World) -> None:
    answer = await world.ask("GET", MAPS, authorization="Bearer wrong")
    assert answer.status == 401
    (only,) = world.events
    assert (only["stage"], only["user"], only["responseStatus"]["code"]) == ("ResponseStarted", {}, 401)


async def test_whoever_is_spoken_for_is_named(world: World) -> None:
    await world.ask("GET", MAPS, impersonate_user="bob")
    done = world.events[-1]
    assert done["impersonatedUser"] == {"username": "bob", "groups": ["system:authenticated"]}
    assert done["authenticationMetadata"] == {"impersonationConstraint": "impersonate:user-info"}
    assert done["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_a_watch_is_told_when_it_begins_and_when_it_ends(world: World) -> None:
    answer = await world.ask("GET", MAPS, query="watch=1&timeoutSeconds=1")
    assert [event["stage"] for event in world.events] == ["RequestReceived", "ResponseStarted"]
    assert answer.stream is not None
    close = getattr(answer.stream, "aclose", None)
    assert close is not None
    async for _ in answer.stream:
        break
    await close()
    assert world.events[-1]["stage"] == "ResponseComplete"


async def test_nothing_is_told_of_what_the_policy_leaves_out(world: World) -> None:
    assert (await world.ask("GET", "/version")).status == 200
    watch = await world.ask("GET", "/api/v1/events", query="watch=1&timeoutSeconds=1")
    assert watch.stream is not None
    await getattr(watch.stream, "aclose")()  # noqa: B009
    assert world.events == []


async def test_nothing_is_done_that_cannot_be_told(world: World) -> None:
    world.broken = True
    answer = await world.ask("POST", MAPS, {"metadata": {"name": "b"}}, query="a=<b>")
    assert answer.status == 500
    assert answer.body.decode() == f'Internal Server Error: "{MAPS}?a=&lt;b&gt;": failed to store audit event\n'
    world.broken = False
    assert (await world.ask("GET", f"{MAPS}/b")).status == 404
    assert world.counts()["apiserver_audit_requests_rejected_total"] == 1


async def test_what_breaks_the_server_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ValueError("out of order")

    monkeypatch.setattr(world.app.kit.registry, "entry", broken)
    assert (await world.ask("GET", MAPS)).status == 500
    assert [event["stage"] for event in world.events] == ["RequestReceived", "Panic"]
    assert world.events[-1]["responseStatus"] == {
        "metadata": {}, "status": "Failure", "message": "APIServer panic'd: ValueError: out of order",
        "reason": "InternalError", "code": 500,
    }  # fmt: skip


async def test_requests_and_events_are_counted(world: World) -> None:
    await world.ask("GET", MAPS)
    await world.ask("GET", "/version")
    await world.ask("GET", "/readyz")
    assert world.counts() == {
        "apiserver_audit_event_total": 4,
        'apiserver_audit_level_total{level="RequestResponse"}': 1,
        'apiserver_audit_level_total{level="None"}': 1,
        'apiserver_audit_level_total{level="Metadata"}': 1,
        "apiserver_audit_requests_rejected_total": 0,
    }


async def asked_and_answered(world: World) -> tuple[Any, Any]:
    """What the last event says was sent and answered."""
    done = world.events[-1]
    assert done["stage"] == "ResponseComplete"
    return done.get("requestObject"), done.get("responseObject")


async def test_only_what_was_decoded_was_asked(world: World) -> None:
    await world.ask("POST", MAPS, {"metadata": {"name": "c"}, "foo": 1}, query="fieldValidation=Strict")
    assert (await asked_and_answered(world))[0] is None
    await world.ask("PUT", MAPS, {"metadata": {"name": "c"}})
    asked, answered = await asked_and_answered(world)
    assert (asked, answered["code"], world.events[-1]["responseStatus"]["details"]) == (None, 405, {})


async def test_patches_are_told_as_they_were_sent(world: World) -> None:
    merge, apply = "application/merge-patch+json", "application/apply-patch+yaml"
    await world.ask("PATCH", f"{MAPS}/none", {"data": {"a": "b"}}, content_type=merge)
    assert (await asked_and_answered(world))[0] == {"data": {"a": "b"}}
    await world.ask("PATCH", f"{MAPS}/none", {}, content_type="application/json")
    assert (await asked_and_answered(world))[0] is None
    given = {**world.headers, "content-type": apply}
    await world.app(Request("PATCH", f"{MAPS}/d", "fieldManager=m", given, b"metadata:\n  name: d\n"))
    assert (await asked_and_answered(world))[0] == {"metadata": {"name": "d"}}
    await world.app(Request("PATCH", f"{MAPS}/d", "fieldManager=m", given, b"a: [\xff"))
    assert (await asked_and_answered(world))[0] is None


async def test_options_of_deletions_are_told_as_upstream_decodes_them(world: World) -> None:
    await world.ask("DELETE", f"{MAPS}/none", {"gracePeriodSeconds": 0, "foo": 1})
    assert (await asked_and_answered(world))[0] == {
        "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal", "gracePeriodSeconds": 0,
    }  # fmt: skip


async def test_answers_of_other_formats_are_told_as_json(world: World) -> None:
    await world.ask("POST", MAPS, {"metadata": {"name": "f"}, "data": {"a": "b"}})
    for accept in ("application/yaml", "application/vnd.kubernetes.protobuf"):
        await world.ask("GET", f"{MAPS}/f", accept=accept)
        _, answered = await asked_and_answered(world)
        assert (answered["kind"], answered["data"]) == ("ConfigMap", {"a": "b"})
        assert "managedFields" not in answered["metadata"]
    await world.ask("GET", f"{MAPS}/none", accept="application/yaml")
    assert world.events[-1]["responseStatus"]["reason"] == "NotFound"


async def test_what_takes_its_time_is_told_twice_even_when_it_is_refused(world: World) -> None:
    await world.ask("GET", "/api/v1/namespaces/default/pods/none/log")
    assert [event["stage"] for event in world.events] == ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    begun, done = world.events[1:]
    assert begun["responseStatus"] == done["responseStatus"]
    assert begun["responseStatus"]["reason"] == "NotFound"


async def test_questions_are_told_with_all_that_they_never_leave_out(world: World) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    attributes = {"verb": "get", "resource": "pods"}
    await world.ask("POST", path, {"spec": {"resourceAttributes": attributes}})
    asked, answered = await asked_and_answered(world)
    assert asked == {
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {},
        "spec": {"resourceAttributes": attributes}, "status": {"allowed": False},
    }  # fmt: skip
    assert answered["status"]["allowed"] is True


POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"


async def make_policy(world: World, spec: Obj, *actions: str) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    given = {"matchConstraints": {"resourceRules": [rule]}, **spec}
    assert (await world.ask("POST", f"{POLICIES}ies", {"metadata": {"name": "p"}, "spec": given})).status == 201
    binding = {"metadata": {"name": "b"}, "spec": {"policyName": "p", "validationActions": list(actions)}}
    assert (await world.ask("POST", f"{POLICIES}ybindings", binding)).status == 201


async def test_policies_write_annotations(world: World) -> None:
    await make_policy(
        world,
        {
            "validations": [
                {"expression": "true"},
                {"expression": "object.metadata.name != 'x'", "message": "<no> & é"},
                {"expression": "false", "message": "only the first is told"},
            ],
            "auditAnnotations": [
                {"key": "who", "valueExpression": "'  ' + request.userInfo.username + ' '"},
                {"key": "nothing", "valueExpression": "null"},
                {"key": "blank", "valueExpression": "' '"},
                {"key": "long", "valueExpression": "['é'].map(x, x + x + x + x + x + x + x + x)"
                 ".map(x, x + x + x + x + x + x + x + x).map(x, x + x + x + x + x + x + x + x)"
                 ".map(x, 'a' + x + x + x + x + x + x + x + x + x + x + x + x).join('')"},
            ],
        },
        "Deny", "Audit",
    )  # fmt: skip
    answer = await world.ask("POST", MAPS, {"metadata": {"name": "x"}})
    assert answer.status == 422
    notes = world.events[-1]["annotations"]
    assert notes["validation.policy.admission.k8s.io/validation_failure"] == (
        '[{"message":"\\u003cno\\u003e \\u0026 é","policy":"p","binding":"b","expressionIndex":1,'
        '"validationActions":["Deny","Audit"]}]'
    )
    assert {key: value for key, value in notes.items() if key.startswith("p/")} == {
        "p/who": "admin", "p/long": "a" + "é" * 5119 + "\ufffd",
    }  # fmt: skip


async def test_lists_in_protobuf_are_told_and_what_cannot_be_given_is_not(world: World) -> None:
    await world.ask("GET", MAPS, accept="application/vnd.kubernetes.protobuf")
    assert (await asked_and_answered(world))[1]["kind"] == "ConfigMapList"
    answer = await world.ask("GET", MAPS, accept="text/html")
    assert (answer.status, (await asked_and_answered(world))[1]) == (406, None)
    assert world.events[-1]["responseStatus"] == {"metadata": {}, "code": 406}
