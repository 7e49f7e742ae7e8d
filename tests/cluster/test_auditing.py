"""A cluster that tells a webhook and a file who did what."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan import Cluster
from sampan.api.json import Obj, loads
from sampan.apiserver.audit.delivery import LOG, WEBHOOK, Delivery
from sampan.cluster.audit_options import AuditOptions
from sampan.cluster.config import ClusterError
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.resources.kinds import CONFIGMAPS

POLICY = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Request", "users": ["kubernetes-admin"], "resources": [{"resources": ["configmaps"]}]}],
}  # fmt: skip


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., AuditOptions]:
    """Options with a policy, and a webhook's kubeconfig for a port."""

    def make(port: int = 0, **more: Any) -> AuditOptions:
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY))
        kubeconfig = {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}/audit"}}],
            "users": [{"name": "u", "user": {"token": "secret"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (tmp_path / "webhook").write_text(yaml.safe_dump(kubeconfig))
        return AuditOptions(audit_policy_file=tmp_path / "policy.yaml", **more)

    return make


async def test_events_are_posted_before_the_cluster_has_ended(
    options: Callable[..., AuditOptions], tmp_path: Path
) -> None:
    posted: list[tuple[str, Obj]] = []

    async def listen(request: Request) -> Response:
        posted.append((request.headers.get("authorization", ""), loads(request.body)))
        return Response(200)

    server = await serve(listen, "127.0.0.1", 0)
    audit = options(
        server.port, audit_webhook_config_file=tmp_path / "webhook", audit_log_path=str(tmp_path / "audit.log"),
        webhook=replace(WEBHOOK, truncate_enabled=True, truncate_max_event_size=1200),
    )  # fmt: skip
    try:
        async with Cluster(nodes=0, runtime="simulated", audit=audit) as cluster:
            for name, text in (("small", "x"), ("large", "x" * 2000)):
                meta = {"name": name, "namespace": "default"}
                await cluster.api().create(CONFIGMAPS, {"metadata": meta, "data": {"a": text}})
            assert posted == []
            metrics = cluster._plane.app.parts.metrics.text() if cluster._plane else b""
            assert b"apiserver_audit_event_total 2.0" in metrics
    finally:
        await server.close()
    ((who, body),) = posted
    assert who == "Bearer secret"
    small, large = body["items"]
    assert small["requestObject"]["data"] == {"a": "x"}
    assert "requestObject" not in large
    assert large["annotations"]["audit.k8s.io/truncated"] == "true"
    written = [loads(line) for line in (tmp_path / "audit.log").read_bytes().splitlines()]
    assert [event["objectRef"]["name"] for event in written] == ["small", "large"]
    assert written[1]["requestObject"]["data"] == {"a": "x" * 2000}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"audit_webhook_config_file": "gone"}, "initializing audit webhook: .*No such file"),
        ({"audit_webhook_config_file": "policy.yaml"}, "initializing audit webhook: .*contexts has none"),
        ({"audit_log_path": "-", "log": replace(LOG, mode="later")}, "invalid audit log mode later"),
        (
            {"audit_webhook_config_file": "webhook", "webhook": Delivery("batch", batch_max_size=0)},
            "invalid audit batch webhook max batch size 0",
        ),
    ],
)
async def test_settings_that_cannot_be(
    options: Callable[..., AuditOptions], tmp_path: Path, more: dict[str, Any], why: str
) -> None:
    if "audit_webhook_config_file" in more:
        more = {**more, "audit_webhook_config_file": tmp_path / more["audit_webhook_config_file"]}
    with pytest.raises(ClusterError, match=why):
        await Cluster(nodes=0, runtime="simulated", audit=options(**more)).start()


async def test_a_webhook_that_must_have_every_event(options: Callable[..., AuditOptions], tmp_path: Path) -> None:
    policy = {**POLICY, "omitStages": []}
    audit = options(
        9, audit_webhook_config_file=tmp_path / "webhook", audit_webhook_initial_backoff=0.0,
        webhook=replace(WEBHOOK, mode="blocking-strict"),
    )  # fmt: skip
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
    async with Cluster(nodes=0, runtime="simulated", controllers="namespace-controller", audit=audit) as cluster:
        with pytest.raises(Exception, match="failed to store audit event"):
            await cluster.api().create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "default"}})
