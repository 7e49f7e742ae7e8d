"""Protobuf over the API: what goes in as protobuf is what JSON says, what comes out is the same object."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.api.errors import StatusError
from sampan.api.names import GVK, RestMapping
from sampan.api.protobuf import envelope
from sampan.api.protobuf.messages import message_of_names
from sampan.api.protobuf.reader import read
from sampan.api.resource import Resource
from sampan.api.schema.nodes import Node
from sampan.apiserver.app import App
from sampan.apiserver.binary import PART
from sampan.apiserver.decoder import decode_body
from sampan.net.http import Request, Response
from sampan.resources.build import body_schema, builtin_resources
from sampan.resources.strategy import GenericStrategy

PROTOBUF = "application/vnd.kubernetes.protobuf"
ROOT = "/api/v1/namespaces/default"
PARTIAL = f"{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIALS = f"{PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
TABLE = f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}
Obj = dict[str, Any]


def packed(obj: Obj, **named: str) -> bytes:
    """A body. `named`: what its envelope says instead."""
    message = message_of_names(obj["apiVersion"], obj["kind"])
    return envelope.encode({**obj, **named}, message)


def unpacked(body: bytes) -> Obj:
    unknown = envelope.unwrap(body)
    message = message_of_names(unknown.api_version, unknown.kind)
    return {"kind": unknown.kind, "apiVersion": unknown.api_version, **envelope.decode(unknown, message)}


async def call(app: App, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
    path, _, query = target.partition("?")
    sent = {"content-type": PROTOBUF, "accept": PROTOBUF, "host": "h:1", **headers}
    return await app(Request(method, path, query, {k.replace("_", "-"): v for k, v in sent.items()}, body))


async def send(app: App, method: str, target: str, body: Obj | None = None, **headers: str) -> tuple[int, Obj]:
    """Protobuf in and out."""
    response = await call(app, method, target, packed(body) if body else b"", **headers)
    assert ("Content-Type", PROTOBUF) in response.headers, response
    return response.status, unpacked(response.body)


async def as_json(app: App, method: str, target: str, body: Obj | None = None) -> Obj:
    data = json.dumps(body).encode() if body else b""
    response = await call(app, method, target, data, accept="application/json", content_type="application/json")
    made: Obj = json.loads(response.body)
    return made


async def test_create_get_update_delete(app: App) -> None:
    status, made = await send(app, "POST", f"{ROOT}/configmaps", CONFIG_MAP)
    assert (status, made["data"]) == (201, {"a": "1"})
    stored = await as_json(app, "GET", f"{ROOT}/configmaps/x")
    assert stored == made
    assert (await send(app, "GET", f"{ROOT}/configmaps/x")) == (200, stored)
    status, changed = await send(app, "PUT", f"{ROOT}/configmaps/x", {**made, "data": {"a": "2"}})
    assert (status, changed["data"]) == (200, {"a": "2"})
    status, stale = await send(app, "PUT", f"{ROOT}/configmaps/x", {**made, "data": {"a": "3"}})
    assert (status, stale["kind"], stale["reason"], stale["code"]) == (409, "Status", "Conflict", 409)
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "other"}}
    assert (await send(app, "DELETE", f"{ROOT}/configmaps/x", options))[0] == 409
    options["preconditions"] = {"uid": stored["metadata"]["uid"]}
    status, gone = await send(app, "DELETE", f"{ROOT}/configmaps/x", options)
    assert (status, gone["kind"], gone["status"], gone["details"]["name"]) == (200, "Status", "Success", "x")
    status, missing = await send(app, "GET", f"{ROOT}/configmaps/x")
    assert (status, missing["message"]) == (404, 'configmaps "x" not found')


DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "image": "nginx",
                        "ports": [{"containerPort": 80}],
                        "resources": {"requests": {"cpu": "100m", "memory": "1024Ki"}},
                        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
                        "env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                    }
                ],
                "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1Gi"}}],
            },
        },
    },
}
CREATED: list[tuple[str, Obj]] = [
    ("/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT),
    (
        f"{ROOT}/secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"k": "AAE="},
            "stringData": {"t": "u"},
        },
    ),
    (
        f"{ROOT}/services",
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "v"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80, "targetPort": "http"}], "selector": {"app": "web"}},
        },
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "r"},
            "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
        },
    ),
    (
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "l"},
            "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2021-01-01T00:00:00.000001Z"},
        },
    ),
]


@pytest.mark.parametrize(("target", "body"), CREATED, ids=[body["kind"] for _, body in CREATED])
async def test_a_protobuf_body_makes_the_same_object_as_json(app: App, target: str, body: Obj) -> None:
    _, made = await send(app, "POST", f"{target}?dryRun=All", body)
    wanted = await as_json(app, "POST", f"{target}?dryRun=All", body)
    for one in (made, wanted):
        del one["metadata"]["uid"], one["metadata"]["creationTimestamp"]
        one["metadata"].pop("managedFields", None)
    assert {key: value for key, value in made.items() if value != {}} == without_nulls(wanted)


def without_nulls(value: Any) -> Any:
    """Protobuf has no nulls."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None and (v != {} or k != "status")}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


