"""Calls webhooks: by URL, or at an endpoint of a Service; connections are kept per webhook configuration.

Texts of failures are those of upstream's client (apiserver/pkg/util/webhook, client-go/rest): operators search them.
"""

import asyncio
import base64
import random
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sampan.aio.tasks import Tasks
from sampan.api.json import Obj
from sampan.apiserver.decoder import parse_json
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.service_endpoints import NoEndpoint, endpoint_of
from sampan.net.http_client import Answer, HttpClient
from sampan.net.tls import client_context

CLIENTS = 64
"""How many webhooks' connections are kept."""
SHOWN_BODY = 2048
HEADERS = (
    ("content-type", "application/json"),
    ("accept", "application/json, */*"),
    ("user-agent", "kube-apiserver-admission"),
)
UNKNOWN_AUTHORITY = frozenset((18, 19, 20, 21))
"""OpenSSL's verify codes for a chain that ends in nothing that is trusted."""
GENERIC = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}


class ServiceRef(NamedTuple):
    """A Service of this cluster."""

    namespace: str
    name: str
    path: str = ""
    port: int = 443

    @property
    def server_name(self) -> str:
        """What the webhook's certificate must be for."""
        return f"{self.name}.{self.namespace}.svc"


class ClientConfig(NamedTuple):
    """Where a webhook is: `url`, or `service`; and the PEM of who signed its certificate (empty: the system's)."""

    url: str = ""
    service: ServiceRef | None = None
    ca: bytes = b""

    @property
    def address(self) -> str:
        """The URL as it is spoken of."""
        if self.service is None:
            return self.url
        return f"https://{self.service.server_name}:{self.service.port}{self.service.path}"


class CallFailed(Exception):
    """A webhook could not be called, or answered an error; `code` is what the metrics say of it."""

    def __init__(self, message: str, code: int = 503) -> None:
        super().__init__(message)
        self.code = code


class WebhookClient:
    """Posts JSON to webhooks."""

    def __init__(self, objects: StoredObjects, rng: random.Random) -> None:
        self._objects, self._rng = objects, rng
        self._clients: dict[ClientConfig, HttpClient] = {}
        self._closing = Tasks()

    async def post(self, config: ClientConfig, body: bytes, timeout: float, *, say: bool = True) -> Any:
        """The parsed answer. `timeout` in seconds, told to the webhook if `say`. Raises CallFailed."""
        await asyncio.sleep(0)  # a handler runs outside of a task until it first waits; time limits need one
        query = f"?timeout={timeout:g}s" if say else ""
        shown = f'Post "{config.address}{query}": '
        host = urlsplit(config.address).netloc
        try:
            target = config.url if config.service is None else await self._endpoint(config.service)
            client = self._client(config)
            answer = await client.send("POST", target + query, (("host", host), *HEADERS), body, timeout)
        except CallFailed as failed:
            raise CallFailed(shown + str(failed), failed.code) from None
        except (OSError, ValueError) as error:
            raise CallFailed(shown + error_text(error, config.address)) from error
        return parsed_answer(answer)

    async def close(self) -> None:
        """Close all connections."""
        await self._closing.join()
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    def _client(self, config: ClientConfig) -> HttpClient:
        found = self._clients.pop(config, None)
        if found is None:
            context = client_context(config.ca or None)
            found = HttpClient(context, server_name=config.service.server_name if config.service else None)
            if len(self._clients) >= CLIENTS:
                oldest = self._clients.pop(next(iter(self._clients)))
                self._closing.start(oldest.close(), "webhook connections")
        self._clients[config] = found  # the last of all: it was used last
        return found

    async def _endpoint(self, service: ServiceRef) -> str:
        """The URL of a ready endpoint of a Service; raises CallFailed."""
        try:
            where = (service.namespace, service.name)
            host, port = await endpoint_of(self._objects, self._rng, where, service.port)
        except NoEndpoint as error:
            raise CallFailed(str(error)) from None
        return f"https://{host}:{port}{service.path}"


def error_text(error: Exception, address: str) -> str:
    """What Go's HTTP client says of a failure."""
    if isinstance(error, TimeoutError):
        return "context deadline exceeded"
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in UNKNOWN_AUTHORITY:
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    host = urlsplit(address).netloc
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}: connect: connection refused"
    if isinstance(error, ConnectionError):
        return "EOF"
    return str(error)


def parsed_answer(answer: Answer) -> Any:
    """Its JSON; raises CallFailed for what is none, and for errors."""
    if 200 <= answer.status < 300:
        try:
            return parse_json(answer.body)
        except ValueError as error:
            raise CallFailed(f"couldn't get version/kind; json parse error: {error}", 500) from None
    raise CallFailed(_refusal(answer), answer.status)


def _refusal(answer: Answer) -> str:
    try:
        value = parse_json(answer.body)
    except ValueError:
        value = None
    if isinstance(value, dict) and value.get("kind") == "Status" and value.get("message"):
        return str(value["message"])
    media = answer.headers.get("content-type", "text/plain")
    text = answer.body[:SHOWN_BODY].decode(errors="replace").strip() if media.startswith("text/") else "unknown"
    status = answer.status
    if status in GENERIC:
        return GENERIC[status]
    if status in (403, 406, 415):
        return text
    if status >= 500:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'an error on the server ("{quoted}") has prevented the request from succeeding'
    return f"the server responded with the status code {status} but did not return more information"


def client_config(given: Obj) -> ClientConfig:
    """A WebhookClientConfig as a record; its caBundle is base64."""
    ca = base64.b64decode(given.get("caBundle") or "").strip()
    service = given.get("service")
    if service is None:
        return ClientConfig(given.get("url") or "", None, ca)
    path = service.get("path") or ""
    path = path if path.startswith("/") or not path else f"/{path}"
    namespace, name, port = service.get("namespace") or "", service.get("name") or "", service.get("port") or 443
    return ClientConfig("", ServiceRef(namespace, name, path, port), ca)
