"""Running a handler of a pod: exec, httpGet, tcpSocket, grpc, sleep; for probes and for lifecycle hooks."""

import asyncio
import errno
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.api.times import format_duration
from sampan.kubelet.runtime import CriError, Runtime
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context

LONGEST = 10 * 1024
"""Bytes of output or of an answer's body that are read."""
MOST_REDIRECTS = 10
VERSION = "1.37"
Purpose = Literal["probe", "lifecycle"]
WORDS = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.ECONNRESET: "read: connection reset by peer",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler came to, and its words; `ok` is None when it could not be run, which says nothing of the pod."""

    ok: bool | None
    message: str = ""


def port_of(container: Obj, port: int | str) -> int:
    """A port by number or by its name in the container. Raises ValueError."""
    if isinstance(port, int):
        return port
    for entry in container.get("ports") or ():
        if entry.get("name") == port:
            return int(entry["containerPort"])
    if port.isdecimal() and 0 < int(port) < 65536:
        return int(port)
    raise ValueError(f"couldn't find port: {port}")


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

    async def run(
        self, container: Obj, handler: Obj, container_id: str, ip: str, timeout: float, purpose: Purpose = "probe"
    ) -> Outcome:
        """Run one; never raises."""
        try:
            if "exec" in handler:
                return await self._exec(tuple(handler["exec"].get("command") or ()), container_id, timeout)
            if "sleep" in handler:
                await self._clock.sleep(min(timeout, float(handler["sleep"].get("seconds") or 0)))
                return Outcome(True)
            if not any(kind in handler for kind in ("httpGet", "tcpSocket", "grpc")):
                return Outcome(None, f"missing {purpose} handler for {container['name']}")
            if not self._reachable:
                return Outcome(True)
            if "httpGet" in handler:
                return await self._get(container, handler["httpGet"], ip, timeout, purpose)
            if "tcpSocket" in handler:
                return await self._connect(container, handler["tcpSocket"], ip, timeout)
            return await self._grpc(handler["grpc"], ip, timeout)
        except ValueError as error:
            return Outcome(None, str(error))

    async def _exec(self, command: tuple[str, ...], container_id: str, timeout: float) -> Outcome:
        try:
            code, out, err = await self._runtime.exec_sync(container_id, command, max(1, round(timeout)))
        except CriError as error:
            if error.code == "DEADLINE_EXCEEDED":
                late = f'"{" ".join(command)}" timed out after {format_duration(timeout)}'
                return Outcome(False, f"command timed out: {late}")
            return Outcome(None, error.message)
        return Outcome(code == 0, (out + err)[:LONGEST].decode(errors="replace"))

    async def _get(self, container: Obj, action: Obj, ip: str, timeout: float, purpose: Purpose) -> Outcome:
        address = _address(action.get("host") or ip, port_of(container, action["port"]))
        path = action.get("path") or "/"
        url = f"{(action.get('scheme') or 'HTTP').lower()}://{address}{path if path.startswith('/') else '/' + path}"
        headers = list(_headers(action, purpose).items())
        try:
            async with asyncio.timeout(timeout):
                status = await self._follow(url, headers)
        except TimeoutError:
            late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(False, f'Get "{url}": {late}')
        except OSError as error:
            return Outcome(False, f'Get "{url}": {_words(error, address)}')
        if 200 <= status < 400:
            return Outcome(True)
        return Outcome(False, f"HTTP probe failed with statuscode: {status}")

    async def _follow(self, url: str, headers: list[tuple[str, str]]) -> int:
        """The status at the end of redirects within the same host; one that leads elsewhere is an end."""
        if self._http is None:
            self._http = HttpClient(client_context(verify=False))
        host = urlsplit(url).hostname
        for _ in range(MOST_REDIRECTS):
            async with self._http.stream("GET", url, headers) as answer:
                size = 0
                async for chunk in answer.chunks:
                    size += len(chunk)
                    if size > LONGEST:
                        break
            target = urljoin(url, answer.headers.get("location", ""))
            redirected = answer.status in (301, 302, 303, 307, 308) and "location" in answer.headers
            if not redirected or urlsplit(target).hostname != host:
                return answer.status
            url = target
        raise OSError(f"stopped after {MOST_REDIRECTS} redirects")

    async def _connect(self, container: Obj, action: Obj, ip: str, timeout: float) -> Outcome:
        host, port = action.get("host") or ip, port_of(container, action["port"])
        address = _address(host, port)
        try:
            async with asyncio.timeout(timeout):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            return Outcome(False, f"dial tcp {address}: i/o timeout")
        except OSError as error:
            return Outcome(False, _words(error, address))
        writer.close()
        return Outcome(True)

    async def _grpc(self, action: Obj, ip: str, timeout: float) -> Outcome:
        """Asks grpc.health.v1.Health/Check."""
        from sampan.kubelet.cri.health import UNIMPLEMENTED, check

        host, port = ip, int(action["port"])
        try:
            async with asyncio.timeout(timeout):
                status = await check(host, port, action.get("service") or "")
        except TimeoutError:
            return Outcome(False, f"timeout: health rpc did not complete within {format_duration(timeout)}")
        except ConnectionRefusedError as error:
            address = _address(host, port)
            return Outcome(False, f'error: failed to connect service at "{address}": {_words(error, address)}')
        except OSError as error:
            what = "" if str(error).startswith(UNIMPLEMENTED) else "health rpc probe failed: "
            return Outcome(False, f"error: {what}{error}")
        if status == "SERVING":
            return Outcome(True)
        return Outcome(False, f'service unhealthy (responded with "{status}")')


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _headers(action: Obj, purpose: Purpose) -> dict[str, str]:
    """The action's headers and what it leaves out; an empty Accept is none."""
    made = {"User-Agent": f"kube-{purpose}/{VERSION}", "Accept": "*/*", "Connection": "close"}
    for header in action.get("httpHeaders") or ():
        name = next((own for own in made if own.lower() == header["name"].lower()), header["name"])
        made[name] = header.get("value") or ""
    return {name: value for name, value in made.items() if value or name != "Accept"}


def _words(error: OSError, address: str) -> str:
    """An error as Go would say it."""
    if error.errno in WORDS:
        what = WORDS[error.errno]
        return f"dial tcp {address}: {what}" if what.startswith("connect") else f"read tcp {address}: {what}"
    if isinstance(error, ConnectionError) and not error.errno:
        return "EOF"
    return str(error) or type(error).__name__
