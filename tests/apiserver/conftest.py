"""An API server in this process, and the recordings of a real one to compare it with."""

import asyncio
import base64
import copy
import gzip
import json
import random
import re
import string
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sampan.aio.clock import RealClock
from sampan.api.names import GVK, RestMapping, parse_api_version
from sampan.apiserver.admission.chain import Chain
from sampan.apiserver.admission.compose import compose
from sampan.apiserver.admission.outsiders import Means as AdmissionMeans
from sampan.apiserver.app import App, Parts
from sampan.apiserver.authn.jwt import Signer
from sampan.apiserver.authn.service_accounts import ServiceAccountTokens
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authorizer import KINDS, Authorizer
from sampan.apiserver.bootstrap import bootstrap, bootstrap_objects
from sampan.apiserver.connectors import Means, connectors
from sampan.apiserver.connectors.proxy import Proxy
from sampan.apiserver.context import UserInfo
from sampan.apiserver.filters.authn import Authn
from sampan.apiserver.filters.authz import Authz
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.openid import KEYS, openid_pages
from sampan.apiserver.rbac import MASTERS
from sampan.apiserver.start import ensure
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.client.local import LocalTransport
from sampan.controllers import Settings, controllers
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.obs.metrics import Metrics
from sampan.reconcile.loop import Kit, Manager
from sampan.resources.build import builtin_resources
from sampan.store.memory import MemoryStore

