"""The loop of all controllers: rounds of asking, failures, back-off, and never deciding on what it knows is old."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.meta import name_of, namespace_of
from sampan.api.names import Key, ObjectRef
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.reconcile.controller import Controller, Lookup, Watches
from sampan.reconcile.loop import Kit, Manager
from sampan.reconcile.owners import self_key
from sampan.reconcile.plan import Announce, Ask, Counted, Create, Delete, Plan, Requeue, Update
from sampan.resources.kinds import CONFIGMAPS, SECRETS
from sampan.testing.clock import FakeClock, settle

Think = Callable[[Lookup, Key], Plan]
ROOT = "/api/v1/namespaces/default"
COUNTED = Counted("tries", "all", "bad")


def secret(name: str) -> Obj:
    return {"metadata": {"name": name, "namespace": "default"}}


def refusal(code: int = 500, reason: str = "InternalError") -> StatusError:
    return StatusError(code, reason, "refused by the test")


@asynccontextmanager
async def running(memory: Any, think: Think, **more: Any) -> AsyncIterator[tuple[Manager, FakeClock]]:
    """A controller of ConfigMaps that reads Secrets."""
    clock = FakeClock()
    api = Api(memory)

    def observe(look: Lookup, key: Key, now: datetime) -> Any:
        return lambda: think(look, key)

    watches = (Watches(CONFIGMAPS, self_key), *more.pop("watches", ()))
    controller = Controller("test", watches, observe, lambda seen: seen(), reads=(SECRETS,), **more)
    informers = Informers(api, clock)
    manager = Manager([controller], Kit(api, informers, clock))
    await manager.start()
    await settle(100)
    try:
        yield manager, clock
    finally:
        await manager.close()
        await informers.close()


async def wake(memory: Any, name: str = "a") -> None:
    memory.put(f"{ROOT}/configmaps/{name}", {"metadata": {"name": name}})
    await settle(200)


async def test_changes_become_keys_old_and_new(memory: Any) -> None:
    seen: list[Key] = []

    def by_data(look: Lookup, obj: Obj) -> Iterable[Key]:
        yield Key(namespace_of(obj), str((obj.get("data") or {}).get("for", name_of(obj))))

    def think(look: Lookup, key: Key) -> Plan:
        seen.append(key)
        return ()

    async with running(memory, think, watches=(Watches(SECRETS, by_data),)):
        memory.put(f"{ROOT}/secrets/s", {"metadata": {"name": "s"}, "data": {"for": "one"}})
        await settle(100)
        memory.put(f"{ROOT}/secrets/s", {"metadata": {"name": "s"}, "data": {"for": "two"}})
        await settle(100)
    assert [key.name for key in seen] == ["one", "one", "two"]


async def test_it_asks_until_it_knows(memory: Any) -> None:
    rounds: list[Any] = []
    memory.put(f"{ROOT}/secrets/known", secret("known"))

    def think(look: Lookup, key: Key) -> Plan:
        for name in ("known", "unknown"):
            ref = ObjectRef(SECRETS, "default", name)
            if not look.asked(ref):
                return (Ask(ref),)
            rounds.append(look.live(ref) is not None)
        return ()

    async with running(memory, think):
        await wake(memory)
    assert rounds == [True, True, False]


async def test_a_decision_that_asks_without_end_is_given_up(memory: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with running(memory, lambda look, key: (Ask(ObjectRef(SECRETS, "default", "x")),)):
        await wake(memory)
        await settle(500)
    assert "asks without end" in caplog.text


async def test_refused_writes_are_tried_again_later_and_later(memory: Any) -> None:
    memory.refuse = lambda request: refusal() if request.method == "POST" else None
    async with running(memory, lambda look, key: (Create(SECRETS, secret("s"), exists_ok=True),)) as (_, clock):
        await wake(memory)
        tries = [memory.requests.count(f"POST {ROOT}/secrets")]
        for seconds in (0.005, 0.01, 0.02):
            await clock.advance(seconds)
            await settle(100)
            tries.append(memory.requests.count(f"POST {ROOT}/secrets"))
        assert tries == [1, 2, 3, 4]
        memory.refuse = lambda request: None
        await clock.advance(1)
        await settle(100)
        assert f"{ROOT}/secrets/s" in memory.objects


async def test_a_refusal_ends_the_plan(memory: Any) -> None:
    memory.refuse = lambda request: refusal() if b'"one"' in request.body else None
    plan = (Create(SECRETS, secret("one")), Create(SECRETS, secret("two")))
    async with running(memory, lambda look, key: plan):
        await wake(memory)
    assert f"{ROOT}/secrets/two" not in memory.objects


async def test_failures_are_shown_to_those_who_report_them(memory: Any) -> None:
    told: list[str] = []

    def think(look: Lookup, key: Key) -> Plan:
        if error := look.failure():
            told.append(str(error))
            return (Create(SECRETS, secret("report"), exists_ok=True),)
        return (Create(SECRETS, secret("wanted")),)

    memory.refuse = lambda request: refusal() if b'"wanted"' in request.body else None
    async with running(memory, think, reports_failures=True):
        await wake(memory)
    assert told[0] == "refused by the test"
    assert f"{ROOT}/secrets/report" in memory.objects


async def test_conflicts_are_no_failures_to_report(memory: Any) -> None:
    told: list[str] = []

    def think(look: Lookup, key: Key) -> Plan:
        told.append(str(look.failure() or ""))
        return (Create(SECRETS, secret("wanted")),)

    memory.refuse = lambda request: refusal(409, "Conflict") if request.method == "POST" else None
    async with running(memory, think, reports_failures=True):
        await wake(memory)
    assert set(told) == {""}


async def test_it_does_not_decide_again_before_it_sees_its_own_write(memory: Any) -> None:
    def think(look: Lookup, key: Key) -> Plan:
        return () if look.get(SECRETS, "default", "s") else (Create(SECRETS, secret("s")),)

    async with running(memory, think) as (manager, _):
        memory.deliver.clear()
        memory.objects[f"{ROOT}/configmaps/a"] = {"metadata": {"name": "a", "namespace": "default"}}
        manager.runners[0].queue.add(Key("default", "a"))
        await settle(200)
        manager.runners[0].queue.add(Key("default", "a"))
        await settle(200)
        assert memory.requests.count(f"POST {ROOT}/secrets") == 1
        memory.deliver.set()
        await settle(200)
        assert memory.requests.count(f"POST {ROOT}/secrets") == 1
        assert manager.idle


async def test_requeues_of_this_key_and_of_another(memory: Any) -> None:
    seen: list[tuple[float, str]] = []

    async def run() -> None:
        clocks: list[FakeClock] = []

        def think(look: Lookup, key: Key) -> Plan:
            seen.append((clocks[0].monotonic() if clocks else 0.0, key.name))
            if key.name != "a" or len(seen) > 1:
                return ()
            return Requeue(10.0), Requeue(20.0, Key("default", "b"))

        async with running(memory, think) as (_, clock):
            clocks.append(clock)
            await wake(memory)
            await clock.advance(60)

    await run()
    assert seen == [(0.0, "a"), (10.0, "a"), (20.0, "b")]


async def test_resync_looks_again_for_ever(memory: Any) -> None:
    seen: list[Key] = []
    async with running(memory, lambda look, key: seen.append(key) or (), resync=15.0) as (_, clock):  # type: ignore[func-returns-value]
        await wake(memory)
        await clock.advance(61)
    assert len(seen) == 5


async def test_announced_creations_go_out_in_growing_batches(memory: Any) -> None:
    announce = Announce(secret("owner"), ("Made", "made {name}"), ("Refused", "not made: {error}"))
    plan = tuple(Create(SECRETS, secret(f"s{n}"), exists_ok=True, announce=announce) for n in range(15))
    async with running(memory, lambda look, key: plan if not look.list(SECRETS) else ()) as (manager, _):
        await wake(memory)
        assert len([path for path in memory.objects if "/secrets/" in path]) == 15
        assert memory.most_running == 8
        await manager.runners[0].recorder.flush()
        messages = {obj["message"] for path, obj in memory.objects.items() if "/events/" in path}
        assert messages == {f"made s{n}" for n in range(15)}


async def test_when_all_are_refused_one_is_tried(memory: Any) -> None:
    announce = Announce(secret("owner"), ("Made", "made {name}"), ("Refused", "not made: {error}"))
    plan = tuple(Create(SECRETS, secret(f"s{n}"), announce=announce) for n in range(15))
    memory.refuse = lambda r: refusal(403) if (r.method, r.path) == ("POST", f"{ROOT}/secrets") else None
    async with running(memory, lambda look, key: plan) as (manager, _):
        await wake(memory)
        assert memory.requests.count(f"POST {ROOT}/secrets") == 1
        await manager.runners[0].recorder.flush()
        (event,) = [obj for path, obj in memory.objects.items() if "/events/" in path]
        assert (event["type"], event["message"]) == ("Warning", "not made: refused by the test")


async def test_deletions_of_what_is_gone_or_another_are_done(memory: Any) -> None:
    memory.refuse = lambda request: refusal(409, "Conflict") if request.path.endswith("/another") else None
    refs = [ObjectRef(SECRETS, "default", name) for name in ("gone", "another")]
    async with running(memory, lambda look, key: tuple(Delete(ref, "uid") for ref in refs)) as (manager, _):
        await wake(memory)
        assert manager.runners[0].queue.failures(Key("default", "a")) == 0


async def test_counted_writes(memory: Any) -> None:
    memory.put(f"{ROOT}/secrets/s", secret("s"))
    bad = [True]
    memory.refuse = lambda request: refusal() if request.method == "PUT" and bad[0] else None
    plan = (Update(SECRETS, secret("s"), counted=COUNTED),)
    async with running(memory, lambda look, key: plan, counts=(COUNTED,)) as (manager, clock):
        await wake(memory)
        bad[0] = False
        await clock.advance(0.006)
        await settle(100)
        text = manager.kit.metrics.text().decode()
    assert "tries_total 2.0" in text
    assert "tries_errors_total 1.0" in text
