"""No input breaks the server: requests made up from its own OpenAPI documents, and patches of random shape."""

import json
import random
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings

from sampan.apiserver.app import App
from sampan.net.http import Request, Response

GROUPS = ("api/v1", "apis/apps/v1", "apis/networking.k8s.io/v1", "apis/apiextensions.k8s.io/v1",
          "apis/authorization.k8s.io/v1")  # fmt: skip
CRASHED = b"Internal error occurred"
"""What is answered when our code raises what nobody expects; other answers with 500 are upstream's."""
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"a": "b"}, "finalizers": ["a/b", "c/d"]},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}], "args": ["x"]}],
                "tolerations": [{"key": "k", "operator": "Exists"}],
            },
        },
    },
}
PLACE = "/apis/apps/v1/namespaces/default/deployments"
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 1.5, "", "x", "1Ki", [], {}, [None], [[]], [{}], {"": None}, {"name": "x"}, ["a", "a"],
    {"$patch": "delete"}, {"$patch": 1}, [{"$patch": "replace"}], {"$retainKeys": [{}]},
)  # fmt: skip


async def send(app: App, method: str, path: str, query: str, body: tuple[str, bytes]) -> Response:
    headers = {"accept": "application/json", **({"content-type": body[0]} if body[0] else {})}
    response = await app(Request(method, path, query, headers, body[1]))
    if response.stream is not None:
        await response.stream.aclose()  # type: ignore[attr-defined]
    return response


def cases(operation: Any, many: int) -> list[Any]:
    """Requests for an operation, the same ones in every run."""
    found: list[Any] = []

    @seed(7)
    @settings(max_examples=many, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


def body_of(case: Any) -> tuple[str, bytes]:
    try:
        data = json.dumps(case.body).encode()
    except TypeError:  # no body
        return "", b""
    return ("application/json" if case.media_type in (None, "*/*") else case.media_type), data


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
async def test_requests_of_its_own_documents(app: App, group: str) -> None:
    document = json.loads((await send(app, "GET", f"/openapi/v3/{group}", "", ("", b""))).body)
    document["paths"] = {
        path: item for path, item in document["paths"].items() if "proxy" not in path and "/watch/" not in path
    }
    crashed = []
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        for case in cases(result.ok(), 3):
            query = {key: value for key, value in (case.query or {}).items() if key not in ("watch", "follow")}
            text = urlencode(query, doseq=True)
            answer = await send(app, case.method.upper(), case.formatted_path, text, body_of(case))
            if CRASHED in answer.body:
                crashed.append((case.method, case.formatted_path, answer.body))
    assert crashed == []


class Mutator:
    """Patches that look a little like an object."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def patch(self, value: Any) -> Any:
        if self._rng.random() < 0.1:
            return self._rng.choice(ODD)
        if isinstance(value, dict):
            return self._fields(value)
        if isinstance(value, list):
            items = [self.patch(item) for item in value]
            return items + ([self._rng.choice(ODD)] if self._rng.random() < 0.2 else [])
        return value

    def _fields(self, value: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, child in value.items():
            if self._rng.random() < 0.6:
                made[key] = self.patch(child)
            for directive in ("$setElementOrder", "$deleteFromPrimitiveList"):
                if isinstance(child, list) and self._rng.random() < 0.2:
                    made[f"{directive}/{key}"] = self._rng.choice((child, *ODD))
        for directive in ("$patch", "$retainKeys"):
            if self._rng.random() < 0.05:
                made[directive] = self._rng.choice(("delete", "replace", "merge", [*value], *ODD))
        return made

    def operations(self, value: Any) -> Any:
        """A JSON patch: some of its paths lead somewhere."""
        paths = ["", "/", "/spec/-", "/metadata/finalizers/-", "/~2", "a", "/metadata/finalizers/9", *_paths(value, "")]
        pick = self._rng.choice
        return [
            {"op": pick(("add", "remove", "replace", "move", "copy", "test", None)), "path": pick(paths),
             "from": pick(paths), **({"value": pick(ODD)} if self._rng.random() < 0.8 else {})}
            for _ in range(self._rng.randrange(1, 4))
        ]  # fmt: skip


def _paths(value: Any, at: str) -> list[str]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(one for key, child in pairs for one in _paths(child, f"{at}/{str(key).replace('/', '~1')}"))]


@pytest.mark.parametrize("kind", ["json-patch+json", "merge-patch+json", "strategic-merge-patch+json",
                                  "apply-patch+yaml"])  # fmt: skip
async def test_patches_of_any_shape(app: App, kind: str) -> None:
    made = await send(app, "POST", PLACE, "", ("application/json", json.dumps(DEPLOYMENT).encode()))
    assert made.status == 201
    mutator = Mutator(random.Random(7))
    statuses = set()
    for _ in range(400):
        change = mutator.operations(DEPLOYMENT) if kind.startswith("json") else mutator.patch(DEPLOYMENT)
        if kind.startswith("apply") and isinstance(change, dict):
            change |= {"apiVersion": "apps/v1", "kind": "Deployment"}
        body = (f"application/{kind}", json.dumps(change).encode())
        answer = await send(app, "PATCH", f"{PLACE}/d", "dryRun=All&fieldManager=m", body)
        assert CRASHED not in answer.body, change
        statuses.add(answer.status)
    assert 200 in statuses
    assert len(statuses) > 1


SELECTORS = ("a=b", "!a", "a in (b,c)", "a notin ()", "=", "a==", "metadata.name=x", "a=b,c=\\,", ",", "a>1", "(" * 500,
             "é=ü", "\\", "")  # fmt: skip
OPTIONS = ("limit", "timeoutSeconds", "resourceVersion", "resourceVersionMatch", "continue", "allowWatchBookmarks",
           "sendInitialEvents", "watch", "pretty", "shardSelector")  # fmt: skip
SETTINGS = ("", "0", "1", "-1", "x", "true", "false", "NotOlderThan", "Exact", "9" * 20, "AAAA", "1.5")


async def test_options_of_any_kind(app: App) -> None:
    rng = random.Random(7)
    for _ in range(400):
        query = {name: rng.choice(SETTINGS) for name in OPTIONS if rng.random() < 0.25}
        query |= {name: rng.choice(SELECTORS) for name in ("labelSelector", "fieldSelector") if rng.random() < 0.5}
        query.pop("resourceVersion", None) if query.get("resourceVersion", "").startswith("9") else None
        answer = await send(app, "GET", PLACE, urlencode(query), ("", b""))
        assert CRASHED not in answer.body, query
