"""Admission policies over the API: refusals, warnings and changes, in a real API server's words; order and rights."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.api.errors import StatusError
from sampan.apiserver.app import App
from sampan.apiserver.context import UserInfo
from sampan.client.api import Api
from sampan.client.local import LocalTransport
from sampan.client.request import ApiRequest

Obj = dict[str, Any]
HERE = Path(__file__).parent
GROUP = "admissionregistration.k8s.io/v1"
MAPS = "/api/v1/namespaces/ns/configmaps"
MATCH = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}
    ]
}
DENIED = {
    "Validating": (
        "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'NAME' with binding 'NAME' denied request: "
    ),
    "Mutating": "policy 'NAME' with binding 'NAME' denied request: ",
}


def _cases(name: str) -> list[Any]:
    found = yaml.safe_load((HERE / f"{name}.yaml").read_text())
    return [pytest.param(case, id=str(index)) for index, case in enumerate(found)]


@pytest.fixture
async def api(served: App) -> Api:
    """A client of a whole server, with a namespace and two objects that policies may take as parameters."""
    made = Api(LocalTransport(served, UserInfo("admin", groups=("system:masters", "system:authenticated")), "tests"))
    await made.call("POST", "/api/v1/namespaces", {"metadata": {"name": "ns"}})
    for name, x in (("param", "9"), ("param2", "1")):
        params = {"metadata": {"name": name, "labels": {"role": "param"}}, "data": {"x": x}}
        await made.call("POST", MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **params})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await made.call("POST", "/api/v1/namespaces/ns/serviceaccounts", account)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    scaler = {"scaleTargetRef": target, "maxReplicas": 3}
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "hpa"},
        "spec": scaler,
    }
    await made.call("POST", "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers", hpa)
    return made


async def bind(api: Api, kind: str, name: str, spec: Obj, binding: Obj | None = None) -> None:
    """A policy that is in force in the namespace."""
    plural = f"/apis/{GROUP}/{kind.lower()}admissionpolic"
    policy = {"apiVersion": GROUP, "kind": f"{kind}AdmissionPolicy", "metadata": {"name": name}}
    more: Obj = {"reinvocationPolicy": "Never"} if kind == "Mutating" else {}
    await api.call("POST", f"{plural}ies", {**policy, "spec": {"matchConstraints": MATCH, **more, **spec}})
    given: Obj = {"validationActions": ["Deny"]} if kind == "Validating" else {}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "ns"}}
    given = {**given, "policyName": name, "matchResources": {"namespaceSelector": selector}, **(binding or {})}
    bound = {"apiVersion": GROUP, "kind": f"{kind}AdmissionPolicyBinding", "metadata": {"name": name}, "spec": given}
    await api.call("POST", f"{plural}ybindings", bound)


async def send(api: Api, obj: Obj | None = None) -> tuple[int, Obj, list[str]]:
    """Try to create an object: status, answer, warnings."""
    from sampan.api.json import dumps, loads

    meta = {"name": "x", "labels": {"p": "p"}}
    obj = obj or {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1", "b": "two"}}
    path = MAPS if obj["kind"] == "ConfigMap" else f"/api/v1/namespaces/ns/{obj['kind'].lower()}s"
    answer = await api.transport.send(ApiRequest("POST", path, {"dryRun": "All"}, dumps(obj)))
    warnings = [value for key, value in answer.headers.items() if key.lower() == "warning"]
    return answer.status, loads(answer.body), warnings


@pytest.mark.parametrize(
    ("kind", "case"),
    [pytest.param("Validating", *one.values, id=f"v{one.id}") for one in _cases("validating")]
    + [pytest.param("Mutating", *one.values, id=f"m{one.id}") for one in _cases("mutating")],
)
async def test_a_policy_decides_as_upstream_s_does(api: Api, kind: str, case: Obj) -> None:
    binding = yaml.safe_load(yaml.safe_dump(case.get("binding")).replace("$NS", "ns"))
    spec = {**case["spec"], **({"matchConstraints": case["match"]} if "match" in case else {})}
    await bind(api, kind, "NAME".lower(), spec, binding)
    status, answer, warnings = await send(api, case.get("obj"))
    if "message" in case:
        wanted = case["message"].replace("DENIED ", DENIED[kind], 1).replace("NAME", "name")
        assert answer.get("message") == wanted
    assert status == case.get("status", 201)
    for key, value in (case.get("made") or {}).items():
        assert answer[key] == value
    assert warnings == [text.replace("NAME", "name") for text in case.get("warnings", [])]


async def test_policies_mutate_in_order_of_name_and_again_when_they_want_to(api: Api) -> None:
    def apply(text: str) -> Obj:
        return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}}

    first = "Object{data: {'seen': string(size(object.data))}}"
    await bind(api, "Mutating", "a", {"mutations": [apply(first)], "reinvocationPolicy": "IfNeeded"})
    await bind(api, "Mutating", "b", {"mutations": [apply("Object{data: {'late': 'x'}}")]})
    _, answer, _ = await send(api)
    assert answer["data"] == {"a": "1", "b": "two", "late": "x", "seen": "4"}


async def test_mutation_comes_before_validation(api: Api) -> None:
    change = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/data/b'}]"}}
    await bind(api, "Mutating", "m", {"mutations": [change]})
    await bind(api, "Validating", "v", {"validations": [{"expression": "!('b' in object.data)"}]})
    status, answer, _ = await send(api)
    assert (status, answer["data"]) == (201, {"a": "1"})


async def test_what_is_unbound_or_deleted_judges_nothing(api: Api) -> None:
    await bind(api, "Validating", "v", {"validations": [{"expression": "false"}]})
    assert (await send(api))[0] == 422
    await api.call("DELETE", f"/apis/{GROUP}/validatingadmissionpolicybindings/v")
    assert (await send(api))[0] == 201


async def test_policies_are_never_asked_about_policies(api: Api) -> None:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "false"}]}
    await bind(api, "Validating", "v", spec, {"matchResources": {}})
    with pytest.raises(StatusError):
        await api.call("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    await api.call("DELETE", f"/apis/{GROUP}/validatingadmissionpolicies/v")


async def until_served(api: Api, path: str) -> None:
    """A custom kind is served as soon as its definition was seen."""
    async with asyncio.timeout(5):
        while (await api.transport.send(ApiRequest("GET", path))).status == 404:  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_custom_parameters(api: Api) -> None:
    schema = {"type": "object", "properties": {"most": {"type": "integer"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "limits", "kind": "Limit", "singular": "limit", "listKind": "LimitList"}
    crd = {"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    await api.call(
        "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {**kind, "metadata": {"name": "limits.example.com"}, "spec": crd},
    )  # fmt: skip
    limit = {"apiVersion": "example.com/v1", "kind": "Limit", "metadata": {"name": "one"}, "most": 1}
    await until_served(api, "/apis/example.com/v1/limits")
    await api.call("POST", "/apis/example.com/v1/limits", limit)
    spec = {
        "paramKind": {"apiVersion": "example.com/v1", "kind": "Limit"},
        "validations": [
            {"expression": "size(object.data) <= params.most", "messageExpression": "'most: ' + string(params.most)"}
        ],
    }
    await bind(api, "Validating", "v", spec, {"paramRef": {"name": "one", "parameterNotFoundAction": "Deny"}})
    status, answer, _ = await send(api)
    assert status == 422
    assert answer["message"].endswith("denied request: most: 1")


async def test_equivalent_versions_are_converted(api: Api) -> None:
    rule = {
        "apiGroups": ["autoscaling"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["horizontalpodautoscalers"],
    }  # fmt: skip
    expression = "object.apiVersion == 'autoscaling/v1' && request.requestKind.version == 'v1'"
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression, "messageExpression": "request.kind.version"}],
    }
    await bind(api, "Validating", "v", spec)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
    scaler = {"scaleTargetRef": target, "maxReplicas": 3}
    for version in ("v1", "v2"):
        hpa = {
            "apiVersion": f"autoscaling/{version}", "kind": "HorizontalPodAutoscaler", "metadata": {"name": version},
            "spec": scaler,
        }  # fmt: skip
        path = f"/apis/autoscaling/{version}/namespaces/ns/horizontalpodautoscalers"
        if version == "v1":
            await api.call("POST", path, hpa)
        else:
            with pytest.raises(StatusError, match=r"denied request: v1$"):
                await api.call("POST", path, hpa)


async def test_the_budget_of_an_expression(api: Api) -> None:
    many = "[1,2,3,4,5,6,7,8,9,10]"
    loop = f"{many}.all(a, {many}.all(b, {many}.all(c, {many}.all(d, {many}.all(e, {many}.all(f, a + b > 0))))))"
    await bind(api, "Validating", "v", {"validations": [{"expression": loop}]})
    _, answer, _ = await send(api)
    assert answer["message"].endswith("resulted in error: operation cancelled: actual cost limit exceeded")
