"""Admission webhooks, asked over HTTPS."""

import base64
import json
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.names import ObjectRef, RestMapping
from sampan.apiserver.app import App
from sampan.client.api import Api
from sampan.net.http import Request, Response
from sampan.resources.kinds import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, SERVICES
from sampan.resources.kinds import MUTATINGWEBHOOKCONFIGURATIONS as MUTATING
from sampan.resources.kinds import VALIDATINGWEBHOOKCONFIGURATIONS as VALIDATING

Obj = dict[str, Any]
NAME = "one.hooks.example.com"
CREATES: Obj = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
EVERYTHING: Obj = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}


def hook(config: Obj, name: str = NAME, **more: Any) -> Obj:
    return {
        "name": name, "clientConfig": config, "rules": [CREATES], "sideEffects": "None",
        "admissionReviewVersions": ["v1", "v1beta1"], **more,
    }  # fmt: skip


def configuration(*hooks: Obj, name: str = "hooks") -> Obj:
    return {"metadata": {"name": name}, "webhooks": list(hooks)}


def config_map(name: str = "boat", **more: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "default", **more}, "data": {"sails": "2"}}


def reply(review: Obj, **response: Any) -> Obj:
    uid = review["request"]["uid"]
    return {
        "kind": "AdmissionReview", "apiVersion": review["apiVersion"],
        "response": {"uid": uid, "allowed": True, **response},
    }  # fmt: skip


def allow(review: Obj) -> Obj:
    return reply(review)


def patch(*operations: Obj) -> Any:
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return lambda review: reply(review, patch=text, patchType="JSONPatch")


def add(key: str, value: str = "yes") -> Any:
    return patch({"op": "add", "path": f"/data/{key}", "value": value})


async def refused(api: Api, obj: Obj | None = None) -> StatusError:
    with pytest.raises(StatusError) as caught:
        await api.create(CONFIGMAPS, obj or config_map())
    return caught.value


async def test_a_validating_webhook_is_asked_in_upstreams_form(api: Api, hook_server: Any) -> None:
    await api.create(VALIDATING, configuration(hook(hook_server.client_config("/a", allow))))
    await api.create(CONFIGMAPS, config_map())
    (asked,) = hook_server.asked
    uid = asked.pop("uid")
    assert len(uid) == 36
    meta = asked["object"].pop("metadata")
    assert (meta["name"], meta["namespace"]) == ("boat", "default")
    assert asked["options"].pop("kind") == "CreateOptions"
    assert asked == {
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "requestKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "requestResource": {"group": "", "version": "v1", "resource": "configmaps"},
        "name": "boat", "namespace": "default", "operation": "CREATE",
        "userInfo": {"username": "admin", "groups": ["system:masters"]},
        "object": {"kind": "ConfigMap", "apiVersion": "v1", "data": {"sails": "2"}},
        "oldObject": None, "dryRun": False, "options": asked["options"],
    }  # fmt: skip
    request = hook_server.requests[0]
    assert (request.query, request.headers["content-type"]) == ("timeout=10s", "application/json")


async def test_a_denial_has_the_webhooks_code_and_words(api: Api, hook_server: Any) -> None:
    status = {"code": 403, "reason": "Forbidden", "message": "too many sails", "details": {"kind": "boats"}}

    def deny(review: Obj) -> Obj:
        return reply(review, allowed=False, status=status)

    await api.create(VALIDATING, configuration(hook(hook_server.client_config("/a", deny))))
    error = await refused(api)
    assert error.message == f'admission webhook "{NAME}" denied the request: too many sails'
    assert (error.code, error.reason, error.details) == (403, "Forbidden", {"kind": "boats"})
    status.clear()
    error = await refused(api)
    assert (error.code, error.message) == (400, f'admission webhook "{NAME}" denied the request without explanation')


