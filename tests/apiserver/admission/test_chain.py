"""The chain: order, facts, patience."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from sampan.api.errors import StatusError
from sampan.apiserver.admission.chain import PLUGINS, Chain, with_settings
from sampan.apiserver.admission.plugin import Base, Facts, Need, refuse
from sampan.apiserver.admission.review import Review
from sampan.apiserver.encode import encode, prefix_of
from sampan.apiserver.objects import StoredObjects
from sampan.store.memory import MemoryStore
from sampan.testing.clock import FakeClock

Reviews = Callable[..., Review]
Obj = dict[str, Any]
ORDER = [
    "NamespaceLifecycle", "LimitRanger", "ServiceAccount", "NodeRestriction", "TaintNodesByCondition", "PodSecurity",
    "Priority", "DefaultTolerationSeconds", "DefaultStorageClass", "StorageObjectInUseProtection",
    "PersistentVolumeClaimResize", "RuntimeClass", "CertificateSubjectRestriction", "DefaultIngressClass",
    "PodTopologyLabels", "NodeDeclaredFeatureValidator", "PodResizeValidator",
]  # fmt: skip
"""Upstream's AllOrderedPlugins, as far as they stand in the chain."""


class Note(Base):
    """Appends its name to data.seen; refuses when told to."""

    def __init__(self, name: str, *needs: Need, refuses: bool = False) -> None:
        self.name, self._needs, self._refuses = name, needs, refuses
        self.found: list[Obj] = []

    def handles(self, review: Review) -> bool:
        return review.resource.mapping.plural == "configmaps"

    def needs(self, review: Review) -> tuple[Need, ...]:
        return self._needs

    def mutate(self, review: Review, facts: Facts) -> Obj:
        self.found = [one for need in self._needs for one in facts.all(need)]
        obj = review.obj or {}
        return {**obj, "data": {"seen": (obj.get("data") or {}).get("seen", "") + self.name}}

    def validate(self, review: Review, facts: Facts) -> None:
        if self._refuses:
            raise refuse(review, self.name)


def chain(*plugins: Note, store: MemoryStore | None = None, clock: FakeClock | None = None) -> Chain:
    return Chain(StoredObjects(store or MemoryStore()), random.Random(1), plugins, clock)


CONFIG = {"metadata": {"name": "c"}}


async def put(store: MemoryStore, name: str) -> None:
    obj = {"metadata": {"name": name, "namespace": "ns"}}
    await store.put(f"/core/secrets/ns/{name}", encode(prefix_of("v1", "Secret"), obj))


def test_the_plugins_stand_in_upstream_s_order() -> None:
    names = [plugin.name for plugin in PLUGINS]
    assert names == [name for name in ORDER if name in names]


async def test_each_plugin_sees_what_the_one_before_made(review: Reviews) -> None:
    made = await chain(Note("a"), Note("b")).mutate(review("CREATE", "configmaps", CONFIG))
    assert made["data"] == {"seen": "ab"}
    assert "data" not in CONFIG


async def test_who_does_not_handle_is_not_asked(review: Reviews) -> None:
    assert await chain(Note("a")).mutate(review("CREATE", "pods", CONFIG)) is CONFIG
    assert await chain(Note("a")).mutate(review("DELETE", "pods", None, CONFIG)) == {}


async def test_the_first_refusal_ends_it(review: Reviews) -> None:
    with pytest.raises(StatusError, match='configmaps "c" is forbidden: b'):
        await chain(Note("a"), Note("b", refuses=True), Note("c", refuses=True)).validate(
            review("CREATE", "configmaps", CONFIG)
        )


async def test_needs_are_read(review: Reviews) -> None:
    store = MemoryStore()
    await put(store, "x")
    await put(store, "y")
    one, all_, none = (Note("n", Need("", "secrets", "ns", name)) for name in ("x", "", "z"))
    await chain(one, all_, none, store=store).mutate(review("CREATE", "configmaps", CONFIG))
    assert [[obj["metadata"]["name"] for obj in note.found] for note in (one, all_, none)] == [["x"], ["x", "y"], []]
    await store.close()


async def test_what_may_come_late_is_waited_for(review: Reviews) -> None:
    store, clock = MemoryStore(), FakeClock()
    note = Note("n", Need("", "secrets", "ns", "x", 1.0))
    waiting = asyncio.ensure_future(
        chain(note, store=store, clock=clock).mutate(review("CREATE", "configmaps", CONFIG))
    )
    await clock.advance(0.5)
    assert not waiting.done()
    await put(store, "x")
    await clock.advance(0.1)
    await waiting
    assert len(note.found) == 1
    note = Note("n", Need("", "secrets", "ns", "gone", 1.0))
    waiting = asyncio.ensure_future(
        chain(note, store=store, clock=clock).mutate(review("CREATE", "configmaps", CONFIG))
    )
    await clock.advance(1.1)
    await waiting
    assert note.found == []
    await store.close()


async def test_a_read_that_may_fail_is_told_to_the_plugin(review: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    store, need = MemoryStore(), Need("", "secrets", "ns", may_fail=True)
    told: list[bool] = []

    class Told(Note):
        def mutate(self, review: Review, facts: Facts) -> Obj:
            told.append(facts.failed(need))
            return review.obj or {}

    def broken(*_: object, **__: object) -> None:
        raise OSError("broken")

    await chain(Told("t", need), store=store).mutate(review("CREATE", "configmaps", CONFIG))
    monkeypatch.setattr(store, "range", broken)
    await chain(Told("t", need), store=store).mutate(review("CREATE", "configmaps", CONFIG))
    assert told == [False, True]
    with pytest.raises(OSError, match="broken"):
        await chain(Note("n", need._replace(may_fail=False)), store=store).mutate(
            review("CREATE", "configmaps", CONFIG)
        )
    await store.close()


async def test_who_only_validates_is_not_asked_to_mutate(review: Reviews) -> None:
    silent = Note("a")
    silent.mutates = False
    assert await chain(silent).mutate(review("CREATE", "configmaps", CONFIG)) is CONFIG


def test_plugins_with_settings_keep_their_places() -> None:
    mine = Note("PodSecurity")
    made = with_settings(mine)
    assert [plugin.name for plugin in made] == [plugin.name for plugin in PLUGINS]
    assert mine in made
