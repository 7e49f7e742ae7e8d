"""Extenders over HTTP: what they are sent, and what becomes of their answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sampan.api import json
from sampan.api.json import Obj
from sampan.net.http import Request, Response
from sampan.net.http_server import serve
from sampan.scheduler.configuration.reading import ConfigurationError
from sampan.scheduler.decide import Found, Recall, Start, feasible
from sampan.scheduler.extenders import ExtenderError, Extenders, connect
from sampan.scheduler.framework import Unschedulable
from sampan.scheduler.pod import PodInfo, read_pod
from sampan.scheduler.preemption import Eviction
from sampan.scheduler.profile import DEFAULT
from sampan.scheduler.snapshot import NodeTable, Snapshot, read_node


class Empty:
    """No other objects."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: {} if name == "namespace_labels" else ()


def node(name: str) -> Obj:
    labels = {"kubernetes.io/hostname": name}
    return {
        "metadata": {"name": name, "labels": labels}, "spec": {},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"}},
    }  # fmt: skip


def pod(name: str = "p", **resources: Any) -> PodInfo:
    containers = [{"name": "c", "image": "i", "resources": resources}]
    return read_pod(
        {"metadata": {"name": name, "namespace": "n", "uid": f"u-{name}"}, "spec": {"containers": containers}}
    )


def found(info: PodInfo) -> Found:
    """What our own rules leave of three nodes."""
    table = NodeTable(read_node(node(name)) for name in ("a", "b", "c"))
    answer = feasible(info, Snapshot(table, Empty(), Empty()), DEFAULT, Start(0, Recall()))
    assert isinstance(answer, Found)
    return answer