async def test_a_patch_changes_the_object_and_warnings_reach_the_client(
    hooked: App, api: Api, hook_server: Any
) -> None:
    def change(review: Obj) -> Obj:
        made: Obj = add("flag")(review)
        made["response"]["warnings"] = ["rough sea"]
        return made

    await api.create(MUTATING, configuration(hook(hook_server.client_config("/a", change))))
    body = json.dumps({"metadata": {"name": "boat"}, "data": {"sails": "2"}}).encode()
    headers = {"content-type": "application/json"}
    answer = await hooked(Request("POST", "/api/v1/namespaces/default/configmaps", "", headers, body))
    assert answer.status == 201
    assert json.loads(answer.body)["data"] == {"sails": "2", "flag": "yes"}
    assert ("Warning", '299 - "rough sea"') in answer.headers
    stored = await api.get(ObjectRef(CONFIGMAPS, "default", "boat"))
    assert stored["data"]["flag"] == "yes"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (b"hello", "failed to call webhook: couldn't get version/kind; json parse error: invalid character 'h' "),
        (b"{}", "received invalid webhook response: webhook response was absent"),
        (Response(500, [("content-type", "text/plain")], b"sunk"),
         'failed to call webhook: an error on the server ("sunk") has prevented the request from succeeding'),
        (Response(404, [], b""), "failed to call webhook: the server could not find the requested resource"),
        ({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": {"uid": "x", "allowed": True}},
         'received invalid webhook response: expected response.uid="'),
    ],
)  # fmt: skip
async def test_a_webhook_that_lies_is_a_failure(api: Api, hook_server: Any, made: Any, words: str) -> None:
    await api.create(VALIDATING, configuration(hook(hook_server.client_config("/a", lambda review: made))))
    error = await refused(api)
    assert (error.code, error.reason) == (500, "InternalError")
    assert error.message.startswith(f'Internal error occurred: failed calling webhook "{NAME}": {words}')


async def test_answers_of_another_kind_or_with_half_a_patch_are_failures(api: Api, hook_server: Any) -> None:
    def other(review: Obj) -> Obj:
        return {**reply(review), "kind": "Review"}

    def half(review: Obj) -> Obj:
        return reply(review, patch="W10=")

    await api.create(MUTATING, configuration(hook(hook_server.client_config("/a", other))))
    wanted = "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1, "
    assert wanted + "Kind=Review" in (await refused(api)).message
    hook_server.answers["/a"] = half
    assert "webhook returned response.patch but not response.patchType" in (await refused(api)).message


async def test_a_webhook_that_hangs_is_too_late(api: Api, hook_server: Any) -> None:
    config = hook_server.client_config("/a", lambda review: hook_server.hang)
    await api.create(MUTATING, configuration(hook(config, timeoutSeconds=1)))
    url = config["url"]
    assert (await refused(api)).message == (
        f'Internal error occurred: failed calling webhook "{NAME}": failed to call webhook: '
        f'Post "{url}?timeout=1s": context deadline exceeded'
    )


async def test_failures_that_are_to_be_ignored_are_counted(hooked: App, api: Api, hook_server: Any) -> None:
    config = hook_server.client_config("/a", lambda review: b"")
    refusing = {"url": "https://127.0.0.1:1/", "caBundle": hook_server.ca}
    ignored = hook(config, failurePolicy="Ignore")
    await api.create(MUTATING, configuration(ignored))
    await api.create(
        VALIDATING, configuration(ignored, hook(refusing, "two.hooks.example.com", failurePolicy="Ignore"))
    )
    await api.create(CONFIGMAPS, config_map())
    text = hooked.parts.metrics.text().decode()
    assert f'apiserver_admission_webhook_fail_open_count{{name="{NAME}",type="admit"}} 1.0' in text
    assert 'webhook_fail_open_count{name="two.hooks.example.com",type="validating"} 1.0' in text
    assert "# TYPE apiserver_admission_webhook_fail_open_count counter" in text
    await api.create(VALIDATING, configuration(hook(refusing), name="strict"))
    assert (await refused(api, config_map("other"))).message == (
        f'Internal error occurred: failed calling webhook "{NAME}": failed to call webhook: '
        'Post "https://127.0.0.1:1/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused'
    )
    text = hooked.parts.metrics.text().decode()
    labels = (f'name="{NAME}"', 'type="validating"', 'error_type="calling_webhook_error"', 'rejection_code="503"')
    (line,) = [one for one in text.splitlines() if one.startswith("apiserver_admission_webhook_rejection_count")]
    assert all(label in line for label in labels)
    assert line.endswith(" 1.0")
    assert 'apiserver_admission_webhook_admission_duration_seconds_count{name="' in text


