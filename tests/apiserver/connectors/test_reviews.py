"""Reviews and token requests over a whole server."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.apiserver.app import App
from sampan.net.http import Request

Obj = dict[str, Any]
AUTH, AUTHZ = "authentication.k8s.io", "authorization.k8s.io"


async def call(app: App, method: str, path: str, body: Obj | None = None, **headers: str) -> tuple[int, Obj]:
    sent = {"content-type": "application/json", "authorization": "Bearer admin-token"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await app(Request(method, path, "", sent, json.dumps(body).encode() if body is not None else b""))
    return answer.status, json.loads(answer.body)


async def post(app: App, group: str, plural: str, spec: Obj, namespace: str = "", **headers: str) -> tuple[int, Obj]:
    where = f"/namespaces/{namespace}" if namespace else ""
    return await call(app, "POST", f"/apis/{group}/v1{where}/{plural}", {"spec": spec}, **headers)


GET = {"verb": "get", "resource": "pods", "namespace": "default"}


async def test_a_local_review_is_about_its_namespace(served: App) -> None:
    code, answer = await post(
        served, AUTHZ, "localsubjectaccessreviews", {"user": "jane", "resourceAttributes": GET}, "default"
    )
    assert (code, answer["status"]) == (201, {"allowed": False})
    other = {**GET, "namespace": "kube-system"}
    code, answer = await post(
        served, AUTHZ, "localsubjectaccessreviews", {"user": "jane", "resourceAttributes": other}, "default"
    )
    assert code == 422
    assert "spec.resourceAttributes.namespace" in answer["message"]
    assert "must match metadata.namespace" in answer["message"]
    paths = {"user": "jane", "nonResourceAttributes": {"path": "/", "verb": "get"}}
    code, answer = await post(served, AUTHZ, "localsubjectaccessreviews", paths, "default")
    assert (code, "disallowed on this kind of request" in answer["message"]) == (422, True)


@pytest.mark.parametrize("selector", ["fieldSelector", "labelSelector"])
async def test_a_selector_says_something_once(served: App, selector: str) -> None:
    empty = {"user": "jane", "resourceAttributes": {**GET, selector: {}}}
    code, answer = await post(served, AUTHZ, "subjectaccessreviews", empty)
    assert code == 422
    assert f"spec.resourceAttributes.{selector}.requirements: Required value" in answer["message"]


async def test_what_somebody_may_do(served: App) -> None:
    code, answer = await post(
        served, AUTHZ, "selfsubjectrulesreviews", {"namespace": "default"}, impersonate_user="jane"
    )
    assert code == 201
    status = answer["status"]
    assert not status["incomplete"]
    assert {"verbs": ["create"], "apiGroups": [AUTH], "resources": ["selfsubjectreviews"]} in status["resourceRules"]
    assert any("/healthz" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    code, answer = await post(served, AUTHZ, "selfsubjectrulesreviews", {"namespace": "default"})
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in answer["status"]["resourceRules"]
    code, answer = await post(served, AUTHZ, "selfsubjectrulesreviews", {})
    assert (code, answer["message"]) == (400, "no namespace on request")


async def test_a_node_is_told_that_its_rules_are_not_all(served: App) -> None:
    headers = {"impersonate_user": "system:node:n", "impersonate_group": "system:nodes"}
    code, answer = await post(served, AUTHZ, "selfsubjectrulesreviews", {"namespace": "default"}, **headers)
    assert (code, answer["status"]["incomplete"]) == (201, True)
    assert "node authorizer" in answer["status"]["evaluationError"]


async def test_tokens_are_reviewed(served: App) -> None:
    await call(served, "POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"
    code, made = await call(served, "POST", path, {"spec": {"expirationSeconds": 600}})
    assert code == 201
    token = made["status"]["token"]
    code, answer = await post(served, AUTH, "tokenreviews", {"token": token})
    assert answer["status"]["user"]["username"] == "system:serviceaccount:default:robot"
    code, who = await call(served, "POST", f"/apis/{AUTH}/v1/selfsubjectreviews", {}, authorization=f"Bearer {token}")
    assert (code, who["status"]["userInfo"]["username"]) == (201, "system:serviceaccount:default:robot")
    code, answer = await post(served, AUTH, "tokenreviews", {"token": "admin-token"})
    assert answer["status"]["user"]["username"] == "admin"
    code, answer = await post(served, AUTH, "tokenreviews", {"token": "nonsense"})
    assert answer["status"] == {"user": {}, "error": "invalid bearer token"}
    await call(served, "DELETE", "/api/v1/namespaces/default/serviceaccounts/robot")
    code, answer = await post(served, AUTH, "tokenreviews", {"token": token})
    assert answer["status"]["error"] == "[invalid bearer token, service account token has been invalidated]"


@pytest.mark.parametrize(
    ("spec", "code", "why"),
    [
        ({"expirationSeconds": 599}, 422, "may not specify a duration less than 10 minutes"),
        ({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "gone"}}, 404, 'pods "gone" not found'),
        ({"boundObjectRef": {"apiVersion": "v1", "kind": "Service", "name": "x"}}, 400, "cannot bind token"),
    ],
)
async def test_token_requests_that_cannot_be(served: App, spec: Obj, code: int, why: str) -> None:
    await call(served, "POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "robot"}})
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"
    answered, answer = await call(served, "POST", path, {"spec": spec})
    assert answered == code
    assert why in answer["message"]


async def test_issuer_discovery(served: App) -> None:
    accept = {"accept": "application/jwk-set+json"}
    code, keys = await call(served, "GET", "/openid/v1/jwks", None, **accept)
    assert code == 200
    assert keys["keys"][0]["kty"] == "RSA"
    code, _ = await call(served, "GET", "/openid/v1/jwks", None, authorization="")
    assert code == 403


async def test_an_answer_is_no_row_of_a_table(served: App) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    code, answer = await post(
        served,
        AUTHZ,
        "selfsubjectaccessreviews",
        {"nonResourceAttributes": {"path": "/", "verb": "get"}},
        accept=accept,
    )
    assert (code, answer["reason"]) == (406, "NotAcceptable")
    assert answer["message"].startswith("only the following media types are accepted: application/json, ")


async def test_selectors_in_reviews(served: App) -> None:
    cases = yaml.safe_load(Path(__file__).with_name("selectors.yaml").read_text())
    for case in cases:
        asked = {"verb": "list", "resource": "pods", "namespace": "default", **case["asked"]}
        spec = {"user": "jane", "resourceAttributes": asked}
        code, answer = await post(served, AUTHZ, "subjectaccessreviews", spec)
        if "causes" in case:
            causes = [f"{one['field']}: {one['message']}" for one in answer["details"]["causes"]]
            assert (code, causes) == (422, case["causes"])
        else:
            assert (code, answer["status"].get("evaluationError", "")) == (201, case["error"]), case["asked"]
    assert len(cases) == 70


async def test_a_node_may_list_what_it_selects(served: App) -> None:
    wanted = [
        ({"rawSelector": "spec.nodeName=n1"}, True),
        ({"rawSelector": "spec.nodeName!=n1"}, False),
        ({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}, {"key": "x"}]}, True),
        ({"requirements": [{"key": "spec.nodeName", "operator": "NotIn", "values": ["n1"]}]}, False),
    ]
    for selector, allowed in wanted:
        asked = {"verb": "list", "resource": "pods", "fieldSelector": selector}
        spec = {"user": "system:node:n1", "groups": ["system:nodes"], "resourceAttributes": asked}
        _, answer = await post(served, AUTHZ, "subjectaccessreviews", spec)
        assert answer["status"]["allowed"] is allowed


async def test_metadata_of_reviews(served: App) -> None:
    spec = {"user": "jane", "resourceAttributes": GET}
    path = f"/apis/{AUTHZ}/v1"
    ours = {"uid": "x", "selfLink": "x", "creationTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 1}
    code, answer = await call(served, "POST", f"{path}/subjectaccessreviews", {"metadata": ours, "spec": spec})
    assert (code, [key for key in answer["metadata"] if key != "managedFields"]) == (201, [])
    where = f"{path}/namespaces/default/localsubjectaccessreviews"
    code, answer = await call(served, "POST", where, {"metadata": {"labels": {"a": "b"}, "name": "n"}, "spec": spec})
    assert code == 422
    assert 'Invalid value: {"name":"n","namespace":"default","labels":{"a":"b"},"managedFields":[' in answer["message"]
    code, answer = await call(served, "POST", where, {"metadata": {"namespace": "other"}, "spec": spec})
    text = "the namespace of the provided object does not match the namespace sent on the request"
    assert (code, answer["message"]) == (400, text)
    elsewhere = {"metadata": {"namespace": "x"}, "spec": spec}
    code, answer = await call(served, "POST", f"{path}/subjectaccessreviews", elsewhere)
    assert (code, "namespace" in answer["metadata"]) == (201, False)
    code, answer = await call(served, "POST", f"/apis/{AUTH}/v1/selfsubjectreviews", {"metadata": {"name": "n"}})
    assert (code, list(answer["metadata"])) == (201, ["creationTimestamp"])


async def test_reviews_that_are_not_served(served: App) -> None:
    old = {"apiVersion": f"{AUTHZ}/v1beta1", "kind": "SubjectAccessReview"}
    code, answer = await call(served, "POST", f"/apis/{AUTHZ}/v1/subjectaccessreviews", old)
    text = f"the API version in the data ({AUTHZ}/v1beta1) does not match the expected API version ({AUTHZ}/v1)"
    assert (code, answer["message"]) == (400, text)
    for path in (f"/apis/{AUTHZ}/v1/localsubjectaccessreviews", "/api/v1/bindings"):
        for method in ("GET", "POST", "DELETE"):
            assert (await call(served, method, path, {}))[0] == 404
