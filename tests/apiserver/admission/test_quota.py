"""Quotas around a server: writes that come at once, writes of others in between, dry runs, quotas that go."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sampan.aio.clock import RealClock
from sampan.api.json import Obj
from sampan.apiserver.admission.quota import ResourceQuota
from sampan.apiserver.admission.review import AdmitAll
from sampan.apiserver.app import App, Parts
from sampan.apiserver.objects import StoredObjects
from sampan.net.http import Request, Response
from sampan.resources.build import builtin_resources
from sampan.store.memory import MemoryStore

ROOT = "/api/v1/namespaces/default"
QUOTA = f"{ROOT}/resourcequotas/q"


class Server:
    def __init__(self, app: App, store: MemoryStore) -> None:
        self.app, self.store = app, store

    async def call(self, method: str, path: str, body: Any = None, query: str = "") -> Response:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        content = b"" if body is None else json.dumps(body).encode()
        return await self.app(Request(method, path, query, {"content-type": kind}, content))

    async def create(self, plural: str, name: str, query: str = "", **more: Any) -> int:
        return (await self.call("POST", f"{ROOT}/{plural}", {"metadata": {"name": name}, **more}, query)).status

    async def limit(self, **hard: str) -> None:
        """A quota that was counted already."""
        await self.create("resourcequotas", "q", spec={"hard": hard})
        await self.call("PATCH", f"{QUOTA}/status", {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}})

    async def quota(self) -> Obj:
        found: Obj = json.loads((await self.call("GET", QUOTA)).body)
        return found


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    store = MemoryStore()
    admission = ResourceQuota(AdmitAll(), StoredObjects(store))
    resources = builtin_resources("1.36")
    app = App(Parts(store, resources, admission, clock=RealClock(), version="1.36", rng=random.Random(7)))
    await app.start()
    yield Server(app, store)
    await app.close()
    await store.close()


async def test_of_many_at_once_as_many_pass_as_fit(server: Server) -> None:
    await server.limit(secrets="10")
    before = server.store.revision
    answers = await asyncio.gather(*(server.create("secrets", f"s{number}") for number in range(25)))
    assert sorted(answers) == [201] * 10 + [403] * 15
    assert (await server.quota())["status"]["used"] == {"secrets": "10"}
    assert server.store.revision - before <= 10 + 3, "the quota is written once for many"


async def test_the_use_is_written_as_the_server_s_own_word(server: Server) -> None:
    await server.limit(configmaps="1")
    assert await server.create("configmaps", "a") == 201
    managers = [(m["manager"], m.get("subresource")) for m in (await server.quota())["metadata"]["managedFields"]]
    assert ("kube-apiserver", "status") in managers


async def test_a_dry_run_is_checked_but_costs_nothing(server: Server) -> None:
    await server.limit(secrets="1")
    assert await server.create("secrets", "a", "dryRun=All") == 201
    assert (await server.quota())["status"]["used"] == {"secrets": "0"}
    assert await server.create("secrets", "a") == 201
    assert await server.create("secrets", "b", "dryRun=All") == 403


async def test_somebody_else_s_write_of_the_quota_is_no_conflict(server: Server) -> None:
    await server.limit(secrets="100")

    async def others() -> None:
        for number in range(10):
            await server.call("PATCH", QUOTA, {"metadata": {"labels": {"a": str(number)}}})
            await asyncio.sleep(0)

    answers, _ = await asyncio.gather(
        asyncio.gather(*(server.create("secrets", f"s{number}") for number in range(20))), others()
    )
    assert set(answers) == {201}
    assert (await server.quota())["status"]["used"] == {"secrets": "20"}


async def test_quotas_count_from_the_moment_they_are_there(server: Server) -> None:
    assert await server.create("secrets", "a") == 201
    await server.limit(secrets="0")
    assert await server.create("secrets", "b") == 403
    await server.call("DELETE", QUOTA)
    assert await server.create("secrets", "b") == 201


async def test_a_quota_that_is_not_counted_yet_lets_nothing_pass(server: Server) -> None:
    await server.create("resourcequotas", "q", spec={"hard": {"secrets": "5"}})
    await server.call("PATCH", f"{QUOTA}/status", {"status": {"hard": {"secrets": "5"}}})
    answer = await server.call("POST", f"{ROOT}/secrets", {"metadata": {"name": "a"}})
    text = 'secrets "a" is forbidden: status unknown for quota: q, resources: secrets'
    assert (answer.status, json.loads(answer.body)["message"]) == (403, text)