async def test_lists_and_deletecollection(app: App) -> None:
    for name in ("a", "b", "c"):
        await as_json(app, "POST", f"{ROOT}/configmaps", {**CONFIG_MAP, "metadata": {"name": name}})
    status, listed = await send(app, "GET", f"{ROOT}/configmaps?limit=2")
    wanted = await as_json(app, "GET", f"{ROOT}/configmaps?limit=2")
    assert (status, listed["kind"], listed) == (200, "ConfigMapList", wanted)
    assert listed["metadata"]["remainingItemCount"] == 1
    status, empty = await send(app, "GET", f"{ROOT}/secrets")
    assert (status, empty["kind"], empty.get("items")) == (200, "SecretList", None)
    status, gone = await send(app, "DELETE", f"{ROOT}/configmaps")
    assert (status, gone["kind"], len(gone["items"])) == (200, "ConfigMapList", 3)


async def test_a_long_list_lets_others_have_their_turn(app: App) -> None:
    for number in range(2 * PART + 1):
        await as_json(app, "POST", f"{ROOT}/configmaps", {**CONFIG_MAP, "metadata": {"name": f"c{number:03}"}})
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    meanwhile = asyncio.create_task(other())
    status, listed = await send(app, "GET", f"{ROOT}/configmaps")
    meanwhile.cancel()
    await asyncio.gather(meanwhile, return_exceptions=True)
    wanted = await as_json(app, "GET", f"{ROOT}/configmaps")
    assert (status, listed, len(listed["items"])) == (200, wanted, 2 * PART + 1)
    assert turns >= 1


async def test_metadata_alone(app: App) -> None:
    made = await as_json(app, "POST", f"{ROOT}/configmaps", CONFIG_MAP)
    status, one = await send(app, "GET", f"{ROOT}/configmaps/x", accept=PARTIAL)
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    assert (status, one) == (200, {**partial, "metadata": made["metadata"]})
    status, many = await send(app, "GET", f"{ROOT}/configmaps", accept=PARTIALS)
    assert (status, many["kind"]) == (200, "PartialObjectMetadataList")
    assert many["items"] == [{"metadata": made["metadata"]}]
    status, old = await send(app, "GET", f"{ROOT}/configmaps", accept=PARTIALS.replace("v=v1", "v=v1beta1"))
    assert (status, old["apiVersion"], old["items"]) == (200, "meta.k8s.io/v1beta1", many["items"])


async def test_tables_are_never_protobuf(app: App) -> None:
    response = await call(app, "GET", f"{ROOT}/configmaps", accept=f"{TABLE},application/json;q=0.5")
    assert json.loads(response.body)["kind"] == "ConfigMapList"
    refused = await call(app, "GET", f"{ROOT}/configmaps", accept=TABLE)
    assert (refused.status, json.loads(refused.body)["reason"]) == (406, "NotAcceptable")


async def frames(response: Response, count: int) -> list[tuple[str, Obj]]:
    """Events of a stream."""
    assert response.stream is not None
    found: list[tuple[str, Obj]] = []
    data = b""
    async with asyncio.timeout(5):
        async for chunk in response.stream:
            data += chunk
            while len(data) >= 4 and len(data) >= 4 + (size := int.from_bytes(data[:4], "big")):
                found.append(event(data[4 : 4 + size]))
                data = data[4 + size :]
            if len(found) >= count:
                break
    await close(response.stream)
    return found


