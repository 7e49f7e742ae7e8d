"""Follows APIServices: makes those of what is served here, watches over other servers and sends them requests."""

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from sampan.aio.tasks import Tasks
from sampan.api.errors import StatusError
from sampan.api.json import JSONDecodeError, Obj, dumps, loads
from sampan.apiserver import write
from sampan.apiserver.aggregation.check import LOCAL, PASSED, Verdict, before_asking, failed, of_service, with_condition
from sampan.apiserver.aggregation.documents import group_of, ranked, with_discovery, with_groups
from sampan.apiserver.aggregation.records import (
    ALWAYS,
    AUTOMANAGED,
    GROUP,
    PLURAL,
    Remote,
    local_services,
    remote_of,
)
from sampan.apiserver.call import Call, Kit
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.forward import Target, forward
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.options import PLAIN_WRITE, delete_options
from sampan.apiserver.query import NOTHING
from sampan.apiserver.service_endpoints import NoEndpoint, endpoint_of
from sampan.apiserver.start import SYSTEM, ensure
from sampan.apiserver.verbs.delete import delete_one
from sampan.apiserver.write import Change
from sampan.net.http import Headers, Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.tls import client_context
from sampan.store.base import SlowReader

log = logging.getLogger("sampan.apiserver")
SERVICES, SLICES = "/core/services/", "/discovery.k8s.io/endpointslices/"
LOOK_EVERY, CHECK_EVERY, ASK_SECONDS = 0.5, 30.0, 5.0
CHECKER = UserInfo("system:kube-aggregator", groups=("system:masters",))
ANSWERED_HERE = "x-remote-"
Identity = Callable[[], tuple[bytes, bytes]]
"""PEM of the front proxy's client certificate and key, by which extension servers know this one."""


