"""The node agent's own server: logs, streams, pods, metrics, health; for the API server, by its client certificate."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol
from urllib.parse import parse_qsl, unquote

from cryptography import x509
from cryptography.x509.oid import NameOID

from sampan.api.json import Obj, dumps
from sampan.kubelet import streams
from sampan.kubelet.logs import LogOptionError
from sampan.net.http import Request, Response

CALLERS = frozenset({"kubeadm:cluster-admins", "system:masters"})
STREAMING = frozenset({"exec", "attach", "portForward"})


class Agent(streams.Agent, Protocol):
    """What of a node agent its server shows."""

    def pods(self) -> list[Obj]: ...
    def find(self, namespace: str, name: str) -> Obj | None: ...
    async def logs(self, pod: Obj, container: str, query: Mapping[str, str]) -> AsyncIterator[bytes]: ...
    def metrics(self) -> bytes: ...


class NodeServer:
    """A net.http Handler for one or more node agents in this process; pods say which one is meant."""

    def __init__(self, agents: Callable[[], list[Agent]]) -> None:
        self._agents = agents

    async def __call__(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts == ["healthz"]:
            return _text(200, "ok")
        if not _trusted(request):
            return _text(401, "Unauthorized")
        route: Callable[[Request, list[str]], Awaitable[Response]] | None = {
            "containerLogs": self._logs,
            "pods": self._pods,
            "metrics": self._metrics,
            "exec": self._command,
            "attach": self._command,
            "portForward": self._forward,
        }.get(parts[0])
        streaming = parts[0] in STREAMING
        if route is None or (request.method != "GET" and not (streaming and request.method == "POST")):
            return _text(404, "404 page not found")
        return await route(request, parts)

    async def _logs(self, request: Request, parts: list[str]) -> Response:
        if len(parts) != 4:
            return _text(404, "404 page not found")
        _, namespace, name, container = parts
        for agent in self._agents():
            pod = agent.find(namespace, name)
            if pod is None:
                continue
            try:
                lines = await agent.logs(pod, container, dict(parse_qsl(request.query)))
            except LogOptionError as error:
                return _text(400, str(error))
            except LookupError as error:
                return _text(400, str(error.args[0]))
            return Response(200, [("Content-Type", "text/plain")], stream=lines)
        return _text(404, f"pod {name!r} not found")

    async def _command(self, request: Request, parts: list[str]) -> Response:
        if len(parts) != 4:
            return _text(404, "404 page not found")
        found = self._find(parts[1], parts[2])
        return await streams.command(request, *found, parts[3]) if found else _text(404, "pod does not exist")

    async def _forward(self, request: Request, parts: list[str]) -> Response:
        if len(parts) != 3:
            return _text(404, "404 page not found")
        found = self._find(parts[1], parts[2])
        return await streams.forward(request, *found) if found else _text(404, "pod does not exist")

    def _find(self, namespace: str, name: str) -> tuple[Agent, Obj] | None:
        for agent in self._agents():
            pod = agent.find(namespace, name)
            if pod is not None:
                return agent, pod
        return None

    async def _pods(self, request: Request, parts: list[str]) -> Response:
        items = [pod for agent in self._agents() for pod in agent.pods()]
        body = dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
        return Response(200, [("Content-Type", "application/json")], body)

    async def _metrics(self, request: Request, parts: list[str]) -> Response:
        agents = self._agents()
        text = agents[0].metrics() if agents else b""
        return Response(200, [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")], text)


def _trusted(request: Request) -> bool:
    """The caller showed the certificate of an administrator or of the API server (its group says so)."""
    if request.peer is None or request.peer.certificate is None:
        return False
    known = request.peer.state.get("trusted")
    if known is None:
        certificate = x509.load_der_x509_certificate(request.peer.certificate)
        groups = {str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}
        known = request.peer.state["trusted"] = bool(groups & CALLERS)
    return bool(known)


def _text(status: int, text: str) -> Response:
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], text.encode())