def event(data: bytes) -> tuple[str, Obj]:
    """A WatchEvent, read by hand: type is field 1, the object field 1 of field 2."""
    assert data[0] == 0x0A
    kind, rest = data[2 : 2 + data[1]].decode(), data[2 + data[1] :]
    start = rest.index(envelope.PREFIX)
    return kind, unpacked(rest[start:])


async def close(stream: AsyncIterator[bytes]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_watch_is_frames(app: App) -> None:
    made = await as_json(app, "POST", f"{ROOT}/configmaps", CONFIG_MAP)
    query = "watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
    response = await call(app, "GET", f"{ROOT}/configmaps?{query}")
    assert ("Content-Type", f"{PROTOBUF};stream=watch") in response.headers
    changes = asyncio.create_task(frames(response, 4))
    await asyncio.sleep(0)
    changed = await as_json(app, "PUT", f"{ROOT}/configmaps/x", {**made, "data": {"a": "2"}})
    await as_json(app, "DELETE", f"{ROOT}/configmaps/x")
    found = await changes
    assert [kind for kind, _ in found] == ["ADDED", "BOOKMARK", "MODIFIED", "DELETED"]
    assert found[0][1] == made
    assert found[1][1]["kind"] == "ConfigMap"
    assert found[1][1]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert found[2][1] == changed


async def test_json_and_protobuf_watchers_see_the_same(app: App) -> None:
    made = await as_json(app, "POST", f"{ROOT}/configmaps", CONFIG_MAP)
    for _ in range(2):
        plain = await call(app, "GET", f"{ROOT}/configmaps?watch=true", accept="application/json")
        assert plain.stream is not None
        async for chunk in plain.stream:
            assert json.loads(chunk.splitlines()[0]) == {"type": "ADDED", "object": made}
            break
        await close(plain.stream)
        assert await frames(await call(app, "GET", f"{ROOT}/configmaps?watch=true"), 1) == [("ADDED", made)]
    response = await call(app, "GET", f"{ROOT}/configmaps?watch=true", accept=PARTIAL)
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}
    assert await frames(response, 1) == [("ADDED", partial)]


async def test_an_error_in_a_watch_is_a_frame(app: App) -> None:
    first = await as_json(app, "POST", f"{ROOT}/configmaps", CONFIG_MAP)
    await as_json(app, "DELETE", f"{ROOT}/configmaps/x")
    app.kit.store.compact(app.kit.store.revision)
    version = first["metadata"]["resourceVersion"]
    response = await call(app, "GET", f"{ROOT}/configmaps?watch=true&resourceVersion={version}")
    [(kind, status)] = await frames(response, 1)
    assert (kind, status["kind"], status["reason"], status["code"]) == ("ERROR", "Status", "Expired", 410)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)"),
        (
            b"{}",
            "the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a "
            "protobuf message, expected prefix [107 56 115 0] ({})",
        ),
        (b"k8s\x00", "the object provided is unrecognized (must be of type ConfigMap): empty body (6b387300)"),
        (
            b"k8s\x00\x0a" + b"\x7f" * 40,
            "the object provided is unrecognized (must be of type ConfigMap): unexpected EOF "
            f"(6b3873000a{'7f' * 25} ...)",
        ),
        (
            envelope.wrap("v1", "ConfigMap", b"\x0a\x05"),
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF',
        ),
        (
            envelope.wrap("v1", "Secret", b""),
            'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to '
            "(core.ConfigMap): unknown conversion",
        ),
        (
            envelope.wrap("v2", "ConfigMap", b""),
            'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version '
            '"v2" in scheme "pkg/api/legacyscheme/scheme.go:30"',
        ),
    ],
)
async def test_what_is_said_about_bad_bodies(app: App, body: bytes, message: str) -> None:
    response = await call(app, "POST", f"{ROOT}/configmaps", body)
    status = unpacked(response.body)
    assert (response.status, status["reason"], status["message"]) == (400, "BadRequest", message)


SENT = packed(DEPLOYMENT)


