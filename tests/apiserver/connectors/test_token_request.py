"""TokenRequests: what is wrong with them, and what comes of them."""

import base64
import json
from typing import Any

import pytest

from sampan.apiserver.app import App
from sampan.apiserver.authn.service_accounts import ISSUER
from sampan.net.http import Request

Obj = dict[str, Any]
SHORT = "may not specify a duration less than 10 minutes"
LONG = "may not specify a duration larger than 2^32 seconds"
INVALID = 'TokenRequest.authentication.k8s.io "{}" is invalid: '
GONE = "The object might have been deleted and then recreated"


async def call(app: App, path: str, body: Obj) -> tuple[int, Obj]:
    sent = {"content-type": "application/json", "authorization": "Bearer admin-token"}
    request = Request("POST", f"/api/v1/namespaces/default/{path}", "", sent, json.dumps(body).encode())
    answer = await app(request)
    return answer.status, json.loads(answer.body)


async def made(app: App, plural: str, name: str, **more: Any) -> Obj:
    code, answer = await call(app, plural, {"metadata": {"name": name}, **more})
    assert code == 201
    return answer


def ref(kind: str, name: str, version: str = "v1", **more: str) -> Obj:
    return {"spec": {"boundObjectRef": {"kind": kind, "name": name, "apiVersion": version, **more}}}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"metadata": {"name": "b"}},
            422,
            INVALID.format("a") + 'metadata.name: Invalid value: "b": must match the service account name if specified',
        ),
        (
            {"metadata": {"namespace": "x"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {"uid": "x"}},
            409,
            'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "a": the UID in the token request (x) '
            "does not match the UID of the service account (UID)",
        ),
        (
            {"spec": {"expirationSeconds": 0}},
            422,
            INVALID.format("") + f"spec.expirationSeconds: Invalid value: 0: {SHORT}",
        ),
        (
            {"spec": {"expirationSeconds": 2**32 + 1}},
            422,
            INVALID.format("") + f"spec.expirationSeconds: Invalid value: {2**32 + 1}: {LONG}",
        ),
        (
            ref("Secret", "s", uid="x"),
            409,
            'Operation cannot be fulfilled on Secret "s": the UID in the bound object reference (x) does not match the '
            f"UID in record. {GONE}",
        ),
        (ref("Secret", "none"), 404, 'secrets "none" not found'),
        (ref("ConfigMap", "s"), 400, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (ref("Secret", "s", "apps/v1"), 400, "cannot bind token to object of type apps/v1, Kind=Secret"),
        ({"spec": {"boundObjectRef": {}}}, 400, "cannot bind token to object of type /, Kind="),
        (
            ref("Pod", "p"),
            400,
            'cannot bind token for serviceaccount "a" to pod running with different serviceaccount name.',
        ),
    ],
)
async def test_refusals(served: App, body: Obj, code: int, message: str) -> None:
    account = await made(served, "serviceaccounts", "a")
    await made(served, "secrets", "s")
    containers = [{"name": "c", "image": "i"}]
    await made(served, "serviceaccounts", "default")
    await made(served, "pods", "p", spec={"containers": containers, "serviceAccountName": "default"})
    found = await call(served, "serviceaccounts/a/token", body)
    assert (found[0], found[1]["message"]) == (code, message.replace("UID)", f"{account['metadata']['uid']})"))


async def test_a_token(served: App) -> None:
    account = await made(served, "serviceaccounts", "a")
    own = {"uid": account["metadata"]["uid"], "labels": {"x": "y"}}
    code, answer = await call(served, "serviceaccounts/a/token", {"metadata": own, "spec": {"expirationSeconds": 600}})
    assert code == 201
    meta = {key: answer["metadata"][key] for key in ("name", "namespace", "uid", "labels")}
    assert meta == {"name": "a", "namespace": "default", **own}
    assert answer["spec"] == {"audiences": [ISSUER], "expirationSeconds": 600, "boundObjectRef": None}
    payload = answer["status"]["token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["iat"] == 600
    assert claims["aud"] == [ISSUER]
    assert (await call(served, "serviceaccounts/none/token", {}))[1]["message"] == 'serviceaccounts "none" not found'
