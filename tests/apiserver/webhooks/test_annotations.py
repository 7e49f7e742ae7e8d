"""What webhooks leave in the audit log; answers taken from a real API server."""

import base64
import json
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver.app import App
from sampan.apiserver.audit.policy import Wanted, read_policy
from sampan.apiserver.audit.trail import Trail
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.client.api import Api
from sampan.client.local import LocalTransport
from sampan.net.http import Request, Response
from sampan.resources.kinds import CONFIGMAPS
from sampan.resources.kinds import MUTATINGWEBHOOKCONFIGURATIONS as MUTATING
from sampan.resources.kinds import VALIDATINGWEBHOOKCONFIGURATIONS as VALIDATING
from sampan.testing.clock import START

RULE = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
MUTATION = "mutation.webhook.admission.k8s.io/"
PATCH = "patch.webhook.admission.k8s.io/"


class Noted:
    """A server with webhooks, and the annotations of the last request."""

    def __init__(self, hooked: App, server: Any) -> None:
        self._hooked, self.server = hooked, server
        self.notes: dict[str, str] = {}
        self.api = Api(LocalTransport(self.handle, UserInfo("admin", groups=("system:masters",)), "tests"))

    async def handle(self, request: Request) -> Response:
        policy, _ = read_policy({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]})
        trail = request.context["audit"] = Trail(request, "id", START, policy)
        response = await self._hooked(request)
        self.notes = trail.annotations
        return response

    def hook(self, name: str, path: str, *operations: Obj, **more: Any) -> Obj:
        response: Obj = {key: more.pop(key) for key in ("auditAnnotations", "allowed", "broken") if key in more}
        if operations:
            patch = base64.b64encode(json.dumps(operations).encode()).decode()
            response |= {"patch": patch, "patchType": "JSONPatch"}

        def answer(review: Obj) -> Any:
            if "broken" in response:
                return Response(500, [], b"oops")
            full = {"uid": review["request"]["uid"], "allowed": True, **response}
            return {"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": full}

        return {
            "name": name, "clientConfig": self.server.client_config(path, answer), "rules": [RULE],
            "sideEffects": "None", "admissionReviewVersions": ["v1"], **more,
        }  # fmt: skip

    async def configure(self, kind: Any, *hooks: Obj) -> None:
        await self.api.create(kind, {"metadata": {"name": "c"}, "webhooks": list(hooks)})

    async def create(self) -> dict[str, str]:
        await self.api.create(CONFIGMAPS, {"metadata": {"name": "x", "namespace": "default"}, "data": {"a": "b"}})
        return self.notes


@pytest.fixture
def noted(hooked: App, hook_server: Any) -> Noted:
    return Noted(hooked, hook_server)


def turn(name: str, mutated: bool) -> str:
    return json.dumps({"configuration": "c", "webhook": name, "mutated": mutated}, separators=(",", ":"))


SAME = {"op": "replace", "path": "/data/a", "value": "b"}
ADDED = {"value": "<v>", "path": "/data/p", "op": "add"}


async def test_what_a_webhook_says_itself(noted: Noted) -> None:
    given = {"who": "me <&>", "a/b": "no key", "bad key!": "no key"}
    await noted.configure(MUTATING, noted.hook("a.b.c", "/a", auditAnnotations=given))
    await noted.configure(VALIDATING, noted.hook("a.b.d", "/b", auditAnnotations=given))
    assert await noted.create() == {
        "a.b.c/who": "me <&>", "a.b.d/who": "me <&>", f"{MUTATION}round_0_index_0": turn("a.b.c", False),
    }  # fmt: skip


async def test_patches(noted: Noted) -> None:
    await noted.configure(MUTATING, noted.hook("a.b.c", "/a", ADDED), noted.hook("a.b.d", "/b"))
    assert await noted.create() == {
        f"{MUTATION}round_0_index_0": turn("a.b.c", True),
        f"{MUTATION}round_0_index_1": turn("a.b.d", False),
        f"{PATCH}round_0_index_0": '{"configuration":"c","webhook":"a.b.c","patch":[{"op":"add","path":"/data/p",'
        '"value":"\\u003cv\\u003e"}],"patchType":"JSONPatch"}',
    }


async def test_the_first_patch_changes_the_times_of_new_managers(noted: Noted) -> None:
    again = noted.hook("a.b.c", "/a", reinvocationPolicy="IfNeeded")
    await noted.configure(MUTATING, again, noted.hook("a.b.d", "/b", SAME), noted.hook("a.b.e", "/c", SAME))
    notes = await noted.create()
    assert {key: value for key, value in notes.items() if key.startswith(MUTATION)} == {
        f"{MUTATION}round_0_index_0": turn("a.b.c", False),
        f"{MUTATION}round_0_index_1": turn("a.b.d", True),
        f"{MUTATION}round_0_index_2": turn("a.b.e", False),
        f"{MUTATION}round_1_index_0": turn("a.b.c", False),
    }
    await noted.api.update(CONFIGMAPS, {"metadata": {"name": "x", "namespace": "default"}, "data": {"a": "b"}})
    assert noted.notes[f"{MUTATION}round_0_index_1"] == turn("a.b.d", False)


async def test_failures(noted: Noted) -> None:
    open_ = {"failurePolicy": "Ignore", "broken": True}
    await noted.configure(MUTATING, noted.hook("a.b.c", "/a", **open_))
    other = noted.hook("a.b.d", "/b")
    elsewhere = {**other, "name": "a.b.e", "rules": [{**RULE, "resources": ["services"]}]}
    await noted.configure(VALIDATING, elsewhere, other, noted.hook("a.b.f", "/c", **open_))
    assert await noted.create() == {
        f"{MUTATION}round_0_index_0": turn("a.b.c", False),
        f"failed-open.{MUTATION}round_0_index_0": "a.b.c",
        "failed-open.validating.webhook.admission.k8s.io/round_0_index_1": "a.b.f",
    }


async def test_refusals_say_so_too(noted: Noted) -> None:
    hook = noted.hook("a.b.c", "/a", allowed=False, auditAnnotations={"who": "me"})
    await noted.configure(MUTATING, hook)
    with pytest.raises(StatusError, match="denied the request"):
        await noted.create()
    assert noted.notes == {"a.b.c/who": "me", f"{MUTATION}round_0_index_0": turn("a.b.c", False)}


async def test_annotations_are_texts(noted: Noted) -> None:
    await noted.configure(MUTATING, noted.hook("a.b.c", "/a", auditAnnotations={"n": 1}))
    with pytest.raises(StatusError, match="cannot unmarshal number into Go struct field"):
        await noted.create()


def test_patches_are_told_where_requests_are() -> None:
    for level, keys in (("Metadata", ["x/y"]), ("Request", [f"{PATCH}round_0_index_0", "x/y"])):
        rules = [{"level": level}]
        policy, _ = read_policy({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules})
        info = RequestInfo(True, "create", "/", resource="configmaps")
        trail = Trail(Request("POST", "/", context={"info": info}), "id", START, policy)
        trail.begin(UserInfo("jane"))
        assert trail.wanted == Wanted(level)
        trail.annotations = {f"{PATCH}round_0_index_0": "p", "x/y": "z"}
        event = trail.received()
        assert event is not None
        assert list(event["annotations"]) == keys
