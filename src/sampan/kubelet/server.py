"""The node agent's own server: logs, streams, pods, usage, metrics, health; for whom the Door lets in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, parse_qsl, unquote

from sampan.api.json import Obj, dumps
from sampan.kubelet import streams
from sampan.kubelet.door import Door, Refused
from sampan.kubelet.logs import LogOptionError
from sampan.kubelet.resource_metrics import cadvisor_text, resource_text
from sampan.kubelet.runtime import CriError
from sampan.kubelet.stats import NodeUsage
from sampan.kubelet.summary import summary
from sampan.kubelet.system_logs import serve_log
from sampan.net.debug_flags import PATH, put_verbosity
from sampan.net.http import Request, Response

STREAMING = frozenset({"exec", "attach", "portForward"})
POSTED = STREAMING | {"stats"}
DEBUGGING = STREAMING | {"run", "containerLogs", "runningpods", "logs", "debug"}
"""What enableDebuggingHandlers: false closes."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Agent(streams.Agent, Protocol):
    """What of a node agent its server shows."""

    @property
    def stats(self) -> NodeUsage: ...
    def pods(self) -> list[Obj]: ...
    def running(self) -> list[Obj]: ...
    def find(self, namespace: str, name: str) -> Obj | None: ...
    async def logs(self, pod: Obj, container: str, query: Mapping[str, str]) -> AsyncIterator[bytes]: ...
    async def run_command(self, pod: Obj, container: str, command: tuple[str, ...]) -> bytes: ...
    async def metrics(self) -> bytes: ...
    def unhealthy(self) -> str: ...
    def observed(self, method: str, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What of KubeletConfiguration concerns the server; `configz` is the whole of it."""

    configz: Obj
    debugging: bool = True
    """enableDebuggingHandlers"""
    system_logs: Path | None = None
    """The directory that /logs/ shows; None when it is disabled (enableSystemLogHandler)."""


class NodeServer:
    """A net.http Handler for one node agent, which may not be there yet."""

    def __init__(self, agent: Callable[[], Agent | None], door: Door, settings: ServerSettings) -> None:
        self._agent, self._door, self._settings = agent, door, settings
        self._routes: dict[str, Callable[[Request, list[str], Agent], Awaitable[Response]]] = {
            "containerLogs": self._logs, "pods": self._pods, "runningpods": self._running, "metrics": self._metrics,
            "stats": self._stats, "exec": self._command, "attach": self._command, "portForward": self._forward,
            "run": self._run, "healthz": self._health, "configz": self._configz, "logs": self._system,
            "debug": self._debug,
        }  # fmt: skip

    async def __call__(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        agent = self._agent()
        try:
            await self._door.admit(request)
        except Refused as refused:
            return _text(refused.status, refused.text)
        if agent is None:
            return _text(503, "the node agent is starting")
        route = self._routes.get(parts[0])
        agent.observed(request.method, parts[0] if route is not None else "other")
        if not self._settings.debugging and parts[0] in DEBUGGING:
            return _text(405, "Debug endpoints are disabled.\n")
        if route is None or not _method_fits(request.method, parts[0]):
            return _text(404, "404 page not found")
        return await route(request, parts, agent)

    async def _logs(self, request: Request, parts: list[str], agent: Agent) -> Response:
        if len(parts) != 4:
            return _text(404, "404 page not found")
        _, namespace, name, container = parts
        pod = agent.find(namespace, name)
        if pod is None:
            return _text(404, f"pod {name!r} not found")
        try:
            lines = await agent.logs(pod, container, dict(parse_qsl(request.query)))
        except LogOptionError as error:
            return _text(422, str(error))
        except LookupError as error:
            return _text(400, str(error.args[0]))
        return Response(200, [("Content-Type", "text/plain")], stream=lines)

    async def _command(self, request: Request, parts: list[str], agent: Agent) -> Response:
        if len(parts) not in (4, 5):
            return _text(404, "404 page not found")
        pod = agent.find(parts[1], parts[2])
        if pod is None:
            return _text(404, "pod does not exist")
        return await streams.command(request, agent, pod, parts[-1])

    async def _forward(self, request: Request, parts: list[str], agent: Agent) -> Response:
        if len(parts) not in (3, 4):
            return _text(404, "404 page not found")
        pod = agent.find(parts[1], parts[2])
        return _text(404, "pod does not exist") if pod is None else await streams.forward(request, agent, pod)

    async def _run(self, request: Request, parts: list[str], agent: Agent) -> Response:
        """POST /run/NAMESPACE/POD/CONTAINER?cmd=...: what a command prints."""
        if len(parts) not in (4, 5):
            return _text(404, "404 page not found")
        pod = agent.find(parts[1], parts[2])
        if pod is None:
            return _text(404, "pod does not exist")
        words = tuple((parse_qs(request.query).get("cmd") or [""])[0].split())
        await asyncio.sleep(0)
        try:
            return Response(200, [("Content-Type", "text/plain")], await agent.run_command(pod, parts[-1], words))
        except LookupError as error:
            return _text(404, str(error.args[0]))
        except CriError as error:
            return _text(500, error.message)

    async def _pods(self, request: Request, parts: list[str], agent: Agent) -> Response:
        return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": agent.pods()})

    async def _running(self, request: Request, parts: list[str], agent: Agent) -> Response:
        return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": agent.running()})

    async def _metrics(self, request: Request, parts: list[str], agent: Agent) -> Response:
        await asyncio.sleep(0)
        match parts[1:]:
            case []:
                return Response(200, [("Content-Type", TEXT)], await agent.metrics())
            case ["resource"]:
                try:
                    return Response(200, [("Content-Type", TEXT)], resource_text(await agent.stats.look()))
                except (CriError, OSError):
                    return Response(200, [("Content-Type", TEXT)], resource_text(None))
            case ["cadvisor"]:
                try:
                    return Response(200, [("Content-Type", TEXT)], cadvisor_text(await agent.stats.look()))
                except (CriError, OSError) as error:
                    return _text(500, str(error))
        return _text(404, "404 page not found")

    async def _stats(self, request: Request, parts: list[str], agent: Agent) -> Response:
        if parts[1:] != ["summary"]:
            return _text(404, "404 page not found")
        brief = dict(parse_qsl(request.query)).get("only_cpu_and_memory", "") in ("1", "t", "T", "true", "TRUE", "True")
        await asyncio.sleep(0)
        try:
            return _json(summary(await agent.stats.look(brief=brief), brief=brief))
        except (CriError, OSError) as error:
            return _text(500, f"failed to list pod stats: {error}")

    async def _health(self, request: Request, parts: list[str], agent: Agent) -> Response:
        return health(agent, parts[1:], verbose="verbose" in parse_qs(request.query, keep_blank_values=True))

    async def _configz(self, request: Request, parts: list[str], agent: Agent) -> Response:
        return _json({"kubeletconfig": self._settings.configz})

    async def _debug(self, request: Request, parts: list[str], agent: Agent) -> Response:
        return put_verbosity(request) if request.path == PATH else _text(404, "404 page not found")

    async def _system(self, request: Request, parts: list[str], agent: Agent) -> Response:
        if self._settings.system_logs is None:
            return _text(405, "logs endpoint is disabled.\n")
        return await asyncio.to_thread(serve_log, self._settings.system_logs, request.path, parts[1:])


def health(agent: Agent, asked: list[str], *, verbose: bool) -> Response:
    """GET /healthz, /healthz/CHECK: upstream's checks ping, log and syncloop."""
    trouble = agent.unhealthy()
    checks = {"ping": "", "log": "", "syncloop": trouble}
    if asked:
        if asked[0] not in checks or len(asked) > 1:
            return _text(404, "404 page not found")
        bad = checks[asked[0]]
        return _text(500, f"internal server error: {bad}\n") if bad else _text(200, "ok")
    lines = [f"[-]{name} failed: reason withheld\n" if bad else f"[+]{name} ok\n" for name, bad in checks.items()]
    if trouble:
        return _text(500, "".join(lines) + "healthz check failed\n")
    return _text(200, "".join(lines) + "healthz check passed\n" if verbose else "ok")


def _method_fits(method: str, first: str) -> bool:
    if first == "run":
        return method == "POST"
    if first == "debug":
        return True
    return method == "GET" or (first in POSTED and method == "POST")


def _json(body: Obj) -> Response:
    return Response(200, [("Content-Type", "application/json")], dumps(body))


def _text(status: int, text: str) -> Response:
    return Response(status, [("Content-Type", "text/plain; charset=utf-8")], text.encode())
