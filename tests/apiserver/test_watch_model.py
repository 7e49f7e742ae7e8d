"""Watches over HTTP against a model: writers in any order, selectors, bookmarks, restarts from any resourceVersion."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sampan.apiserver.app import App, Parts
from sampan.net.http import Request
from sampan.resources.build import builtin_resources
from sampan.store.memory import MemoryStore
from sampan.store.table import Table
from sampan.store.window import Window

RESOURCES = builtin_resources("1.36")
NAMES = st.sampled_from(["a", "b", "c"])
COLOURS = st.sampled_from(["red", "blue", None])
SELECTORS = st.sampled_from(["", "labelSelector=colour%3Dred", "labelSelector=colour", "labelSelector=%21colour",
                             "fieldSelector=metadata.name%3Da", "fieldSelector=metadata.name%21%3Da",
                             "labelSelector=colour%3Dred&fieldSelector=metadata.name%3Da"])  # fmt: skip
ROOT = "/api/v1/namespaces/default/configmaps"
State = dict[str, tuple[str | None, int]]
"""Colour and version by name."""
Event = tuple[str, str, int]
"""Type, name, resourceVersion."""


def matches(selector: str, name: str, colour: str | None) -> bool:
    """What a selector of SELECTORS says of an object."""
    return all(
        {
            "labelSelector=colour%3Dred": colour == "red",
            "labelSelector=colour": colour is not None,
            "labelSelector=%21colour": colour is None,
            "fieldSelector=metadata.name%3Da": name == "a",
            "fieldSelector=metadata.name%21%3Da": name != "a",
        }[part]
        for part in selector.split("&")
        if part
    )


class Follower:
    """A client that writes down what its watch tells it."""

    def __init__(self, selector: str, stream: AsyncIterator[bytes], since: int) -> None:
        self.selector, self.since = selector, since
        self.events: list[Event] = []
        self.expired = False
        self.task = asyncio.ensure_future(self._read(stream))

    async def _read(self, stream: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in stream:
                for line in chunk.splitlines():
                    self._take(json.loads(line))
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    def _take(self, line: Any) -> None:
        meta = line["object"].get("metadata", {})
        if line["type"] == "ERROR":
            assert (line["object"]["code"], line["object"]["reason"]) == (410, "Expired")
            assert not self.events, "a watch that has begun is cut off only if it is slow"
            self.expired = True
        elif line["type"] == "BOOKMARK":
            assert all(revision <= int(meta["resourceVersion"]) for _, _, revision in self.events)
        else:
            self.events.append((line["type"], meta["name"], int(meta["resourceVersion"])))


class WatchModel(RuleBasedStateMachine):
    """The model is the history of states; a watch must tell each change between two of them exactly once."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.followers: list[Follower] = []
        self.history: list[tuple[int, State]] = []

    @initialize(events=st.integers(3, 30))
    def start(self, events: int) -> None:
        self.runner.run(self._start(events))

    async def _start(self, events: int) -> None:
        self.store = MemoryStore(table=Table(Window(max_events=events)))
        self.app = App(Parts(self.store, RESOURCES, version="1.36", rng=random.Random(7)))
        await self.app.start()
        self.history = [(self.store.revision, {})]

    def teardown(self) -> None:
        if self.history:
            self.runner.run(self._stop())
        self.runner.close()

    async def _stop(self) -> None:
        for follower in self.followers:
            await self._check(follower)
            follower.task.cancel()
        await asyncio.gather(*(follower.task for follower in self.followers), return_exceptions=True)
        await self.app.close()
        await self.store.close()

    @rule(writes=st.lists(st.tuples(NAMES, COLOURS, st.sampled_from(["put", "put", "delete"])), min_size=1, max_size=6))
    def write(self, writes: list[tuple[str, str | None, str]]) -> None:
        """Several writers at once."""
        self.runner.run(self._write(writes))

    async def _write(self, writes: list[tuple[str, str | None, str]]) -> None:
        async def one(name: str, colour: str | None, kind: str) -> None:
            if kind == "delete":
                await self.call("DELETE", f"{ROOT}/{name}")
                return
            meta: dict[str, Any] = {"name": name, "labels": {"colour": colour} if colour else {}}
            body = {"metadata": meta, "data": {"n": str(self.store.revision)}}
            if (await self.call("POST", ROOT, body))[0] == 409:
                await self.call("PUT", f"{ROOT}/{name}", body)

        watch = self.store.watch("/core/configmaps/default/", since=self.store.revision)
        await asyncio.gather(*(one(*each) for each in writes))
        self.note([event async for event in drained(watch)])

    def note(self, events: list[Any]) -> None:
        """Add what the store has done to the history of states."""
        for event in events:
            state = dict(self.history[-1][1])
            name = event.kv.key.rsplit("/", 1)[1]
            if event.type == "DELETE":
                state.pop(name, None)
            else:
                state[name] = (event.kv.labels.get("colour"), event.revision)
            self.history.append((event.revision, state))

    @rule(selector=SELECTORS, back=st.integers(0, 12), bookmarks=st.booleans())
    def follow(self, selector: str, back: int, bookmarks: bool) -> None:
        """A client begins, or comes back with an old resourceVersion."""
        self.runner.run(self._follow(selector, self.history[max(0, len(self.history) - 1 - back)][0], bookmarks))

    async def _follow(self, selector: str, since: int, bookmarks: bool) -> None:
        query = f"watch=1&resourceVersion={since}&{selector}" + ("&allowWatchBookmarks=true" if bookmarks else "")
        response = await self.app(Request("GET", ROOT, query))
        assert response.status == 200, response.body
        assert response.stream is not None
        self.followers.append(Follower(selector, response.stream, since))

    @rule(selector=SELECTORS)
    def follow_with_initial_events(self, selector: str) -> None:
        """A streamed list is what a LIST at that moment says, and a bookmark that ends it."""
        self.runner.run(self._initial(selector))

    async def _initial(self, selector: str) -> None:
        query = f"watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&{selector}"
        response = await self.app(Request("GET", ROOT, query))
        assert response.stream is not None
        lines = [json.loads(line) for line in (await anext(response.stream)).splitlines()]
        assert [line["type"] for line in lines] == ["ADDED"] * (len(lines) - 1) + ["BOOKMARK"]
        assert lines[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        listed = (await self.call("GET", f"{ROOT}?{selector}"))[1]
        assert lines[-1]["object"]["metadata"]["resourceVersion"] == listed["metadata"]["resourceVersion"]
        got = [line["object"]["metadata"]["name"] for line in lines[:-1]]
        assert got == [item["metadata"]["name"] for item in listed["items"]]
        self.followers.append(Follower(selector, response.stream, int(listed["metadata"]["resourceVersion"])))

    @rule()
    def check(self) -> None:
        """Everybody catches up."""
        self.runner.run(self._check_all())

    async def _check_all(self) -> None:
        for follower in self.followers:
            await self._check(follower)

    async def _check(self, follower: Follower) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        if follower.task.done() and not follower.task.cancelled():
            follower.task.result()
        if not follower.expired:
            assert follower.events == self.expected(follower)

    def expected(self, follower: Follower) -> list[Event]:
        """What a client with that selector must have seen since it began."""
        found: list[Event] = []
        for (revision, new), (_, old) in zip(self.history[1:], self.history, strict=False):
            if revision <= follower.since:
                continue
            for name in sorted(old.keys() | new.keys()):
                if old.get(name) == new.get(name):
                    continue
                was = name in old and matches(follower.selector, name, old[name][0])
                now = name in new and matches(follower.selector, name, new[name][0])
                if was or now:
                    kind = ("MODIFIED" if was else "ADDED") if now else "DELETED"
                    found.append((kind, name, revision))
        return found

    @rule(selector=SELECTORS, limit=st.integers(1, 2))
    def list_in_pages(self, selector: str, limit: int) -> None:
        """Pages show one state, whatever is written between them."""
        self.runner.run(self._pages(selector, limit))

    async def _pages(self, selector: str, limit: int) -> None:
        state = self.history[-1][1]
        wanted = sorted(name for name, (colour, _) in state.items() if matches(selector, name, colour))
        query, got = f"limit={limit}&{selector}", []
        while True:
            status, page = await self.call("GET", f"{ROOT}?{query}")
            if status == 410:
                assert page["metadata"]["continue"], "the token for an inconsistent continuation"
                return
            got += [item["metadata"]["name"] for item in page["items"]]
            if "continue" not in page["metadata"]:
                break
            query = f"limit={limit}&{selector}&continue={page['metadata']['continue']}"
            await self._write([("b", "blue", "put"), ("c", None, "delete")])
        assert got == wanted

    async def call(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """One request."""
        path, _, query = target.partition("?")
        content = json.dumps(body).encode() if body is not None else b""
        response = await self.app(Request(method, path, query, {"content-type": "application/json"}, content))
        return response.status, json.loads(response.body)


async def drained(watch: Any) -> AsyncIterator[Any]:
    """What a store's watch has now."""
    watch.close()
    async for batch in watch:
        for event in batch:
            yield event


WatchModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestWatchModel = WatchModel.TestCase