@settings(max_examples=300, deadline=None, database=None)
@given(st.integers(0, len(SENT) - 1), st.binary(max_size=3), st.integers(0, 4))
def test_whatever_the_bytes_the_answer_is_an_object_or_a_400(at: int, patch: bytes, cut: int) -> None:
    gvk, body = GVK("apps", "v1", "Deployment"), SENT[:at] + patch + SENT[at + cut :]
    try:
        decoded = decode_body(body, PROTOBUF, gvk, body_schema("1.36", gvk), "Strict")
    except StatusError as error:
        answer = error.to_status()
    else:
        answer = {"code": 400, "reason": "BadRequest"}
        assert json.loads(json.dumps(decoded.obj))["kind"] == "Deployment"
    assert (answer["code"], answer["reason"]) == (400, "BadRequest")


async def test_a_bad_value_is_told_as_for_json(app: App) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"overhead": {"cpu": "much"}}}
    status, answer = await send(app, "POST", f"{ROOT}/pods", pod)
    assert (status, answer["message"].partition(": ")[0]) == (400, 'Pod in version "v1" cannot be handled as a Pod')
    assert "quantities must match the regular expression" in answer["message"]


async def test_a_body_may_leave_out_what_it_is(app: App) -> None:
    response = await call(app, "POST", f"{ROOT}/configmaps", packed(CONFIG_MAP, kind="", apiVersion=""))
    assert (response.status, unpacked(response.body)["kind"]) == (201, "ConfigMap")


async def test_bodies_of_subresources(app: App) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await as_json(app, "POST", f"{ROOT}/pods", pod)
    target = {"kind": "Node", "name": "n", "apiVersion": "", "uid": ""}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p", "uid": ""}, "target": target}
    assert (await send(app, "POST", f"{ROOT}/pods/p/binding", binding))[0] == 201
    assert (await as_json(app, "GET", f"{ROOT}/pods/p"))["spec"]["nodeName"] == "n"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "", "uid": ""}}
    eviction["deleteOptions"] = {"gracePeriodSeconds": 0}
    assert (await send(app, "POST", f"{ROOT}/pods/p/eviction", eviction))[0] == 201
    assert (await send(app, "GET", f"{ROOT}/pods/p"))[0] == 404


async def test_scale(app: App) -> None:
    root = "/apis/apps/v1/namespaces/default/deployments"
    await as_json(app, "POST", root, DEPLOYMENT)
    status, scale = await send(app, "GET", f"{root}/web/scale")
    assert (status, scale["kind"], scale["spec"]) == (200, "Scale", {})
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    status, scaled = await send(app, "PUT", f"{root}/web/scale", {**scale, "spec": {"replicas": 3}})
    assert (status, scaled["spec"]) == (200, {"replicas": 3})


async def test_reviews_and_tokens(served: App) -> None:
    token = {"authorization": "Bearer admin-token"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
    }
    root = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    status, answer = await send(served, "POST", root, review, **token)
    assert (status, answer["status"]["allowed"]) == (201, True)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot"}}
    assert (await send(served, "POST", f"{ROOT}/serviceaccounts", account, **token))[0] == 201
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    status, made = await send(served, "POST", f"{ROOT}/serviceaccounts/bot/token", request, **token)
    assert (status, made["spec"]["expirationSeconds"]) == (201, 600)
    assert made["status"]["token"].count(".") == 2


async def test_a_patch_is_answered_in_protobuf_but_is_none(app: App) -> None:
    await as_json(app, "POST", f"{ROOT}/configmaps", CONFIG_MAP)
    merge = "application/merge-patch+json"
    response = await call(app, "PATCH", f"{ROOT}/configmaps/x", b'{"data":{"b":"2"}}', content_type=merge)
    assert (response.status, unpacked(response.body)["data"]) == (200, {"a": "1", "b": "2"})
    response = await call(app, "PATCH", f"{ROOT}/configmaps/x", packed(CONFIG_MAP))
    assert (response.status, unpacked(response.body)["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1"])