async def test_a_webhook_is_asked_again_when_a_later_one_changed_something(api: Api, hook_server: Any) -> None:
    def count(review: Obj) -> Obj:
        seen = len(review["request"]["object"]["data"])
        made: Obj = add("seen", str(seen))(review)
        return made

    first = hook(hook_server.client_config("/a", count), reinvocationPolicy="IfNeeded")
    never = hook(hook_server.client_config("/n", allow), "never.hooks.example.com")
    later = hook(hook_server.client_config("/b", add("late")), "two.hooks.example.com")
    await api.create(MUTATING, configuration(first, never, later))
    made = await api.create(CONFIGMAPS, config_map())
    assert [request.path for request in hook_server.requests] == ["/a", "/n", "/b", "/a"]
    assert made["data"] == {"sails": "2", "seen": "3", "late": "yes"}


async def test_selectors_rules_and_scopes_choose_what_is_asked(api: Api, hook_server: Any) -> None:
    config = hook_server.client_config("/a", allow)
    await api.create(NAMESPACES, {"metadata": {"name": "sea", "labels": {"wet": "yes"}}})
    await api.create(
        VALIDATING,
        configuration(
            hook(config, namespaceSelector={"matchLabels": {"wet": "yes"}}, objectSelector={"matchLabels": {"a": "b"}}),
            hook(config, "cluster.hooks.example.com", rules=[{**EVERYTHING, "scope": "Cluster"}]),
        ),
    )
    await api.create(CONFIGMAPS, config_map(labels={"a": "b"}))
    await api.create(CONFIGMAPS, config_map(namespace="sea"))
    assert hook_server.asked == []
    await api.create(CONFIGMAPS, config_map("right", namespace="sea", labels={"a": "b"}))
    await api.create(NAMESPACES, {"metadata": {"name": "lake"}})
    assert [(one["name"], one.get("namespace")) for one in hook_server.asked] == [("right", "sea"), ("lake", "lake")]


async def test_no_webhook_is_asked_about_webhook_configurations(api: Api, hook_server: Any) -> None:
    deny = hook(hook_server.client_config("/a", lambda review: b""), rules=[EVERYTHING])
    for mapping in (MUTATING, VALIDATING):
        await api.create(mapping, configuration(deny))
    for mapping in (MUTATING, VALIDATING):
        await api.delete(ObjectRef(mapping, "", "hooks"))
    assert hook_server.asked == []
    await api.create(CONFIGMAPS, config_map())


async def test_updates_and_deletions_show_the_old_object(api: Api, hook_server: Any) -> None:
    rules = [{**CREATES, "operations": ["UPDATE", "DELETE"]}]
    await api.create(VALIDATING, configuration(hook(hook_server.client_config("/a", allow), rules=rules)))
    made = await api.create(CONFIGMAPS, config_map())
    await api.update(CONFIGMAPS, {**made, "data": {"sails": "3"}})
    await api.delete(ObjectRef(CONFIGMAPS, "default", "boat"))
    update, delete = hook_server.asked
    assert (update["oldObject"]["data"], update["object"]["data"]) == ({"sails": "2"}, {"sails": "3"})
    assert (delete["object"], delete["oldObject"]["data"]) == (None, {"sails": "3"})
    assert delete["options"]["kind"] == "DeleteOptions"


async def test_dry_runs_say_so_to_webhooks_without_side_effects(api: Api, hook_server: Any) -> None:
    await api.create(MUTATING, configuration(hook(hook_server.client_config("/a", add("flag")))))
    made = await api.create(CONFIGMAPS, config_map(), dry_run=True)
    assert made["data"]["flag"] == "yes"
    assert hook_server.asked[0]["dryRun"] is True
    with pytest.raises(StatusError, match="not found"):
        await api.get(ObjectRef(CONFIGMAPS, "default", "boat"))


async def test_an_equivalent_version_is_converted_there_and_back(api: Api, hook_server: Any) -> None:
    v1 = RestMapping("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True)
    rule = {**CREATES, "apiGroups": ["autoscaling"], "apiVersions": ["v2"], "resources": [v1.plural]}
    change = patch({"op": "replace", "path": "/spec/maxReplicas", "value": 7})
    await api.create(MUTATING, configuration(hook(hook_server.client_config("/a", change), rules=[rule])))
    await api.create(
        VALIDATING, configuration(hook(hook_server.client_config("/b", allow), rules=[rule], matchPolicy="Exact"))
    )
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "x", "apiVersion": "apps/v1"}, "maxReplicas": 3}
    made = await api.create(v1, {"metadata": {"name": "x", "namespace": "default"}, "spec": spec})
    (asked,) = hook_server.asked
    assert asked["object"]["apiVersion"] == "autoscaling/v2"
    assert (asked["kind"]["version"], asked["requestKind"]["version"]) == ("v2", "v1")
    assert (made["apiVersion"], made["spec"]["maxReplicas"]) == ("autoscaling/v1", 7)


