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
        {"level": "RequestResponse", "resources": [{"resources": ["configmaps"]}]},
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
