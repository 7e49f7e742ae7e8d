"""A webhook over HTTPS on loopback, and an API server that calls it."""

import asyncio
import base64
import datetime
import ipaddress
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sampan.aio.clock import RealClock
from sampan.apiserver.admission.chain import Chain
from sampan.apiserver.admission.outsiders import Means, Outsiders
from sampan.apiserver.app import App, Parts
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.context import UserInfo
from sampan.apiserver.objects import StoredObjects
from sampan.client.api import Api
from sampan.client.local import LocalTransport
from sampan.net.http import Request, Response
from sampan.net.http_server import Server, serve
from sampan.net.tls import server_context
from sampan.obs.metrics import Metrics
from sampan.resources.build import builtin_resources
from sampan.store.memory import MemoryStore

Obj = dict[str, Any]
Answer = Callable[[Obj], Any]
SERVICE_NAME = "hook.hooks.svc"


def self_signed() -> tuple[bytes, bytes]:
    """Certificate and key of the webhook, for loopback and for its Service."""
    now, key = datetime.datetime.now(datetime.UTC), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook")])
    names: list[x509.GeneralName] = [
        x509.DNSName(SERVICE_NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]  # fmt: skip
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = (
        builder.serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return made.public_bytes(serialization.Encoding.PEM), key.private_bytes(serialization.Encoding.PEM, form, plain)


class HookServer:
    """Answers each path with a function of the review; remembers what it was asked."""

    def __init__(self) -> None:
        self.certificate, self.key = self_signed()
        self.answers: dict[str, Answer] = {}
        self.asked: list[Obj] = []
        self.requests: list[Request] = []
        self.server: Server | None = None
        self.connections: set[int] = set()
        self.hang = asyncio.Event()

    async def handle(self, request: Request) -> Response:
        review = json.loads(request.body)
        self.asked.append(review["request"])
        self.requests.append(request)
        assert request.peer is not None
        self.connections.add(request.peer.port)
        answer = self.answers[request.path](review)
        if answer is self.hang:
            await self.hang.wait()
            answer = b""
        if isinstance(answer, Response):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Response(200, [("content-type", "application/json")], body)

    @property
    def port(self) -> int:
        assert self.server is not None
        return self.server.port

    @property
    def ca(self) -> str:
        return base64.b64encode(self.certificate).decode()

    def client_config(self, path: str, answer: Answer) -> Obj:
        """Where the webhook is that answers so."""
        self.answers[path] = answer
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": self.ca}


@pytest.fixture
async def hook_server() -> AsyncIterator[HookServer]:
    """A webhook's server."""
    made = HookServer()
    made.server = await serve(made.handle, "127.0.0.1", 0, ssl=server_context(made.certificate, made.key))
    yield made
    made.hang.set()
    await made.server.close()


@pytest.fixture
async def hooked() -> AsyncIterator[App]:
    """An API server whose admission calls webhooks."""
    store, clock, rng, metrics = MemoryStore(), RealClock(), random.Random(7), Metrics()
    objects = StoredObjects(store)
    authorizer = Authorizer(store, objects)
    outsiders = Outsiders(Chain(objects, rng), Means(store, objects, clock, rng, metrics, authorizer))
    parts = Parts(
        store, builtin_resources("1.36"), outsiders, outsiders, version="1.36", clock=clock, rng=rng, metrics=metrics
    )
    made = App(parts)
    await made.start()
    yield made
    await made.close()
    await store.close()


@pytest.fixture
def api(hooked: App) -> Api:
    """A client of that server."""
    return Api(LocalTransport(hooked, UserInfo("admin", groups=("system:masters",)), "tests"))