CONTROLLERS = ("clusterrole-aggregation-controller", "resourcequota-controller", "disruption-controller")
GOLDEN = Path(__file__).parents[1] / "golden"
AGENT = "transcript/1.0"
SERVER = "127.0.0.1:6443"
ABSENT = "<absent>"
ADMIN = "admin-token"
ADMINS = {ADMIN: UserInfo("admin", "admin-uid", (MASTERS, "system:authenticated"))}
KEY = rsa.generate_private_key(65537, 2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
Keys = tuple[str | int, ...]
TOKEN = re.compile(r"""\.?([^.\[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]""")
REFERENCE = re.compile(r"\$\{([^}]+)\}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
AGE = re.compile(r"\d{1,2}s")
IN_TEXT = [
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<uid>"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"\b(kube-api-access-)[a-z0-9]{5}\b"), r"\1<gen>"),
    (re.compile(r"(too old resource version: \d+ )\(\d+\)"), r"\1(<rv>)"),
    (re.compile(r"(ResourceVersion in (?:precondition|object meta): )\d+"), r"\1<rv>"),
    (re.compile(r"(Too large resource version: \d+, current: )\d+"), r"\1<rv>"),
    (re.compile(r'(resourceVersion\\*":\\*")\d+'), r"\1<rv>"),
]
BY_KEY = {
    "uid": "<uid>", "resourceVersion": "<rv>", "continue": "<continue>", "token": "<token>",
    "serverAddress": "<server>", "selfLink": "<link>",
}  # fmt: skip
ROOT_CA_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
ALLOCATED = {"clusterIP": "<ip>", "clusterIPs": "<ip>", "nodePort": "<port>", "healthCheckNodePort": "<port>"}


def parse_path(path: str) -> Keys:
    """`a.b[0]["x.y"][*]` as keys."""
    keys: list[str | int] = []
    for word, index, quoted in TOKEN.findall(path):
        keys.append((index if index == "*" else int(index)) if index else word or json.loads(f'"{quoted}"'))
    return tuple(keys)


def pick(value: Any, keys: Keys) -> Any:
    """The value at a path, or ABSENT."""
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return value


def covers(pattern: Keys, path: Keys) -> bool:
    """Whether the pattern is the path or an ancestor of it."""
    return len(pattern) <= len(path) and all(p in ("*", k) for p, k in zip(pattern, path, strict=False))


def differences(want: Any, got: Any, at: Keys = ()) -> Iterator[tuple[Keys, Any, Any]]:
    """Where two values differ."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            yield from differences(want.get(key, ABSENT), got.get(key, ABSENT), (*at, key))
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for index, (a, b) in enumerate(zip(want, got, strict=True)):
            yield from differences(a, b, (*at, index))
    elif type(want) is not type(got) or want != got:
        yield at, want, got


def compare(step: dict[str, Any], got: dict[str, Any]) -> list[tuple[Keys, Any, Any]]:
    """How an answer differs from the recorded one, where the step compares."""
    want = step["response"]
    if "only" in step:
        paths = [parse_path(path) for path in step["only"]]
        found = [d for path in paths for d in differences(pick(want, path), pick(got, path), path)]
    else:
        found = list(differences(want, got))
    loose = [parse_path(path) for path in step.get("loose", [])]
    return [d for d in found if not any(covers(pattern, d[0]) for pattern in loose)]


class Normaliser:
    """Puts placeholders for what differs from run to run; what the scenario itself sent is kept."""

    def __init__(self, namespace: str) -> None:
        self.names = {namespace: "$NS", SERVER: "<server>"}
        self.sent: set[str | int] = set()

    def note_request(self, value: Any) -> None:
        """Remember every value of a request."""
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                self.note_request(item)
        elif isinstance(value, str | int) and value not in ("", 0, False):
            self.sent.add(value)

    def __call__(self, value: Any) -> Any:
        self._note_generated(value)
        return self._walk(value, "")

    def _note_generated(self, value: Any) -> None:
        if isinstance(value, dict):
            meta = value.get("metadata")
            if isinstance(meta, dict) and meta.get("generateName"):
                name, base = str(meta.get("name", "")), str(meta["generateName"])
                if name and name not in self.sent and name[-5:].isalnum() and base.startswith(name[:-5][:50]):
                    self.names[name] = name[:-5] + "<gen>"
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                self._note_generated(item)

    def _walk(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {self._text(k): self._walk(v, k) for k, v in value.items()}
        if isinstance(value, list):
            items = [self._walk(item, key) for item in value]
            if key == "managedFields" and all(isinstance(item, dict) for item in items):
                items.sort(key=lambda m: [str(m.get(k)) for k in ("operation", "manager", "subresource", "apiVersion")])
            return items
        if isinstance(value, bool) or not isinstance(value, str | int):
            return value
        if key in ALLOCATED and value not in ("", "None", 0) and value not in self.sent:
            return ALLOCATED[key]
        if isinstance(value, int):
            return value
        if key == "cells" and AGE.fullmatch(value):
            return "<age>"
        if key in BY_KEY and value not in ("", "0"):
            return BY_KEY[key] if value not in self.sent or key == "resourceVersion" else value
        return self._text(value)

    def _text(self, value: str) -> str:
        for real, shown in self.names.items():
            value = value.replace(real, shown)
        for pattern, shown in IN_TEXT:
            value = pattern.sub(shown, value)
        return TIME.sub(self._when, value)

    def _when(self, match: re.Match[str]) -> str:
        if match[0] in self.sent:
            return match[0]
        try:
            then = datetime.fromisoformat(match[0])
        except ValueError:
            return match[0]
        if abs(then - datetime.now(UTC)) > timedelta(days=2):
            return match[0]
        return "<microtime>" if match[1] else "<time>"


class Replay:
    """Runs the steps of one scenario against an App."""

    TRIES = 20
    """For steps with `until`."""
    STREAM = (0.25, 1.2)
    """Seconds for a watch of a few events, and of all that come."""

    def __init__(self, app: Any, scenario: dict[str, Any], token: str = ADMIN) -> None:
        self.app, self.scenario, self.token = app, scenario, token
        self.namespace = "tx-" + "".join(random.choices(string.ascii_lowercase + string.digits, k=8))
        self.normalise = Normaliser(self.namespace)
        self.bodies: dict[str, Any] = {}

    async def run(self) -> list[str]:
        """Every difference, in words."""
        problems = []
        wanted = self.scenario.get("namespace", {})
        if wanted is not False:
            made = await self.call("POST", "/api/v1/namespaces", {"metadata": {**wanted, "name": self.namespace}})
            if made.status != 201:
                problems.append(f"the namespace: {made.body!r}")
            await self._controllers()
        async with running_controllers(self.app) if self._waits() else nullcontext():
            return problems + await self._steps()

    def _waits(self) -> bool:
        """Whether a step repeats its request until a controller has done its work."""
        return any(step.get("until") for step in self.scenario["steps"])

    async def _steps(self) -> list[str]:
        problems = []
        for number, step in enumerate(self.scenario["steps"], 1):
            answer = await self.step(step)
            await self._pause()  # the time that an answer took to come
            self.bodies[step.get("id", f"s{number}")] = answer["body"]
            for path, want, got in compare(step, self.normalise(answer)):
                shown = ".".join(map(str, path))
                problems.append(f"{number} {step['method']} {step['path']}: {shown}: {want!r:.600} is {got!r:.600}")
        return problems

    async def _controllers(self) -> None:
        """What the recorded server's controllers put into a new namespace."""
        root = f"/api/v1/namespaces/{self.namespace}"
        await self.call("POST", f"{root}/serviceaccounts", {"metadata": {"name": "default"}})
        note = {"kubernetes.io/description": ROOT_CA_TEXT}
        authority = {"metadata": {"name": "kube-root-ca.crt", "annotations": note}, "data": {"ca.crt": "x"}}
        await self.call("POST", f"{root}/configmaps", authority)

    async def call(self, method: str, path: str, body: Any = None) -> Response:
        headers = {"content-type": "application/json", "user-agent": AGENT, "host": SERVER}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        content = json.dumps(body).encode() if body else b""
        answer: Response = await self.app(Request(method, path, "", headers, content))
        return answer

    def fill(self, value: Any) -> Any:
        """With the namespace and values of earlier answers."""
        if isinstance(value, dict):
            return {self.fill(k): self.fill(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        if whole := REFERENCE.fullmatch(value):
            return self.lookup(whole[1])
        return REFERENCE.sub(lambda m: str(self.lookup(m[1])), value).replace("$NS", self.namespace)

    def lookup(self, name: str) -> Any:
        """`${name}`."""
        if name.startswith("pad:"):
            return "x" * int(name[4:])
        keys = parse_path(name)
        return copy.deepcopy(pick(self.bodies.get(str(keys[0])), keys[1:]))

    async def step(self, step: dict[str, Any]) -> dict[str, Any]:
        """Send one request, again while its `until` is not so (a few times: nothing here comes late by itself)."""
        until = {k: v for k, v in step.get("until", {}).items() if k != "seconds"}
        for _ in range(self.TRIES if until else 1):
            answer = await self.send(step)
            if all(pick(answer, parse_path(k)) == self.fill(v) for k, v in until.items()):
                break
            await self._pause()
        return answer

    async def _pause(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def send(self, step: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": AGENT, "host": SERVER}
        token = self.fill(step.get("token", self.token))
        if token:
            headers["authorization"] = f"Bearer {token}"
        body = self.fill(step.get("body"))
        self.normalise.note_request(step.get("body"))
        content = b""
        if isinstance(body, dict) and set(body) == {"base64"}:
            content = base64.b64decode(body["base64"])
        elif isinstance(body, str):
            content = body.encode()
        elif body is not None:
            content = json.dumps(body).encode()
        if body is not None:
            headers["content-type"] = "application/json"
        for key, value in self.fill(step.get("headers", {})).items():
            headers[key.lower()] = value
        headers = {key: value for key, value in headers.items() if value is not None}
        groups: list[str] = []
        if who := self.fill(step.get("as")):
            headers["impersonate-user"] = who["user"]
            groups = who.get("groups") or []
            if groups:
                headers["impersonate-group"] = ", ".join(groups)
        path, _, query = self.fill(step["path"]).partition("?")
        repeated = {"impersonate-group": groups} if groups else None
        response = await self.app(Request(step["method"], path, query, headers, content, repeated=repeated))
        if response.stream is not None:
            events = await read_stream(response.stream, step.get("expect_stream", {}), self.STREAM)
            return shape(response, events, step["method"])
        return shape(response, None, step["method"])


@asynccontextmanager
async def running_controllers(app: App) -> AsyncIterator[None]:
    """The recorded server's controllers that scenarios wait for."""
    user = UserInfo("system:kube-controller-manager", groups=(MASTERS, "system:authenticated"))
    api = Api(LocalTransport(app, user, "controllers"))
    chosen = [one for one in controllers(Settings("", "", ())) if one.name in CONTROLLERS]
    informers = Informers(api, RealClock())
    kinds: list[RestMapping] = []

    def look() -> None:
        kinds[:] = {(r.mapping.group, r.mapping.plural): r.mapping for r in app.kit.live.all()}.values()

    look()
    app.kit.live.on_change(look)
    manager = Manager(chosen, Kit(api, informers, RealClock(), kinds))
    await manager.start()
    try:
        yield
    finally:
        await manager.close()
        await informers.close()


async def read_stream(stream: AsyncIterator[bytes], limit: dict[str, Any], seconds: tuple[float, float]) -> list[Any]:
    """The events of a watch, until there are enough or nothing more comes."""
    events: list[Any] = []
    wanted = limit.get("events", 1_000_000)
    try:
        async with asyncio.timeout(seconds[0] if wanted < 100 else seconds[1]):
            async for chunk in stream:
                events += [json.loads(line) for line in chunk.splitlines()]
                if len(events) >= wanted:
                    break
    except TimeoutError:
        pass
    finally:
        await stream.aclose()  # type: ignore[attr-defined]
    return events[:wanted]


def shape(response: Response, body: Any, method: str) -> dict[str, Any]:
    """What is compared of a response."""
    headers = [(key.lower(), value) for key, value in response.headers]
    kind = next((value for key, value in headers if key == "content-type"), "")
    if body is None:
        body = "" if method == "HEAD" else response.body.decode(errors="replace")
        if "json" in kind:
            body = json.loads(body) if body else body
        elif "yaml" in kind:
            body = json.loads(json.dumps(yaml.safe_load(body), default=str))
    warnings = [value for key, value in headers if key == "warning"]
    return {"status": response.status, "content_type": kind, "warnings": warnings, "body": body}


def scenarios() -> list[dict[str, Any]]:
    """Every recorded scenario."""
    found = []
    for file in sorted((GOLDEN / "transcripts").glob("*.jsonl.gz")):
        found += [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`scenario` runs over the recordings."""
    if "scenario" in metafunc.fixturenames:
        found = scenarios()
        metafunc.parametrize("scenario", found, ids=[one["name"] for one in found])


@pytest.fixture(scope="session")
def expected_failures() -> frozenset[str]:
    """Names of scenarios that are known to fail; the list may only shrink."""
    lines = (GOLDEN / "expected-failures.txt").read_text().splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """A fresh API server over a store in memory, without authentication and admission."""
    store = MemoryStore()
    made = App(Parts(store, builtin_resources("1.36"), version="1.36", rng=random.Random(7), address=SERVER))
    await made.start()
    yield made
    await made.close()
    await store.close()


@asynccontextmanager
async def full_server() -> AsyncIterator[App]:
    """A server with all that belongs to it: authentication, RBAC, admission, connectors, bootstrap objects."""
    store, clock, rng = MemoryStore(), RealClock(), random.Random(7)
    objects = StoredObjects(store)
    authorizer = Authorizer(store, objects)
    tokens = ServiceAccountTokens(lambda: Signer(KEY), objects)
    bearer = BearerTokens(ADMINS, tokens)

    agents = HttpClient()
    means = AdmissionMeans(store, objects, clock, rng, Metrics(), authorizer)
    admission, outsiders = compose(Chain(objects, rng), means, authorizer)
    parts = Parts(
        store,
        builtin_resources("1.36"),
        admission=admission,
        outsiders=outsiders,
        authn=lambda inner: Authn(inner, clock, tokens=bearer, may=authorizer.authorize),
        authz=lambda inner: Authz(inner, authorizer),
        connectors=connectors(Means(objects, bearer, authorizer, agents, "1.36", Proxy(objects, agents, rng))),
        clock=clock,
        rng=rng,
        version="1.36",
        pages=openid_pages(tokens.signer, tokens.issuer, f"https://{SERVER}{KEYS}"),
        address=SERVER,
    )
    made = App(parts)
    watching = [asyncio.create_task(authorizer.run(plural)) for plural in KINDS]
    await made.start()

    async def create(obj: dict[str, Any]) -> None:
        group, version = parse_api_version(obj["apiVersion"])
        resource = made.kit.live.of_kind(GVK(group, version, obj["kind"]))
        assert resource is not None
        await ensure(made.kit, group, version, resource.mapping.plural, obj)

    await bootstrap(bootstrap_objects(made.kit.live), create)
    try:
        yield made
    finally:
        await made.close()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await store.close()


@pytest.fixture(scope="session")
def admin_token() -> str:
    """A token of somebody who may do everything."""
    return ADMIN


@pytest.fixture
async def served() -> AsyncIterator[App]:
    """`full_server`."""
    async with full_server() as made:
        yield made


@pytest.fixture
def replay() -> type[Replay]:
    """The runner of recorded scenarios."""
    return Replay


@pytest.fixture(scope="session")
def recorded() -> frozenset[str]:
    """Names of all recorded scenarios."""
    return frozenset(one["name"] for one in scenarios())


@pytest.fixture(scope="session")
def recorded_in() -> Callable[[str], list[dict[str, Any]]]:
    """The recorded scenarios of an area."""
    return lambda area: [one for one in scenarios() if one["name"].startswith(f"{area}/")]
