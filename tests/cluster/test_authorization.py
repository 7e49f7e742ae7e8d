"""The chain of authorizers: by flags, by a file, and when the file changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan import Cluster
from sampan.aio.clock import RealClock
from sampan.api.names import RestMapping
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.objects import StoredObjects
from sampan.cluster.access_options import AuthorizationOptions
from sampan.cluster.authorization import Authorization
from sampan.cluster.config import ClusterError
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.obs.metrics import Metrics
from sampan.store.memory import MemoryStore

HEAD = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
OWN = [{"type": "Node", "name": "node"}, {"type": "RBAC", "name": "rbac"}]
REVIEWS = RestMapping("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", False)


def chain_of(**options: Any) -> list[tuple[str, str]]:
    store = MemoryStore()
    authorizer = Authorizer(store, StoredObjects(store))
    Authorization(AuthorizationOptions(**options), authorizer, RealClock(), Metrics())
    return [(link.type, link.name) for link in authorizer.chain]


def kubeconfig(path: Path, server: str) -> Path:
    document = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return path


async def test_modes(tmp_path: Path) -> None:
    assert chain_of() == [("Node", "node"), ("RBAC", "rbac")]
    assert chain_of(authorization_mode="RBAC") == [("RBAC", "rbac")]
    path = kubeconfig(tmp_path / "k", "http://127.0.0.1:1/")
    modes = chain_of(authorization_mode="AlwaysDeny,Webhook,AlwaysAllow", authorization_webhook_config_file=path)
    assert modes == [("AlwaysDeny", "alwaysdeny"), ("Webhook", "default"), ("AlwaysAllow", "alwaysallow")]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"authorization_mode": ""}, "at least one authorization-mode must be passed"),
        ({"authorization_mode": "Node,Foo"}, 'authorization-mode "Foo" is not a valid mode'),
        ({"authorization_mode": "ABAC"}, "authorization-mode ABAC's authorization policy file not passed"),
        ({"authorization_mode": "Webhook"}, "authorization-mode Webhook's authorization config file not passed"),
        ({"authorization_mode": "Node,Node"}, 'authorization-mode ["Node" "Node"] has mode specified more than once'),
        (
            {"authorization_webhook_config_file": Path("/k")},
            "cannot specify --authorization-webhook-config-file without mode Webhook",
        ),
        (
            {"authorization_mode": "RBAC", "authorization_config": Path("/x")},
            "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags "
            "are defined",
        ),
        ({"authorization_config": Path("/nowhere")}, "open /nowhere: no such file or directory"),
        (
            {
                "authorization_mode": "Webhook",
                "authorization_webhook_config_file": Path("/k"),
                "authorization_webhook_version": "v2",
            },
            'invalid authorization config: unsupported webhook authorizer version "v2", supported versions are "v1", '
            '"v1beta1"',
        ),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ClusterError) as refused:
        chain_of(**options)
    assert str(refused.value) == why


class Hook:
    """Allows whoever it was told to, denies those whose name begins with no-."""

    def __init__(self) -> None:
        self.friends: set[str] = set()

    async def handle(self, request: Request) -> Response:
        review = json.loads(request.body)
        user = review["spec"].get("user", "")
        status = {"allowed": user in self.friends, "denied": user.startswith("no-"), "reason": f"{user}?"}
        return Response(201, [("content-type", "application/json")], json.dumps({"status": status}).encode())


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    made = Hook()
    server = await serve(made.handle, "127.0.0.1", 0)
    kubeconfig(tmp_path / "k", f"http://127.0.0.1:{server.port}/")
    yield made
    await server.close()


def hooked(tmp_path: Path, **more: Any) -> dict[str, Any]:
    connection = {"type": "KubeConfigFile", "kubeConfigFile": str(tmp_path / "k")}
    settings = {"timeout": "3s", "subjectAccessReviewVersion": "v1", "failurePolicy": "Deny"}
    return {"type": "Webhook", "name": "hook", "webhook": {**settings, "connectionInfo": connection, **more}}


async def may(cluster: Cluster, user: str) -> dict[str, Any]:
    spec = {"user": user, "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
    made = await cluster.api().create(REVIEWS, {"spec": spec})
    status: dict[str, Any] = made["status"]
    return status


def metric(cluster: Cluster, name: str) -> list[str]:
    assert cluster._plane is not None
    return [line for line in cluster._plane.app.parts.metrics.text().decode().splitlines() if line.startswith(name)]


async def test_a_file_that_changes(hook: Hook, tmp_path: Path) -> None:
    path = tmp_path / "authorization.yaml"
    conditions = [{"expression": "!request.user.startsWith('system:')"}]
    seen = {"matchConditions": conditions, "matchConditionSubjectAccessReviewVersion": "v1"}
    first = hooked(tmp_path, **seen, cacheUnauthorizedRequests=False)
    path.write_text(yaml.safe_dump({**HEAD, "authorizers": [first, *OWN]}))
    hook.friends.add("jane")
    options = AuthorizationOptions(authorization_config=path)
    prefix = "apiserver_authorization_config_controller_"
    async with Cluster(runtime="simulated", nodes=0, authorization=options) as cluster:
        assert await may(cluster, "jane") == {"allowed": True, "reason": "jane?"}
        assert await may(cluster, "no-one") == {"allowed": False, "denied": True, "reason": "no-one?"}
        assert await may(cluster, "eve") == {"allowed": False, "reason": "eve?"}
        before = metric(cluster, f"{prefix}last_config_info")
        assert len(before) == 1
        for times, wrong in enumerate((OWN[:1], [*OWN, {"type": "AlwaysAllow", "name": "x"}]), 1):
            path.write_text(yaml.safe_dump({**HEAD, "authorizers": wrong}))
            await becomes(partial(failures, cluster, times))
            assert (await may(cluster, "jane"))["allowed"]
        path.write_text(yaml.safe_dump({**HEAD, "authorizers": OWN}))
        await becomes(lambda: metric(cluster, f"{prefix}last_config_info") != before)
        assert await may(cluster, "jane") == {"allowed": False}
        assert await may(cluster, "no-one") == {"allowed": False}
        decisions = metric(cluster, "apiserver_authorization_decisions_total")
        labels = 'decision="denied",name="hook",type="Webhook"'
        assert f"apiserver_authorization_decisions_total{{{labels}}} 1.0" in decisions


def failures(cluster: Cluster, times: int) -> bool:
    found = metric(cluster, "apiserver_authorization_config_controller_automatic_reloads_total")
    return any('status="failure"' in line and line.endswith(f" {times}.0") for line in found)


async def becomes(condition: Any) -> None:
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def test_everything_is_allowed_to_those_who_are_known() -> None:
    options = AuthorizationOptions(authorization_mode="AlwaysAllow")
    async with Cluster(runtime="simulated", nodes=0, authorization=options) as cluster:
        assert await may(cluster, "jane") == {"allowed": True}
        assert cluster._plane is not None
        assert not cluster._plane.authenticators.anonymous.enabled