class Aggregator:
    """Start it when the kinds in the tree are served; `find` and `send` are then asked for every other group."""

    def __init__(self, kit: Kit, identity: Identity | None, rng: random.Random) -> None:
        self._kit, self._identity, self._rng = kit, identity, rng
        self._objects = StoredObjects(kit.store)
        self._remotes: dict[str, Remote] = {}
        self._by_version: dict[tuple[str, str], Remote] = {}
        self._lists: dict[str, Obj | None] = {}
        self._clients: dict[Remote, HttpClient] = {}
        self._tasks = Tasks()
        self._changed = asyncio.Event()
        self._some = asyncio.Event()
        """Set while there are extension servers."""
        self._listeners: list[Callable[[], None]] = []

    @property
    def active(self) -> bool:
        """Whether there is any extension server."""
        return bool(self._remotes)

    def start(self) -> None:
        """Begin to follow."""
        self._kit.live.on_change(self._changed.set)
        self._changed.set()
        self._tasks.start(self._follow(), "API services")
        self._tasks.start(self._keep_local(), "local API services")
        self._tasks.start(self._watch_over(), "extension servers")

    async def close(self) -> None:
        """Follow no more, close all connections."""
        await self._tasks.cancel()
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    # ---- requests

    def find(self, path: str) -> Remote | None:
        """The extension server of a path, if it has one."""
        parts = path.split("/", 6)
        if len(parts) > 3 and parts[1] == "apis":
            return self._by_version.get((parts[2], parts[3]))
        if len(parts) > 5 and parts[1:4] == ["openapi", "v3", "apis"]:
            return self._by_version.get((parts[4], parts[5]))
        return None

    async def send(self, remote: Remote, request: Request, user: UserInfo) -> Response:
        """Its answer; 503 in plain text if it is not available."""
        if not remote.available:
            return _unavailable()
        try:
            where = (remote.service.namespace, remote.service.name)
            host, port = await endpoint_of(self._objects, self._rng, where, remote.service.port)
        except NoEndpoint as error:
            log.warning("%s: %s", remote.name, error)
            return _unavailable()
        dropped = frozenset(name for name in request.headers if name.startswith(ANSWERED_HERE))
        forwarded = [("x-forwarded-for", request.peer.host)] if request.peer is not None else []
        url = f"https://{host}:{port}{request.path}"
        return await forward(
            request, Target(self._client(remote), url, [*identity_of(user), *forwarded], dropped=dropped)
        )

    def groups(self, document: Obj) -> Obj:
        """`/apis` with the groups of extension servers."""
        return with_groups(document, self._remotes.values())

    def discovery(self, document: Obj) -> Obj:
        """Aggregated discovery with their resources."""
        return with_discovery(document, self._remotes.values(), self._lists)

    def group(self, name: str) -> Obj | None:
        """`/apis/GROUP` of extension servers, or None."""
        versions = ranked(self._remotes.values()).get(name)
        return None if versions is None else {"kind": "APIGroup", "apiVersion": "v1", **group_of(name, versions)}

    def openapi(self, index: bytes) -> bytes:
        """`/openapi/v3` with their documents, which come from them."""
        if not self._remotes:
            return index
        document: Obj = loads(index)
        for one in self._remotes.values():
            path = f"apis/{one.group}/{one.version}"
            mark = hashlib.sha256(dumps([one.name, self._lists.get(one.name)])).hexdigest().upper()
            document["paths"][path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={mark}"}
        return dumps(document)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call this whenever documents may be others than before."""
        self._listeners.append(listener)

    def _client(self, remote: Remote) -> HttpClient:
        key = remote._replace(available=True)
        found = self._clients.get(key)
        if found is None:
            certificate, secret = self._identity() if self._identity is not None else (None, None)
            context = client_context(remote.ca or None, certificate, secret, verify=remote.verify)
            found = self._clients[key] = HttpClient(context, server_name=remote.service.server_name)
        return found

    # ---- following

    async def _follow(self) -> None:
        prefix, kit = f"/{GROUP}/{PLURAL}/", self._kit
        while True:
            page = await kit.store.range(prefix)
            found = [remote_of(loads(kv.value)) for kv in page.items]
            self._remotes = {one.name: one for one in found if one is not None}
            self._learned()
            watch = kit.store.watch(prefix, since=page.revision)
            try:
                async for batch in watch:
                    for event in batch:
                        self._take(loads(event.kv.value), event.type == "DELETE")
                    self._learned()
            except SlowReader:
                continue
            finally:
                watch.close()

    def _take(self, api_service: Obj, gone: bool) -> None:
        name = api_service["metadata"]["name"]
        remote = None if gone else remote_of(api_service)
        before = self._remotes.pop(name, None)
        if remote is not None:
            self._remotes[name] = remote
            if before is None or remote._replace(available=before.available) != before:
                self._tasks.start(self._check(remote), f"first look at {name}")
        if before is not None and (remote is None or remote._replace(available=before.available) != before):
            self._lists.pop(name, None)
            client = self._clients.pop(before._replace(available=True), None)
            if client is not None:
                self._tasks.start(client.close(), f"connections of {name}")

    def _learned(self) -> None:
        served = {(r.mapping.group, r.mapping.version) for r in self._kit.live.all()} if self._remotes else set()
        found = {(one.group, one.version): one for one in self._remotes.values()}
        self._by_version = {key: one for key, one in found.items() if key not in served}
        self._changed.set()
        if self._remotes:
            self._some.set()
        else:
            self._some.clear()
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    # ---- what is served here

    async def _keep_local(self) -> None:
        """APIServices of the tree's groups once, those of custom kinds always; all of them available."""
        first, at = True, -1
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._kit.live.generation == at and not first:
                await self._say_local()
                continue
            at = self._kit.live.generation
            wanted = local_services(self._kit.live.all())
            for name, obj in wanted.items():
                if first or obj["metadata"]["labels"][AUTOMANAGED] == ALWAYS:
                    await self._quietly(name, ensure(self._kit, GROUP, "v1", PLURAL, obj))
            for one in await self._objects.list(PLURAL, "", GROUP):
                managed = (one["metadata"].get("labels") or {}).get(AUTOMANAGED)
                if managed == ALWAYS and one["metadata"]["name"] not in wanted:
                    await self._quietly(one["metadata"]["name"], self._delete(one["metadata"]["name"]))
            first = False
            await self._say_local()

    async def _say_local(self) -> None:
        for one in await self._objects.list(PLURAL, "", GROUP):
            if (one.get("spec") or {}).get("service") is None and not (one.get("status") or {}).get("conditions"):
                await self._say(one["metadata"]["name"], LOCAL)

    # ---- other servers

    async def _watch_over(self) -> None:
        """Check all of them when something changed, and every half a minute."""
        clock, seen, due = self._kit.clock, (-1, -1, frozenset[Remote]()), 0.0
        while True:
            await self._some.wait()
            store = self._kit.store
            names = frozenset(one._replace(available=True) for one in self._remotes.values())
            now = (store.changed(SERVICES), store.changed(SLICES), names)
            if now != seen or clock.monotonic() >= due:
                seen, due = now, clock.monotonic() + CHECK_EVERY
                await asyncio.gather(*(self._check(one) for one in self._remotes.values()))
            await clock.sleep(LOOK_EVERY)

    async def _check(self, remote: Remote) -> None:
        service = await self._objects.get("services", remote.service.namespace, remote.service.name)
        slices = await self._objects.list("endpointslices", remote.service.namespace, "discovery.k8s.io")
        verdict = before_asking(remote, service, of_service(slices, remote.service.name))
        await self._say(remote.name, verdict or await self._asked(remote))

    async def _asked(self, remote: Remote) -> Verdict:
        path = f"/apis/{remote.group}/{remote.version}"
        try:
            where = (remote.service.namespace, remote.service.name)
            host, port = await endpoint_of(self._objects, self._rng, where, remote.service.port)
        except NoEndpoint as error:
            return failed(str(error))
        url = f"https://{host}:{port}{path}"
        headers = [("host", remote.service.server_name), ("accept", "application/json"), *identity_of(CHECKER)]
        try:
            answer = await self._client(remote).send("GET", url, headers, timeout=ASK_SECONDS)
        except OSError as error:
            self._lists[remote.name] = None
            return failed(f'failing or missing response from {url}: Get "{url}": {str(error) or "EOF"}')
        if not 200 <= answer.status < 300:
            self._lists[remote.name] = None
            return failed(f"failing or missing response from {url}: bad status from {url}: {answer.status}")
        try:
            listed = loads(answer.body)
        except JSONDecodeError:
            listed = None
        if listed != self._lists.get(remote.name):
            self._lists[remote.name] = listed if isinstance(listed, dict) else None
            self._tell()
        return PASSED

    # ---- writing

    async def _say(self, name: str, verdict: Verdict) -> None:
        async def make(old: Obj) -> Obj:
            return with_condition(old, verdict, self._kit.now())

        call = self._call("update", name, "status")
        await self._quietly(name, write.update(call, Change(make, "status"), PLAIN_WRITE, "UpdateOptions"))

    async def _delete(self, name: str) -> None:
        await delete_one(self._call("delete", name), name, delete_options(None, NOTHING))

    def _call(self, verb: str, name: str, subresource: str = "") -> Call:
        resource = self._kit.live.get(GROUP, "v1", PLURAL)
        assert resource is not None
        path = resource.mapping.path("", name)
        request = Request("PUT", path, headers={"user-agent": "kube-apiserver"}, context={"user": SYSTEM})
        info = RequestInfo(True, verb, path, GROUP, "v1", "", PLURAL, subresource, name)
        return Call(self._kit, request, info, resource, self._kit.registry.entry(resource), trusted=True)

    async def _quietly(self, name: str, work: Awaitable[object]) -> None:
        """An APIService that went meanwhile is nobody's concern."""
        try:
            await work
        except StatusError as error:
            if error.code != 404:
                log.warning("API service %s: %s", name, error)


def identity_of(user: UserInfo) -> Headers:
    """Who asks, as extension servers are told (client-go: transport.SetAuthProxyHeaders)."""
    told: Headers = [("X-Remote-User", user.name)]
    if user.uid:
        told.append(("X-Remote-Uid", user.uid))
    told += [("X-Remote-Group", group) for group in user.groups]
    for key, values in user.extra.items():
        told += [(f"X-Remote-Extra-{quote(key, safe='')}", value) for value in values]
    return told


def _unavailable() -> Response:
    text = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
    return Response(503, text, b"service unavailable\n")
