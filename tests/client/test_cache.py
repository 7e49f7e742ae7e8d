"""The cache and its indexes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sampan.client.cache import Cache, Delta


def test_reads(make: Any) -> None:
    cache = Cache()
    a, b = make("a", 1), make("b", 2, namespace="other")
    assert cache.apply(a) == Delta(None, a)
    cache.apply(b)
    assert cache.get("ns", "a") is a
    assert cache.get("ns", "b") is None
    assert cache.list() == [a, b]
    assert cache.list("other") == [b]
    newer = make("a", 3)
    assert cache.apply(newer) == Delta(a, newer)
    assert cache.list("ns") == [newer]
    last = make("a", 4)
    assert cache.delete(last) == Delta(last, None)
    assert cache.delete(last) is None
    assert cache.list("ns") == []
    assert len(cache) == 1


def test_indexes_follow(make: Any) -> None:
    cache = Cache({"label": lambda obj: (obj["metadata"].get("labels") or {}).values()})
    cache.apply(make("a", 1, labels={"x": "1", "y": "2"}))
    cache.add_index("size", lambda obj: [str(len(obj["metadata"]["name"]))])
    cache.apply(make("bb", 1, labels={"x": "1"}))
    assert [o["metadata"]["name"] for o in cache.indexed("label", "1")] == ["a", "bb"]
    assert [o["metadata"]["name"] for o in cache.indexed("size", "1")] == ["a"]
    cache.apply(make("a", 2, labels={"x": "3"}))
    assert [o["metadata"]["name"] for o in cache.indexed("label", "1")] == ["bb"]
    assert cache.indexed("label", "2") == []
    owner = {"uid": "o", "kind": "X", "name": "x", "controller": True}
    cache.apply(make("c", 1, ownerReferences=[owner]))
    assert [o["metadata"]["name"] for o in cache.indexed("controller", "o")] == ["c"]


def test_replacing_tells_only_what_changed(make: Any) -> None:
    cache = Cache()
    same, old, gone, reborn = make("same", 1), make("old", 1), make("gone", 1), make("re", 1, "u1")
    for obj in (same, old, gone, reborn):
        cache.apply(obj)
    new, fresh, again = make("old", 2), make("fresh", 3), make("re", 4, "u2")
    deltas = cache.replace([make("same", 1), new, fresh, again])
    assert deltas == [Delta(gone, None), Delta(reborn, None), Delta(old, new), Delta(None, fresh), Delta(None, again)]
    assert cache.get("ns", "same") is same


NAMES = st.sampled_from("abc")
STEPS = st.lists(st.tuples(st.sampled_from(["apply", "delete"]), NAMES, st.sampled_from("xyz")), max_size=30)


@given(STEPS)
def test_an_index_is_what_a_walk_would_find(steps: list[tuple[str, str, str]]) -> None:
    cache = Cache({"label": lambda obj: [obj["metadata"]["labels"]["l"]]})
    for what, name, label in steps:
        obj = {"metadata": {"name": name, "namespace": "ns", "labels": {"l": label}}}
        (cache.apply if what == "apply" else cache.delete)(obj)
        for value in "xyz":
            walked = [o for o in cache if o["metadata"]["labels"]["l"] == value]
            assert sorted(map(repr, cache.indexed("label", value))) == sorted(map(repr, walked))
