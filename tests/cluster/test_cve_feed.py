"""A cluster that keeps a CVE feed, and the versions of a live cluster."""

import json
from pathlib import Path

from sampan import Cluster
from sampan.advisories.inventory import running
from sampan.net.http_client import HttpClient

SOURCE = Path(__file__).parents[1] / "advisories" / "data" / "official-feed-2023-07-01.json"


async def test_a_cluster_with_a_feed(tmp_path: Path) -> None:
    async with Cluster(runtime="simulated", nodes=2, cve_feed=str(SOURCE)) as cluster, HttpClient() as http:
        assert cluster._feed is not None
        await cluster._feed.tried.wait()
        answer = await http.send("GET", f"{cluster.cve_feed}index.json")
        assert len(json.loads(answer.body)["items"]) == 8
        found = await running(cluster.api())
        assert [one.component for one in found[:3]] == ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]
        assert sorted(one.where for one in found if one.component == "kubelet") == ["node-1", "node-2"]
        metrics = cluster._plane.app.parts.metrics.text() if cluster._plane else b""
        assert b"sampan_cve_feed_items 8.0" in metrics


async def test_no_feed_unless_asked_for() -> None:
    async with Cluster(runtime="simulated") as cluster:
        assert cluster.cve_feed == ""
