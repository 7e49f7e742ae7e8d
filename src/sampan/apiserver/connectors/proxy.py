"""pods/proxy, services/proxy, nodes/proxy: any request, handed on to a pod, an endpoint of a Service, or a node."""

import random
import ssl
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote

from sampan.api.errors import bad_request, not_found, unavailable
from sampan.api.json import Obj
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.logs import address
from sampan.apiserver.forward import Target, forward
from sampan.apiserver.objects import StoredObjects
from sampan.net.http import Response
from sampan.net.http_client import HttpClient

NOT_ALLOWED = "address not allowed"
SCHEMES = ("", "http", "https")
READ = ("GET", "HEAD")


class Wanted(NamedTuple):
    """`name`, `name:port` or `scheme:name:port`, as a path says it (apimachinery: SplitSchemeNamePort)."""

    scheme: str
    name: str
    port: str


def wanted_of(text: str, kind: str) -> Wanted:
    """The parts; raises 400."""
    parts = text.split(":")
    if len(parts) == 3:
        found = Wanted(*parts)
    else:
        found = Wanted("", parts[0], parts[1] if len(parts) == 2 else "")
    if len(parts) > 3 or not found.name or found.scheme not in SCHEMES:
        raise bad_request(f'invalid {kind} request "{text}"')
    return found


class Proxy:
    """Sends requests on. Other servers' certificates are not checked, as upstream does not: their names are unknown."""

    def __init__(
        self,
        objects: StoredObjects,
        kubelets: HttpClient,
        rng: random.Random,
        allowed: Callable[[str], bool] | None = None,
    ) -> None:
        self._objects, self._kubelets, self._rng = objects, kubelets, rng
        self._allowed = allowed or is_allowed
        self._plain: HttpClient | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._plain is not None:
            await self._plain.close()

    async def pod(self, call: Call) -> Response:
        """Any method on pods/[SCHEME:]NAME[:PORT]/proxy/PATH; without a port the first that a container declares."""
        wanted = wanted_of(call.info.name, "pod")
        pod = await self._objects.get("pods", call.info.namespace, wanted.name)
        if pod is None:
            raise not_found("", "pods", wanted.name)
        containers = (pod.get("spec") or {}).get("containers") or ()
        ports = [c["ports"][0].get("containerPort") for c in containers if c.get("ports")]
        ip = pod_ip(pod)
        if not self._allowed(ip):
            raise bad_request(NOT_ALLOWED)
        port = wanted.port or (str(ports[0]) if ports else "")
        return await self._send(call, wanted.scheme, _joined(ip, port))

    async def service(self, call: Call) -> Response:
        """Any method on services/[SCHEME:]NAME[:PORT]/proxy/PATH; the port is a name or a number of the Service."""
        wanted, namespace = wanted_of(call.info.name, "service"), call.info.namespace
        name = wanted.port
        if wanted.port.isdecimal():
            service = await self._objects.get("services", namespace, wanted.name)
            if service is None:
                raise not_found("", "services", wanted.name)
            ports = (service.get("spec") or {}).get("ports") or ()
            found = next((port for port in ports if port.get("port") == int(wanted.port)), None)
            if found is None:
                raise unavailable(f'no service port {int(wanted.port)} found for service "{wanted.name}"')
            name = found.get("name") or ""
        places = await self._places(namespace, wanted.name, name)
        if not places:
            raise unavailable(f'no endpoints available for service "{call.info.name}"')
        return await self._send(call, wanted.scheme, self._rng.choice(places))

    async def node(self, call: Call) -> Response:
        """Any method on nodes/[SCHEME:]NAME[:PORT]/proxy/PATH; its agent's port is the usual one."""
        wanted = wanted_of(call.info.name, "node")
        node = await self._objects.get("nodes", "", wanted.name)
        if node is None:
            raise not_found("", "nodes", wanted.name)
        agent = address(node)
        host, _, port = agent.removeprefix("https://").rpartition(":")
        if wanted.port in ("", port):
            return await forward(call.request, Target(self._kubelets, agent + _path(call)))
        if not self._allowed(host.strip("[]")):
            raise bad_request(NOT_ALLOWED)
        return await self._send(call, wanted.scheme, f"{host}:{wanted.port}")

    async def _places(self, namespace: str, name: str, port: str) -> list[str]:
        """host:port of every ready endpoint that is a pod of this address."""
        slices = await self._objects.list("endpointslices", namespace, "discovery.k8s.io")
        mine = [s for s in slices if (s["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == name]
        if not mine and await self._objects.get("services", namespace, name) is None:
            raise not_found("", "services", name)
        found = []
        for ip, number, pod_name in (place for one in mine for place in _ready(one, port)):
            pod = await self._objects.get("pods", namespace, pod_name)
            if pod is not None and pod_ip(pod) == ip and self._allowed(ip):
                found.append(_joined(ip, str(number)))
        return found

    async def _send(self, call: Call, scheme: str, host: str) -> Response:
        from sampan.apiserver.connectors.pages import Way

        path, request = _path(call), call.request
        if not path and request.method in READ:
            query = f"?{request.query}" if request.query else ""
            return Response(301, [("Location", f"{unquote(request.path)}/{query}")])
        prefix = request.path[: len(request.path) - len(path)] if path else request.path
        asked = request.headers.get("host", "")
        way = Way(prefix, asked, host)
        told = [("x-forwarded-uri", request.path), ("x-forwarded-host", asked), ("x-forwarded-proto", "https")]
        if request.peer is not None:
            told.append(("x-forwarded-for", request.peer.host))
        url = f"{scheme or 'http'}://{host}{path or '/'}"
        return await forward(request, Target(self._client(), url, told, location=way.link, page=way.page))

    def _client(self) -> HttpClient:
        if self._plain is None:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self._plain = HttpClient(context)
        return self._plain


def _path(call: Call) -> str:
    """What follows `/proxy`, still encoded; empty if nothing does."""
    parts = call.request.path.split("/proxy", 1)
    return parts[1] if len(parts) == 2 else ""


def _joined(ip: str, port: str) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"{host}:{port}" if port else host


def pod_ip(pod: Obj) -> str:
    """A pod's first address, or an empty text."""
    status = pod.get("status") or {}
    listed = status.get("podIPs") or ()
    return str((listed[0].get("ip") if listed else status.get("podIP")) or "")


def is_allowed(host: str) -> bool:
    """Whether a proxy may go there: to no loopback, link-local, multicast or unspecified address."""
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    return not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)


def _ready(one: Obj, port: str) -> Iterator[tuple[str, int, str]]:
    """Address, port number and pod of the ready endpoints of a slice that has the named port."""
    number: int | None = next(
        (p["port"] for p in one.get("ports") or () if (p.get("name") or "") == port and p.get("port")), None
    )
    if number is None:
        return
    for endpoint in one.get("endpoints") or ():
        target = endpoint.get("targetRef") or {}
        if (endpoint.get("conditions") or {}).get("ready") is not False and target.get("kind") == "Pod":
            yield endpoint["addresses"][0], number, target.get("name") or ""
