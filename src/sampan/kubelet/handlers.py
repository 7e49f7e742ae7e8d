"""Running a handler of a pod: exec, httpGet, tcpSocket, grpc, sleep; for probes and for lifecycle hooks."""

import asyncio
from dataclasses import dataclass

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.runtime import CriError, Runtime
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context

LONGEST = 10 * 1024
AGENT = "kube-probe/1.37"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler came to, and its words."""

    ok: bool
    message: str = ""


def port_of(container: Obj, port: int | str) -> int:
    """A port by number or by its name in the container. Raises ValueError."""
    if isinstance(port, int):
        return port
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    return int(port)


class Handlers:
    """Runs handlers against containers; every one ends within its timeout.

    Pods that are not `reachable` (simulated ones) answer every httpGet, tcpSocket and grpc.
    """

    def __init__(self, runtime: Runtime, clock: Clock, reachable: bool = True) -> None:
        self._runtime, self._clock, self._reachable = runtime, clock, reachable
        self._http: HttpClient | None = None

    async def close(self) -> None:
        """End its connections."""
        if self._http is not None:
            await self._http.close()

    async def run(self, container: Obj, handler: Obj, container_id: str, ip: str, timeout: float) -> Outcome:
        """Run one; never raises."""
        try:
            if "exec" in handler:
                return await self._exec(tuple(handler["exec"].get("command") or ()), container_id, timeout)
            if "sleep" in handler:
                await self._clock.sleep(float(handler["sleep"].get("seconds") or 0))
                return Outcome(True)
            if not self._reachable:
                return Outcome(True)
            async with asyncio.timeout(timeout):
                if "httpGet" in handler:
                    return await self._get(container, handler["httpGet"], ip)
                if "tcpSocket" in handler:
                    return await self._connect(container, handler["tcpSocket"], ip)
                if "grpc" in handler:
                    return await self._grpc(handler["grpc"], ip)
            return Outcome(False, f"missing probe handler for {container['name']}")
        except TimeoutError:
            return Outcome(False, f"context deadline exceeded after {timeout:g}s")
        except (OSError, ValueError) as error:
            return Outcome(False, str(error) or type(error).__name__)

    async def _exec(self, command: tuple[str, ...], container_id: str, timeout: float) -> Outcome:
        try:
            code, out, err = await self._runtime.exec_sync(container_id, command, max(1, round(timeout)))
        except CriError as error:
            if error.code == "DEADLINE_EXCEEDED":
                return Outcome(False, f"command timed out: {command} timed out after {timeout:g}s")
            return Outcome(False, error.message)
        return Outcome(code == 0, (out + err)[:LONGEST].decode(errors="replace"))

    async def _get(self, container: Obj, action: Obj, ip: str) -> Outcome:
        host, port = action.get("host") or ip, port_of(container, action["port"])
        shown = f"[{host}]" if ":" in host else host
        path = action.get("path") or "/"
        url = (
            f"{(action.get('scheme') or 'HTTP').lower()}://{shown}:{port}{path if path.startswith('/') else '/' + path}"
        )
        headers = {"User-Agent": AGENT, "Accept": "*/*", "Connection": "close"}
        headers.update({h["name"]: h.get("value", "") for h in action.get("httpHeaders") or ()})
        if self._http is None:
            self._http = HttpClient(client_context(verify=False))
        answer = await self._http.send("GET", url, list(headers.items()))
        if 200 <= answer.status < 400:
            return Outcome(True)
        return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}")

    async def _connect(self, container: Obj, action: Obj, ip: str) -> Outcome:
        host, port = action.get("host") or ip, port_of(container, action["port"])
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return Outcome(True)

    async def _grpc(self, action: Obj, ip: str) -> Outcome:
        """grpc.health.v1.Health/Check. Its two messages are one field each, so they are written by hand."""
        return await grpc_health(ip, int(action["port"]), action.get("service") or "")


async def grpc_health(host: str, port: int, service: str) -> Outcome:
    """Ask a server for its health by gRPC."""
    from sampan.kubelet.cri.health import check

    status = await check(host, port, service)
    return Outcome(status == "SERVING", "" if status == "SERVING" else f"service unhealthy (responded with {status!r})")