async def test_the_scale_of_a_workload_is_shown_and_patched_as_a_scale(api: Api, hook_server: Any) -> None:
    rule = {"operations": ["UPDATE"], "apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments/scale"]}
    change = patch({"op": "replace", "path": "/spec/replicas", "value": 5})
    await api.create(MUTATING, configuration(hook(hook_server.client_config("/a", change), rules=[rule])))
    labels = {"app": "x"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    await api.create(DEPLOYMENTS, {"metadata": {"name": "x", "namespace": "default"}, "spec": spec})
    ref = ObjectRef(DEPLOYMENTS, "default", "x")
    await api.patch(ref, {"spec": {"replicas": 3}}, subresource="scale")
    (asked,) = hook_server.asked
    assert asked["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert (asked["subResource"], asked["object"]["spec"]["replicas"]) == ("scale", 3)
    assert asked["oldObject"]["spec"]["replicas"] == 1
    assert (await api.get(ref))["spec"]["replicas"] == 5


async def test_a_service_is_reached_at_its_endpoints(api: Api, hook_server: Any) -> None:
    await api.create(NAMESPACES, {"metadata": {"name": "hooks"}})
    hook_server.answers["/v"] = allow
    service = {"namespace": "hooks", "name": "hook", "path": "/v", "port": 8443}
    await api.create(VALIDATING, configuration(hook({"service": service, "caBundle": hook_server.ca})))
    words = 'Post "https://hook.hooks.svc:8443/v?timeout=10s": '
    assert (await refused(api)).message.endswith(words + 'service "hook" not found')
    ports = [{"name": "https", "port": 8443, "targetPort": hook_server.port}]
    await api.create(SERVICES, {"metadata": {"name": "hook", "namespace": "hooks"}, "spec": {"ports": ports}})
    assert (await refused(api)).message.endswith(words + 'no endpoints available for service "hook"')
    slices = RestMapping("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True)
    controller = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}  # it may use loopback
    meta = {"name": "hook-1", "namespace": "hooks", "labels": {"kubernetes.io/service-name": "hook", **controller}}
    endpoints = [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]
    ports = [{"name": "https", "port": hook_server.port, "protocol": "TCP"}]
    made = {"metadata": meta, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}
    await api.create(slices, made)
    await api.create(CONFIGMAPS, config_map())
    await api.create(CONFIGMAPS, config_map("two"))
    assert [request.headers["host"] for request in hook_server.requests] == ["hook.hooks.svc:8443"] * 2
    assert len(hook_server.connections) == 1


async def test_a_certificate_of_somebody_else_is_refused(api: Api, hook_server: Any) -> None:
    other = type(hook_server)()
    config = {**hook_server.client_config("/a", allow), "caBundle": other.ca}
    await api.create(VALIDATING, configuration(hook(config)))
    assert "tls: failed to verify certificate: x509: certificate signed by unknown authority" in (
        (await refused(api)).message
    )


async def test_old_reviews_are_spoken_too(api: Api, hook_server: Any) -> None:
    def old(review: Obj) -> Obj:
        assert review["apiVersion"] == "admission.k8s.io/v1beta1"
        made: Obj = add("flag")(review)
        return {"response": {key: value for key, value in made["response"].items() if key in ("allowed", "patch")}}

    config = hook_server.client_config("/a", old)
    await api.create(MUTATING, configuration(hook(config, admissionReviewVersions=["v1beta1"])))
    assert (await api.create(CONFIGMAPS, config_map()))["data"]["flag"] == "yes"


async def test_what_cannot_be_a_configuration_is_refused(api: Api) -> None:
    bad = hook({"url": "http://x"}, "short", rules=[{**CREATES, "resources": []}], matchConditions=[{
        "name": "x", "expression": "1"}], timeoutSeconds=31, sideEffects="Some")  # fmt: skip
    with pytest.raises(StatusError) as caught:
        await api.create(VALIDATING, configuration(bad))
    fields = [cause["field"].removeprefix("webhooks[0].") for cause in (caught.value.details or {})["causes"]]
    assert fields == [
        "name", "rules[0].resources", "sideEffects", "timeoutSeconds", "clientConfig.url",
        "matchConditions[0].expression",
    ]  # fmt: skip
