"""The node agent's server: who may ask, and what its paths lead to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from sampan.api.json import Obj, loads
from sampan.client.api import Api
from sampan.kubelet.door import Access, ReviewedDoor, subresources
from sampan.kubelet.server import NodeServer, ServerSettings
from sampan.kubelet.simulated.load import CPU
from sampan.net.http import Peer, Request, Response
from sampan.testing.clock import FakeClock

if TYPE_CHECKING:
    from tests.kubelet.conftest import Node

STREAMS = ("/exec/default/q/c?command=x&output=1", "/attach/default/q/c?output=1", "/portForward/default/q")


class Reviews:
    """An API server that knows one token and allows some users some subresources."""

    def __init__(self) -> None:
        self.asked: list[Obj] = []
        self.allowed = {("admin", "proxy"), ("admin", "stats"), ("admin", "metrics"), ("admin", "log")}
        self.tokens: dict[str, Obj] = {"good": {"username": "admin", "groups": ["g"], "extra": {"k": ["v"]}}}
        self.down = False

    async def call(self, method: str, path: str, body: Obj) -> Obj:
        if self.down:
            raise OSError("nobody there")
        self.asked.append(body["spec"])
        if "tokenreviews" in path:
            user = self.tokens.get(body["spec"]["token"])
            return {"status": {"authenticated": True, "user": user} if user else {}}
        attributes = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": (body["spec"]["user"], attributes["subresource"]) in self.allowed}}


@pytest.fixture
def reviews() -> Reviews:
    return Reviews()


def request(path: str, method: str = "GET", token: str | None = "good") -> Request:
    path, _, query = path.partition("?")
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return Request(method, path, query, headers, peer=Peer("127.0.0.1", 1))


Ask = Callable[..., Any]


@pytest.fixture
def ask(agent: "Node", reviews: Reviews, clock: FakeClock, tmp_path: Path) -> Ask:
    """Ask the server of a node agent; with the settings of its door and its own."""
    doors: dict[Access, ReviewedDoor] = {}

    async def asked(path: str, *args: Any, access: Access = Access(), **settings: Any) -> Response:  # noqa: B008
        door = doors.setdefault(access, ReviewedDoor(_api(reviews), "n1", access, clock))
        shown = ServerSettings({"kind": "KubeletConfiguration"}, **settings)
        return await NodeServer(lambda: agent.kubelet, door, shown)(request(path, *args))

    return asked


def _api(reviews: Reviews) -> Api:
    return cast(Api, reviews)


# -- who may ask


@pytest.mark.parametrize("path", [*STREAMS, "/containerLogs/default/p/c", "/pods", "/metrics", "/healthz", "/x"])
@pytest.mark.parametrize("token", ["other", None])
async def test_strangers_are_refused(ask: Ask, path: str, token: str | None) -> None:
    answer = await ask(path, "GET", token)
    assert (answer.status, answer.body) == (401, b"Unauthorized")


async def test_whoever_may_not_is_told_what(ask: Ask, reviews: Reviews) -> None:
    reviews.allowed = {("admin", "metrics")}
    answer = await ask("/pods")
    text = b"Forbidden (user=admin, verb=get, resource=nodes, subresource(s)=[pods proxy])\n"
    assert (answer.status, answer.body) == (403, text)
    assert (await ask("/metrics")).status == 200


async def test_a_subresource_of_its_own_is_enough(ask: Ask, reviews: Reviews) -> None:
    reviews.allowed = {("admin", "pods"), ("admin", "healthz")}
    assert [(await ask(path)).status for path in ("/pods", "/runningpods/", "/healthz", "/configz")] == [
        200, 200, 200, 403,
    ]  # fmt: skip


async def test_what_is_reviewed(ask: Ask, reviews: Reviews) -> None:
    await ask("/metrics/resource")
    user = {"user": "admin", "groups": ["g"], "extra": {"k": ["v"]}}
    attributes = {"verb": "get", "version": "v1", "resource": "nodes", "subresource": "metrics", "name": "n1"}
    assert reviews.asked == [{"token": "good"}, {**user, "resourceAttributes": attributes}]


async def test_reviews_are_good_for_a_while(ask: Ask, reviews: Reviews, clock: FakeClock) -> None:
    for _ in range(3):
        await ask("/metrics/resource")
    assert len(reviews.asked) == 2
    await clock.advance(121)
    await ask("/metrics/resource")
    assert len(reviews.asked) == 3, "the token is looked at again"
    await clock.advance(200)
    await ask("/metrics/resource")
    assert len(reviews.asked) == 5, "and what it may"


async def test_a_refusal_is_asked_again_sooner(ask: Ask, reviews: Reviews, clock: FakeClock) -> None:
    reviews.allowed = set()
    assert (await ask("/metrics")).status == 403
    reviews.allowed = {("admin", "metrics")}
    assert (await ask("/metrics")).status == 403
    await clock.advance(31)
    assert (await ask("/metrics")).status == 200


async def test_without_an_api_server(ask: Ask, reviews: Reviews, clock: FakeClock) -> None:
    await ask("/metrics")
    reviews.down = True
    assert (await ask("/metrics")).status == 200, "what was allowed is"
    answer = await ask("/stats/summary")
    assert answer.status == 500
    assert answer.body == b"Authorization error (user=admin, verb=get, resource=nodes, subresource=stats)"
    assert (await ask("/metrics", "GET", "new")).status == 401


async def test_settings_of_the_door(ask: Ask, reviews: Reviews) -> None:
    assert (await ask("/pods", "GET", None, access=Access(anonymous=True))).status == 403
    assert reviews.asked[-1]["user"] == "system:anonymous"
    assert (await ask("/pods", "GET", None, access=Access(anonymous=True, mode="AlwaysAllow"))).status == 200
    assert (await ask("/pods", access=Access(webhook=False))).status == 401


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("/stats/summary", ["stats"]),
        ("/stats/", ["stats"]),
        ("/metrics/cadvisor", ["metrics"]),
        ("/metricsx", ["proxy"]),
        ("/logs/a/b", ["log"]),
        ("/pods", ["pods", "proxy"]),
        ("/runningpods/", ["pods", "proxy"]),
        ("/healthz/ping", ["healthz", "proxy"]),
        ("/configz", ["configz", "proxy"]),
        ("/flagz", ["configz"]),
        ("/exec/a/b/c", ["proxy"]),
        ("/", ["proxy"]),
    ],
)
def test_subresources(path: str, want: list[str]) -> None:
    assert subresources(path) == want


# -- what there is


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_pod_that_is_not_here(ask: Ask, reviews: Reviews, path: str, method: str) -> None:
    answer = await ask(path, method)
    assert (answer.status, answer.body) == (404, b"pod does not exist")


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/exec/default/p", "GET"),
        ("/portForward/p", "GET"),
        ("/exec/default/p/c", "PUT"),
        ("/pods", "POST"),
        ("/run/default/p/c", "GET"),
        ("/stats/other", "GET"),
        ("/metrics/other", "GET"),
        ("/x", "GET"),
    ],
)
async def test_other_paths_and_methods(ask: Ask, path: str, method: str) -> None:
    assert (await ask(path, method)).status == 404


async def test_health(ask: Ask, agent: "Node") -> None:
    assert (await ask("/healthz")).body == b"ok"
    assert (await ask("/healthz?verbose")).body == b"[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n"
    assert (await ask("/healthz/ping")).body == b"ok"
    assert (await ask("/healthz/other")).status == 404


async def test_without_debugging_handlers(ask: Ask) -> None:
    answer = await ask(STREAMS[0], debugging=False)
    assert (answer.status, answer.body) == (405, b"Debug endpoints are disabled.\n")
    assert (await ask("/pods", debugging=False)).status == 200


async def test_pods_as_wanted_and_as_running(ask: Ask, agent: "Node") -> None:
    await agent.create(containers={"a": "", "b": "exit 1"}, restartPolicy="Never")
    wanted, running = loads((await ask("/pods")).body), loads((await ask("/runningpods/")).body)
    assert [p["metadata"]["name"] for p in wanted["items"]] == ["p"]
    assert [c["name"] for p in running["items"] for c in p["spec"]["containers"]] == ["a"]
    assert running["items"][0]["metadata"]["uid"] == wanted["items"][0]["metadata"]["uid"]


async def test_a_command_by_run(ask: Ask, agent: "Node") -> None:
    await agent.create()
    answer = await ask("/run/default/p/a?cmd=echo%20hi", "POST")
    assert (answer.status, answer.body) == (200, b"hi\n")
    assert (await ask("/run/default/p/other?cmd=true", "POST")).status == 404


async def test_logs_of_the_machine(ask: Ask, tmp_path: Path) -> None:
    logs = tmp_path / "log"
    (logs / "sub").mkdir(parents=True)
    (logs / "sub" / "one.log").write_text("hello")
    (tmp_path / "secret").write_text("no")
    (logs / "out").symlink_to(tmp_path / "secret")
    assert (await ask("/logs/", system_logs=logs)).body.endswith(
        b'<pre>\n<a href="out">out</a>\n<a href="sub/">sub/</a>\n</pre>\n'
    )
    assert (await ask("/logs/sub/one.log", system_logs=logs)).body == b"hello"
    assert (await ask("/logs/sub", system_logs=logs)).status == 301
    for path in ("/logs/none", "/logs/out", "/logs/%2e%2e/secret", "/logs/..%2fsecret", "/logs/../secret"):
        assert (await ask(path, system_logs=logs)).status in (400, 404), path
    assert (await ask("/logs/")).status == 405


# -- usage


async def test_the_summary(ask: Ask, agent: "Node") -> None:
    await agent.create(containers={"a": "", "b": ""}, metadata={"annotations": {CPU: "500m"}},
                       volumes=[{"name": "v", "emptyDir": {}}])  # fmt: skip
    assert agent.kubelet is not None
    agent.simulated.annotations_of = agent.kubelet.annotations
    folder = next((agent.root / "pods").glob("*/volumes/kubernetes.io~empty-dir/v"))
    (folder / "file").write_bytes(b"x" * 10_000)
    await ask("/stats/summary")
    await agent.advance(70)
    found = loads((await ask("/stats/summary")).body)
    assert found["node"]["nodeName"] == "n1"
    assert found["node"]["cpu"]["usageNanoCores"] == 500_000_000
    (pod,) = found["pods"]
    assert (pod["podRef"]["name"], pod["podRef"]["namespace"]) == ("p", "default")
    assert [(c["name"], c["cpu"]["usageNanoCores"]) for c in pod["containers"]] == [
        ("a", 250_000_000), ("b", 250_000_000),
    ]  # fmt: skip
    assert pod["containers"][0]["startTime"] == "2026-01-01T00:00:00Z"
    assert pod["volume"][0]["name"] == "v"
    assert pod["volume"][0]["usedBytes"] >= 10_000
    assert pod["ephemeral-storage"]["usedBytes"] >= 10_000 + 2 * 4096
    assert pod["process_stats"] == {"process_count": 2}
    brief = loads((await ask("/stats/summary?only_cpu_and_memory=true")).body)
    assert set(brief["pods"][0]) == {"podRef", "startTime", "containers", "cpu", "memory"}
    assert set(brief["node"]) == {"nodeName", "systemContainers", "startTime", "cpu", "memory"}


async def test_metrics_of_resources(ask: Ask, agent: "Node") -> None:
    await agent.create(metadata={"annotations": {CPU: "500m"}})
    await agent.advance(10)
    lines = (await ask("/metrics/resource")).body.decode().splitlines()
    assert "# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds" in lines  # noqa: E501  # fmt: skip
    assert "# TYPE node_memory_working_set_bytes gauge" in lines
    found = {line.split(" ")[0]: line.split(" ")[1:] for line in lines if not line.startswith("#")}
    of_container = '{container="a",namespace="default",pod="p"}'
    used, at = found[f"container_cpu_usage_seconds_total{of_container}"]
    assert float(used) > 4.9
    assert len(at) == 13, "milliseconds"
    assert found[f"container_memory_working_set_bytes{of_container}"][0] == str(8 << 20)
    assert found['pod_cpu_usage_seconds_total{namespace="default",pod="p"}'][0] == used
    assert float(found[f"container_start_time_seconds{of_container}"][0]) > 1e9
    assert found["resource_scrape_error"] == ["0"]


async def test_metrics_when_the_runtime_says_nothing(ask: Ask, agent: "Node") -> None:
    from sampan.kubelet.runtime import CriError

    agent.simulated.fail("usage", CriError("UNAVAILABLE", "gone"), times=2)
    answer = (await ask("/metrics/resource")).body.decode().splitlines()
    assert answer[-1] == "resource_scrape_error 1"
    assert (await ask("/stats/summary")).status == 500


async def test_the_other_metrics(ask: Ask, agent: "Node") -> None:
    await agent.create()
    text = (await ask("/metrics")).body.decode()
    for line in (
        'kubelet_node_name{node="n1"} 1.0', 'kubelet_active_pods{static=""} 1.0', "kubelet_running_pods 1.0",
        'kubelet_http_requests_total{long_running="false",method="GET",path="metrics",server_type="readwrite"} 1.0',
    ):  # fmt: skip
        assert line in text, line
    text = (await ask("/metrics/cadvisor")).body.decode()
    assert 'container_memory_working_set_bytes{container="a",' in text
    assert "machine_cpu_cores 4" in text


async def test_nobody_asks_for_usage_while_nobody_asks_the_node(agent: "Node", monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle nodes make no calls for stats."""
    asked = []

    async def usage() -> list[Any]:
        asked.append(1)
        return []

    monkeypatch.setattr(agent.simulated, "usage", usage)
    await agent.create()
    await agent.advance(700)
    assert asked == []


@pytest.mark.parametrize(
    ("path", "method", "status", "said"),
    [
        ("/debug/flags/v", "PUT", 400, b'strconv.ParseUint: parsing "": invalid syntax'),
        ("/debug/flags/v", "GET", 406, b"unsupported http method"),
        ("/debug/pprof", "GET", 404, b"404 page not found"),
    ],
)
async def test_verbosity_is_asked_for_at_the_node_too(
    ask: Ask, reviews: Reviews, path: str, method: str, status: int, said: bytes
) -> None:
    answer = await ask(path, method)
    assert (answer.status, answer.body) == (status, said)
    assert (await ask(path, method, debugging=False)).status == 405
    assert (await ask(path, method, None)).status == 401