class Server:
    """Answers by verb; remembers what it was sent."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, dict[str, Any]()
        self.url = ""

    async def __call__(self, request: Request) -> Response:
        verb = request.path.rpartition("/")[2]
        self.asked[verb] = json.loads(request.body)
        answer = self.answers.get(verb)
        return Response(500) if answer is None else Response(200, [], json.dumps(answer))

    def config(self, **more: Any) -> Obj:
        """An extender of all that it answers."""
        verbs = {f"{verb}Verb": verb for verb in self.answers}
        return {"urlPrefix": f"{self.url}/root/", "weight": 2, **verbs, **more}


@asynccontextmanager
async def serving(**answers: Any) -> AsyncIterator[Server]:
    handler = Server(answers)
    server = await serve(handler, "127.0.0.1", 0)
    handler.url = f"http://127.0.0.1:{server.port}"
    try:
        yield handler
    finally:
        await server.close(0)


@asynccontextmanager
async def using(*configs: Obj) -> AsyncIterator[Extenders]:
    made = Extenders(configs)
    try:
        yield made
    finally:
        await made.close()


def names(answer: Found | Unschedulable) -> list[str]:
    assert isinstance(answer, Found)
    return [one.name for one in answer.nodes]


async def test_filter_by_names() -> None:
    async with (
        serving(filter={"NodeNames": ["c", "a"], "FailedNodes": {"b": "full"}}) as server,
        using(server.config(nodeCacheCapable=True)) as extenders,
    ):
        answer = await extenders.narrowed(found(pod()))
        assert names(answer) == ["a", "c"]
        assert server.asked["filter"]["NodeNames"] == ["a", "b", "c"]
        assert server.asked["filter"]["Nodes"] is None
        assert server.asked["filter"]["Pod"]["metadata"]["name"] == "p"


async def test_filter_by_whole_nodes_and_keys_in_any_case() -> None:
    async with serving(filter={"nodes": {"items": [node("b")]}}) as server, using(server.config()) as extenders:
        assert names(await extenders.narrowed(found(pod()))) == ["b"]
        assert [one["metadata"]["name"] for one in server.asked["filter"]["Nodes"]["items"]] == ["a", "b", "c"]
        assert server.asked["filter"]["NodeNames"] is None


async def test_a_pod_that_no_extender_leaves_a_node() -> None:
    answer = {"FailedNodes": {"a": "full", "b": "full", "c": "x"}, "FailedAndUnresolvableNodes": {"c": "never"}}
    async with serving(filter=answer) as server, using(server.config()) as extenders:
        made = await extenders.narrowed(found(pod()))
    assert isinstance(made, Unschedulable)
    assert made.message == "0/3 nodes are available: 1 never, 2 full."
    assert (sorted(made.plugins), sorted(made.mendable)) == (["Extender"], ["a", "b"])


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"filter": {"Error": "no"}}, "no"),
        ({"filter": None}, "failed filter with extender at URL {url}/root/filter, code 500"),
        (
            {"filter": {"NodeNames": ["z"]}},
            'extender "{url}/root/" claims a filtered node "z" which is not found in the input node list',
        ),
    ],
)
async def test_failures_count_unless_they_may_be_ignored(answers: dict[str, Any], says: str) -> None:
    async with serving(**answers) as server:
        config = server.config(nodeCacheCapable=True)
        async with using(config) as extenders:
            with pytest.raises(ExtenderError) as caught:
                await extenders.narrowed(found(pod()))
        assert str(caught.value) == says.format(url=server.url)
        async with using({**config, "ignorable": True}) as extenders:
            assert names(await extenders.narrowed(found(pod()))) == ["a", "b", "c"]


async def test_only_pods_that_ask_for_what_it_manages() -> None:
    managed = [{"name": "example.com/gpu"}]
    async with (
        serving(filter={"NodeNames": ["a"]}) as server,
        using(server.config(nodeCacheCapable=True, managedResources=managed)) as extenders,
    ):
        assert names(await extenders.narrowed(found(pod()))) == ["a", "b", "c"]
        assert not server.asked
        assert extenders.each[0].cares_for(pod(limits={"example.com/gpu": "1"}))


async def test_scores_are_added_up_and_weighed() -> None:
    async with (
        serving(prioritize=[{"Host": "b", "Score": 3}, {"Host": "c", "Score": 1}]) as server,
        serving(prioritize=None) as broken,
        using(server.config(), server.config(weight=1), broken.config()) as extenders,
    ):
        answer = found(pod())
        points = await extenders.points(answer.trial.pod, answer.nodes)
        assert points == {"b": 90, "c": 30}
        assert answer.placed(points).node == "b"
        assert answer.placed({"c": 1000}).node == "c"


async def test_evictions_are_agreed_upon() -> None:
    low, other = pod("low"), pod("other")
    table = {"a": read_node(node("a")).with_pod(low).with_pod(other), "b": read_node(node("b"))}
    ways = [Eviction("a", (low,), 1), Eviction("b", (other,))]
    answer = {"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": "u-other"}], "NumPDBViolations": 0}}}
    async with serving(preempt=answer) as server, using(server.config(nodeCacheCapable=True)) as extenders:
        made = await extenders.agreed(pod(), ways, table, lambda info: info.obj)
        assert [(one.node, one.victims[0].name, one.violations) for one in made] == [("a", "other", 0)]
        sent = server.asked["preempt"]["NodeNameToMetaVictims"]
        assert sent["a"] == {"Pods": [{"UID": "u-low"}], "NumPDBViolations": 1}


async def test_evictions_of_pods_that_are_not_there() -> None:
    answer = {"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": "u-none"}]}}}
    async with serving(preempt=answer) as server, using(server.config()) as extenders:
        with pytest.raises(ExtenderError, match="but the pod is not found on that node"):
            await extenders.agreed(pod(), [], {"a": read_node(node("a"))}, lambda info: info.obj)


async def test_binding() -> None:
    async with serving(bind={}) as server, using(server.config()) as extenders:
        assert await extenders.bound(pod(), "a")
        assert server.asked["bind"] == {"PodName": "p", "PodNamespace": "n", "PodUID": "u-p", "Node": "a"}
    async with serving(bind={"Error": "taken"}) as server, using(server.config()) as extenders:
        with pytest.raises(ExtenderError, match="taken"):
            await extenders.bound(pod(), "a")
    async with serving(filter={}) as server, using(server.config()) as extenders:
        assert not await extenders.bound(pod(), "a")


async def test_nobody_listens() -> None:
    async with serving(bind={}) as server:
        config = server.config()
    async with using(config) as extenders:
        with pytest.raises(ExtenderError, match=r'^Post "http://127\.0\.0\.1:\d+/root/bind": '):
            await extenders.bound(pod(), "a")


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ({"caFile": "/none.pem"}, "couldn't build extenders: open /none.pem: No such file or directory"),
        (
            {"caData": "eA==", "insecure": True},
            "couldn't build extenders: specifying a root certificates file with the insecure flag is not allowed",
        ),
    ],
)
def test_certificates_that_cannot_be_used(tls: Obj, says: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect({"tlsConfig": tls})
    assert str(caught.value) == says
