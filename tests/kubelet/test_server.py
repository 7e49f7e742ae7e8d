"""The node agent's server: who may ask, and what its paths lead to."""

from typing import cast

import pytest

from sampan.api.json import Obj
from sampan.kubelet.server import Agent, NodeServer
from sampan.net.http import Peer, Request

STREAMS = ("/exec/default/p/c?command=x&output=1", "/attach/default/p/c?output=1", "/portForward/default/p")


class Empty:
    """A node agent without pods."""

    def find(self, namespace: str, name: str) -> Obj | None:
        return None


def request(path: str, method: str = "GET", trusted: bool | None = True) -> Request:
    path, _, query = path.partition("?")
    peer = Peer("127.0.0.1", 1, b"der" if trusted is not None else None, {"trusted": trusted})
    return Request(method, path, query, peer=peer)


@pytest.fixture
def server() -> NodeServer:
    return NodeServer(lambda: [cast(Agent, Empty())])


@pytest.mark.parametrize("path", [*STREAMS, "/containerLogs/default/p/c", "/pods", "/metrics"])
@pytest.mark.parametrize("trusted", [False, None], ids=["other certificate", "no certificate"])
async def test_strangers_are_refused(server: NodeServer, path: str, trusted: bool | None) -> None:
    assert (await server(request(path, trusted=trusted))).status == 401


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_pod_that_is_not_here(server: NodeServer, path: str, method: str) -> None:
    answer = await server(request(path, method))
    assert (answer.status, answer.body) == (404, b"pod does not exist")


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/exec/default/p", "GET"),
        ("/portForward/p", "GET"),
        ("/exec/default/p/c", "PUT"),
        ("/pods", "POST"),
        ("/x", "GET"),
    ],
)
async def test_other_paths_and_methods(server: NodeServer, path: str, method: str) -> None:
    assert (await server(request(path, method))).status == 404


async def test_anyone_may_ask_for_health(server: NodeServer) -> None:
    assert (await server(request("/healthz", trusted=None))).body == b"ok"
