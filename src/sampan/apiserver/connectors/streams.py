"""pods/exec, pods/attach, pods/portforward: allowed or not, then handed to the node agent, byte for byte."""

import asyncio
from dataclasses import replace
from urllib.parse import quote, urlencode

from sampan.api.errors import StatusError, bad_request, forbidden, internal, not_found
from sampan.api.json import Obj
from sampan.apiserver.authorizer import Authorizer, attributes_of
from sampan.apiserver.call import Call
from sampan.apiserver.connectors.logs import address
from sampan.apiserver.objects import StoredObjects
from sampan.net.http import Response
from sampan.net.http_client import HttpClient
from sampan.net.http_upgrade import Relay

FLAGS = (("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty"))
"""Query parameters of the API, and as node agents call them."""
PASSED_ON = (
    "connection", "upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol",
    "x-stream-protocol-version",
)  # fmt: skip
ORDER = ("initContainers", "containers", "ephemeralContainers")
"""Containers as messages list them."""
CREATE_SINCE = (1, 35)
"""From this version on who may only `get` a subresource may not open it by a WebSocket's GET."""


class PodStreams:
    """Opens connections to node agents with the API server's own client certificate."""

    def __init__(self, objects: StoredObjects, authorizer: Authorizer, kubelets: HttpClient, version: str) -> None:
        self._objects, self._authorizer, self._kubelets = objects, authorizer, kubelets
        self._create = tuple(int(part) for part in version.split(".")[:2]) >= CREATE_SINCE

    async def execute(self, call: Call) -> Response:
        """GET or POST pods/NAME/exec."""
        return await self._command(call, "exec")

    async def attach(self, call: Call) -> Response:
        """GET or POST pods/NAME/attach."""
        return await self._command(call, "attach")

    async def forward(self, call: Call) -> Response:
        """GET or POST pods/NAME/portforward."""
        await self._may_create(call)
        pod = await self._pod(call)
        ports = ",".join(call.query.all("ports"))
        query = urlencode([("port", ports)] if ports else [])
        return await self._open(call, pod, f"/portForward/{_path(call)}", query)

    async def _command(self, call: Call, word: str) -> Response:
        await self._may_create(call)
        pod = await self._pod(call)
        container = choose(pod, call.query.get("container"))
        query = [(theirs, "1") for ours, theirs in FLAGS if call.query.flag(ours)]
        if word == "exec":
            query += [("command", part) for part in call.query.all("command")]
        return await self._open(call, pod, f"/{word}/{_path(call)}/{quote(container)}", urlencode(query))

    async def _may_create(self, call: Call) -> None:
        if call.info.verb == "create" or not self._create:
            return
        decision = await self._authorizer.authorize(call.user, replace(attributes_of(call.info), verb="create"))
        if not decision.allowed:
            raise forbidden("", "pods", call.info.name, decision.reason)

    async def _pod(self, call: Call) -> Obj:
        pod = await self._objects.get("pods", call.info.namespace, call.info.name)
        if pod is None:
            raise not_found("", "pods", call.info.name)
        return pod

    async def _open(self, call: Call, pod: Obj, path: str, query: str) -> Response:
        node_name = (pod.get("spec") or {}).get("nodeName")
        if not node_name:
            raise bad_request(f"pod {call.info.name} does not have a host assigned")
        node = await self._objects.get("nodes", "", node_name)
        if node is None:
            raise not_found("", "pods", node_name)  # upstream says so
        asked = call.request.headers
        if "upgrade" not in asked.get("connection", "").lower():
            raise bad_request("Upgrade request required")
        headers = [(name, value.strip()) for name in PASSED_ON for value in _values(name, asked.get(name, ""))]
        url = f"{address(node)}{path}" + (f"?{query}" if query else "")
        await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        try:
            answer = await self._kubelets.upgrade(call.request.method, url, headers)
        except OSError as error:
            raise internal(f"error dialing backend: {error}") from error
        if answer.status != 101:
            raise _failure(answer.status, answer.body)
        return Response(101, [(name.title(), value) for name, value in answer.headers], upgrade=Relay(answer))


def choose(pod: Obj, wanted: str) -> str:
    """The container that is meant: the one that is named, or the only one. Raises 400."""
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    main = [str(c["name"]) for c in spec.get("containers") or ()]
    every = [str(c["name"]) for key in ORDER for c in spec.get(key) or ()]
    if wanted:
        if wanted not in every:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(main) == 1:
        return main[0]
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(every)}]")


def _path(call: Call) -> str:
    return f"{quote(call.info.namespace)}/{quote(call.info.name)}"


def _values(name: str, value: str) -> list[str]:
    """A header's values: repeated stream protocols were joined, and each wants a line of its own."""
    if not value:
        return []
    return value.split(",") if name == "x-stream-protocol-version" else [value]


def _failure(status: int, body: bytes) -> StatusError:
    text = body.decode(errors="replace").strip() or f"the node agent answered {status}"
    if status == 400:
        return bad_request(text)
    if status in (403, 404):
        return StatusError(status, "NotFound" if status == 404 else "Forbidden", text, {})
    return internal(text)
