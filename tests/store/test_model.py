"""Watches and ranges against a model: each watch sees each write once, in order, or is told that it is compacted."""

import asyncio

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sampan.store.base import Compacted, Conflict, Draft, Event, FutureRevision
from sampan.store.hub import StoreWatch
from sampan.store.memory import MemoryStore
from sampan.store.table import Table
from sampan.store.window import Window

KEYS = st.sampled_from(
    ["/core/pods/ns/a", "/core/pods/ns/b", "/core/pods/ns2/a", "/core/nodes/a", "/core/podtemplates/ns/a"]
)
PREFIXES = st.sampled_from(["", "/", "/core/pods/", "/core/pods/ns/", "/core/pods/ns/a", "/core/nodes/", "/core/pod"])
DRAFT = Draft(b'{"metadata":{"resourceVersion":"', b'"}}')
Write = tuple[str, str, int]


class StoreModel(RuleBasedStateMachine):
    """The model is the list of all writes; what stands at a revision is what they amount to up to it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.writes: list[Write] = []
        self.watches: list[tuple[StoreWatch, str, int, list[Write]]] = []
        self.compacted = 0

    @initialize(events=st.integers(1, 12))
    def open(self, events: int) -> None:
        self.store = MemoryStore(table=Table(Window(max_events=events)))
        self.kept = events

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.store.close())
        self.runner.close()

    def at(self, revision: int) -> dict[str, int]:
        state: dict[str, int] = {}
        for kind, key, written in self.writes:
            if written <= revision:
                if kind == "PUT":
                    state[key] = written
                else:
                    del state[key]
        return state

    @rule(key=KEYS, expectation=st.sampled_from(["any", "absent", "current", "wrong"]), delete=st.booleans())
    def write(self, key: str, expectation: str, delete: bool) -> None:
        current = self.at(self.store.revision).get(key, 0)
        expect = {"any": None, "absent": 0, "current": current, "wrong": current + 1}[expectation]
        fits = (expect is None or expect == current) and not (delete and not current)
        call = self.store.delete(key, DRAFT, expect=expect) if delete else self.store.put(key, DRAFT, expect=expect)
        try:
            kv = self.runner.run(call)
        except Conflict as error:
            assert not fits
            assert (error.current.revision if error.current else 0) == current  # noqa: PT017
        else:
            assert fits
            assert kv.revision == len(self.writes) + 2
            self.writes.append(("DELETE" if delete else "PUT", key, kv.revision))

    @rule(prefix=PREFIXES, back=st.integers(-1, 15))
    def watch(self, prefix: str, back: int) -> None:
        since = max(0, self.store.revision - back)
        try:
            watch = self.store.watch(prefix, since=since)
        except FutureRevision:
            assert since > self.store.revision
        except Compacted as error:
            assert since < max(self.compacted, self.store.revision - self.kept)
            assert since < error.oldest  # noqa: PT017
        else:
            assert self.compacted <= since <= self.store.revision
            self.watches.append((watch, prefix, since, []))

    @precondition(lambda self: self.watches)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.watches) - 1))
        watch, _, since, seen = self.watches[index]
        events = self.runner.run(drain(watch))
        for event in events:
            before = self.at(event.revision - 1).get(event.kv.key)
            assert (event.previous.revision if event.previous else None) == before
            seen.append((event.type, event.kv.key, event.revision))
        assert watch.revision == self.store.revision
        expected = [w for w in self.writes if w[2] > since and w[1].startswith(watch.prefix)]
        assert seen == expected

    @precondition(lambda self: self.watches)
    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.watches.pop(data.draw(st.integers(0, len(self.watches) - 1)))[0].close()

    @rule(back=st.integers(0, 15))
    def compact(self, back: int) -> None:
        revision = max(0, self.store.revision - back)
        self.store.compact(revision)
        self.compacted = max(self.compacted, revision)

    @rule(prefix=PREFIXES, back=st.integers(0, 15), limit=st.integers(0, 3))
    def pages(self, prefix: str, back: int, limit: int) -> None:
        revision = max(1, self.store.revision - back)
        found: dict[str, int] = {}
        after = ""
        while True:
            try:
                page = self.runner.run(self.store.range(prefix, after=after, limit=limit, revision=revision))
            except Compacted as error:
                assert revision < error.oldest  # noqa: PT017
                assert revision < max(self.compacted, self.store.revision - self.kept)
                return
            found |= {kv.key: kv.revision for kv in page.items}
            assert page.remaining == sum(key.startswith(prefix) for key in self.at(revision)) - len(found)
            if not page.remaining:
                break
            after = page.items[-1].key
        expected = {key: value for key, value in self.at(revision).items() if key.startswith(prefix)}
        assert found == expected
        assert list(found) == sorted(found)

    @invariant()
    def current(self) -> None:
        if hasattr(self, "store"):
            page = self.runner.run(self.store.range(""))
            assert {kv.key: kv.revision for kv in page.items} == self.at(self.store.revision)


async def drain(watch: StoreWatch) -> list[Event]:
    watch.progress()
    events: list[Event] = []
    while batch := await anext(watch):
        events += batch
    return events


TestStoreModel = StoreModel.TestCase
TestStoreModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