async def test_discovery(app: App, path: str) -> None:
    status, found = await send(app, "GET", path)
    wanted = await as_json(app, "GET", path)
    assert (status, found["kind"]) == (200, wanted["kind"])
    for key in ("groups", "resources", "versions", "preferredVersion", "serverAddressByClientCIDRs"):
        assert [*_named(found.get(key))] == [*_named(wanted.get(key))]
    if path == "/apis/apps/v1":
        assert found["resources"][0]["verbs"] == wanted["resources"][0]["verbs"]


def _named(value: Any) -> Any:
    for one in value if isinstance(value, list) else [value]:
        yield one.get("name", one) if isinstance(one, dict) else one


@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_aggregated_discovery(app: App, path: str) -> None:
    accept = f"{PROTOBUF};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    response = await call(app, "GET", path, accept=accept)
    assert ("Content-Type", accept) in response.headers
    plain = await call(app, "GET", path, accept=accept.replace(PROTOBUF, "application/json"))
    wanted = json.loads(plain.body)
    found = unpacked(response.body)
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    shown = [(one.get("version"), [r["resource"] for r in one["resources"]]) for one in found["items"][0]["versions"]]
    assert shown == [(v["version"], [r["resource"] for r in v["resources"]]) for v in wanted["items"][0]["versions"]]


async def test_the_version_is_json_only(app: App) -> None:
    response = await call(app, "GET", "/version", accept=f"{PROTOBUF},application/json")
    assert json.loads(response.body)["major"] == "1"
    status, refused = await send(app, "GET", "/version")
    assert (status, refused["message"]) == (406, "406: Not Acceptable\n\nAvailable representations: application/json")


def test_nothing_of_it_is_loaded_before_it_is_needed() -> None:
    code = "import sys, sampan.apiserver.app; print([m for m in sys.modules if m.startswith('sampan.api.protobuf')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def custom(app: App) -> str:
    """Where a custom resource is served."""
    mapping = RestMapping("apps.example.com", "v1", "Deployment", "deployments", True)
    schema = Node("object", preserve_unknown=True, resolve=lambda: {"metadata": Node("any"), "spec": Node("any")})
    known = next(one for one in builtin_resources("1.36") if one.mapping.plural == "configmaps")
    app.kit.live.put(
        Resource(mapping, "deployment", "DeploymentList", (), (), known.verbs, schema, GenericStrategy(), {})
    )
    return "/apis/apps.example.com/v1/namespaces/default/deployments"


async def test_custom_resources_are_no_protobuf(app: App, custom: str) -> None:
    body = {"apiVersion": "apps.example.com/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"a": 1}}
    made = await as_json(app, "POST", custom, body)
    assert made["metadata"]["name"] == "x", made
    for target in (custom, f"{custom}/x", f"{custom}?watch=true"):
        status, refused = await send(app, "GET", target)
        assert (status, refused["reason"]) == (406, "NotAcceptable")
        accepted = f"application/json, application/yaml, {PROTOBUF}"
        assert refused["message"] == f"only the following media types are accepted: {accepted}"
        both = await call(app, "GET", target, accept=f"{PROTOBUF},application/json")
        assert both.status == 200
        assert dict(both.headers)["Content-Type"] == "application/json"
        if both.stream is not None:
            await close(both.stream)
    status, one = await send(app, "GET", f"{custom}/x", accept=PARTIAL)
    assert (status, one["metadata"]["uid"]) == (200, made["metadata"]["uid"])
    wrapped = envelope.wrap("apps.example.com/v1", "Deployment", b"")
    response = await call(app, "POST", custom, wrapped, accept="application/json")
    answer = json.loads(response.body)
    assert (response.status, answer["message"]) == (
        400,
        'Deployment in version "v1" cannot be handled as a Deployment: object *unstructured.Unstructured does not '
        "implement the protobuf marshalling interface and cannot be encoded to a protobuf message",
    )


async def test_field_validation_does_not_know_protobuf(app: App) -> None:
    extra = envelope.wrap("v1", "ConfigMap", bytes.fromhex("0a030a0178fa3f0161"))
    response = await call(app, "POST", f"{ROOT}/configmaps?fieldValidation=Strict", extra)
    assert response.status == 201
    assert read("core.v1.ConfigMap", envelope.unwrap(response.body).raw)["metadata"]["name"] == "x"
    assert GVK("", "v1", "ConfigMap") in {one.gvk for one in app.kit.live.all()}
