"""Server-side apply over a kind with every way to merge: cases, and laws that hold for any objects."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.api.patch.apply import apply
from sampan.api.patch.fields import members, shown
from sampan.api.patch.managed import UPDATE, decode_managed
from sampan.api.patch.places import Place
from sampan.api.patch.track import Scope, bare, track_create, track_update

TYPE = {"apiVersion": "v1", "kind": "Thing"}
NOW = "2026-01-01T00:00:00Z"
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(0, 2),
        "atom": st.dictionaries(st.sampled_from("ab"), st.integers(0, 1), min_size=1),
        "map": st.dictionaries(st.sampled_from("abc"), st.sampled_from(("x", "y")), min_size=1),
        "items": st.dictionaries(st.sampled_from("abc"), st.integers(0, 1), min_size=1).map(
            lambda d: [{"name": k, "v": v} for k, v in d.items()]
        ),
        "set": st.lists(st.sampled_from("abc"), min_size=1, unique=True),
        "list": st.lists(st.sampled_from("ab"), min_size=1),
        "free": st.dictionaries(st.sampled_from("ab"), st.integers(0, 2) | st.booleans(), min_size=1),
    },
)


def scope(place: Place, now: str = NOW) -> Scope:
    return Scope("v1", "Thing", place, now)


def owners(obj: Obj) -> dict[str, list[str]]:
    """Manager to the paths it owns."""
    managed = decode_managed((obj.get("metadata") or {}).get("managedFields"))
    return {
        f"{UPDATE}:{key.name}" if key.operation == UPDATE else key.name: [shown(p) for p in members(owned.fields)]
        for key, owned in managed.items()
    }


def step(place: Place, live: Obj, what: dict[str, Any]) -> Obj:
    """One step of a case."""
    if "store" in what:
        return {**TYPE, **what["store"]}
    body = {**TYPE, **what["object"]}
    if "apply" in what:
        return apply(scope(place), live or dict(TYPE), body, what["apply"], what.get("force", False))
    if not live:
        return track_create(scope(place), body, what["update"])
    return track_update(scope(place), live, body, what["update"])


def test_case(thing: Place, apply_case: dict[str, Any]) -> None:
    live: Obj = {}
    for what in apply_case["steps"]:
        before = copy.deepcopy((live, what))
        if "error" in what:
            with pytest.raises(StatusError) as caught:
                step(thing, live, what)
            assert caught.value.message == what["error"]
        else:
            made = step(thing, live, what)
            assert (live, what) == before
            live = made
    if "result" in apply_case:
        plain = bare(live)
        shown_meta = {"metadata": plain["metadata"]} if plain.get("metadata") else {}
        rest = {key: plain[key] for key in plain if key not in ("apiVersion", "kind", "metadata")}
        assert shown_meta | rest == apply_case["result"]
    if "owners" in apply_case:
        assert owners(live) == apply_case["owners"]


def applied(place: Place, live: Obj, spec: Obj, manager: str, now: str = NOW) -> Obj:
    return apply(scope(place, now), live, {**TYPE, "spec": spec}, manager, True)


@given(SPECS, SPECS)
def test_applying_twice_changes_nothing(thing: Place, before: Obj, spec: Obj) -> None:
    live = applied(thing, dict(TYPE), before, "other")
    once = applied(thing, live, spec, "m")
    assert applied(thing, once, spec, "m", "2030-01-01T00:00:00Z") == once


@given(SPECS, SPECS)
def test_what_nobody_owns_any_more_goes(thing: Place, first: Obj, second: Obj) -> None:
    live = applied(thing, applied(thing, dict(TYPE), first, "m"), second, "m")
    assert same_spec(bare(live).get("spec") or {}, second)


def same_spec(a: Obj, b: Obj) -> bool:
    """Whether two specs say the same; empty containers may stay behind."""
    return {k: v for k, v in a.items() if v or v == 0} == {k: v for k, v in b.items() if v or v == 0}


@given(SPECS, SPECS, SPECS)
def test_an_applier_does_not_touch_what_others_own(thing: Place, theirs: Obj, first: Obj, second: Obj) -> None:
    """Whatever one applies and takes back by force, the other's fields that it still owns are as it said."""
    live = applied(thing, dict(TYPE), theirs, "other")
    live = applied(thing, applied(thing, live, first, "m"), second, "m")
    still = set(owners(live).get("other", ()))
    for name in ("n", "atom", "list"):
        if f".spec.{name}" in still:
            assert live["spec"][name] == theirs[name]
    for key in theirs.get("map", {}):
        if f".spec.map.{key}" in still:
            assert live["spec"]["map"][key] == theirs["map"][key]


@given(SPECS, SPECS)
@settings(max_examples=200)
def test_every_leaf_has_an_owner(thing: Place, first: Obj, second: Obj) -> None:
    live = track_create(scope(thing), {**TYPE, "metadata": {"uid": "u"}, "spec": first}, "a")
    live = track_update(scope(thing), live, {**live, "spec": second}, "b")
    owned = {path for paths in owners(live).values() for path in paths}
    for name in ("n", "atom", "list"):
        assert (f".spec.{name}" in owned) == (name in live["spec"])
    assert {p for p in owned if p.startswith(".spec.map.")} == {f".spec.map.{k}" for k in live["spec"].get("map", {})}


@given(SPECS)
def test_updates_with_the_same_object_change_no_owner(thing: Place, spec: Obj) -> None:
    live = track_create(scope(thing), {**TYPE, "metadata": {"uid": "u"}, "spec": spec}, "a")
    assert track_update(scope(thing, "2030-01-01T00:00:00Z"), live, copy.deepcopy(live), "b") == live


def test_true_is_not_one_in_unknown_fields(thing: Place) -> None:
    live = track_create(scope(thing), {**TYPE, "metadata": {"uid": "u"}, "spec": {"free": {"a": 1}}}, "a")
    live = track_update(scope(thing), live, {**live, "spec": {"free": {"a": True}}}, "b")
    assert ".spec.free.a" in owners(live)["Update:b"]


def test_untyped_maps_that_become_something_else(thing: Place) -> None:
    live = applied(thing, dict(TYPE), {"free": {"a": {"b": 1}}}, "m")
    live["metadata"]["uid"] = "u"
    live = track_update(scope(thing), live, {**live, "spec": {"free": {"a": [1, 2]}}}, "u")
    assert owners(live) == {"Update:u": [".spec.free.a"]}
    live = track_update(scope(thing), live, {**live, "spec": {"free": {"a": {"c": 1}}}}, "w")
    assert owners(live) == {"Update:w": [".spec.free.a", ".spec.free.a.c"]}


def test_old_updaters_are_put_together(thing: Place) -> None:
    live: Obj = {**TYPE, "metadata": {"uid": "u"}, "spec": {"map": {}}}
    live = track_create(scope(thing), live, "maker")
    for number in range(14):
        changed = {**live, "spec": {"map": {**live["spec"]["map"], f"k{number:02}": "x"}}}
        live = track_update(scope(thing, f"2026-01-01T00:00:{number:02}Z"), live, changed, f"u{number:02}")
    found = owners(live)
    assert len(found) == 10
    ancient = found["Update:ancient-changes"]
    assert [p for p in ancient if p.startswith(".spec.map.")] == [f".spec.map.k{n:02}" for n in range(5)]
    assert "Update:u13" in found


def test_managers_of_a_client_are_taken_or_left(thing: Place) -> None:
    live = track_create(scope(thing), {**TYPE, "metadata": {"uid": "u"}, "spec": {"n": 1}}, "a")
    entry = live["metadata"]["managedFields"][0]
    renamed = {**live, "metadata": {**live["metadata"], "managedFields": [{**entry, "manager": "z"}]}}
    assert list(owners(track_update(scope(thing), live, renamed, "b"))) == ["Update:z"]
    broken = {**live, "metadata": {**live["metadata"], "managedFields": [{**entry, "operation": "Sing"}]}}
    assert list(owners(track_update(scope(thing), live, broken, "b"))) == ["Update:a"]


def test_another_version_of_the_same_applier_is_the_same_applier(thing: Place) -> None:
    live = applied(thing, dict(TYPE), {"n": 1, "map": {"a": "x"}}, "m")
    newer = Scope("v2", "Thing", thing, NOW, place_at=lambda v: thing, convert=lambda o, v: {**o, "apiVersion": v})
    config = {"apiVersion": "v2", "kind": "Thing", "spec": {"n": 1}}
    made = apply(newer, {**live, "apiVersion": "v2"}, config, "m", False)
    assert made["spec"] == {"n": 1, "map": {}} or made["spec"] == {"n": 1}
    assert owners(made) == {"m": [".spec.n"]}
    assert made["metadata"]["managedFields"][0]["apiVersion"] == "v2"


def test_a_manager_of_a_version_that_is_gone_is_forgotten(thing: Place) -> None:
    live = applied(thing, dict(TYPE), {"n": 1}, "m")
    newer = Scope("v2", "Thing", thing, NOW)
    moved = {**live, "apiVersion": "v2", "metadata": {**live["metadata"], "uid": "u"}}
    made = track_update(newer, moved, {**moved, "spec": {"n": 2}}, "u")
    assert list(owners(made)) == ["Update:u"]


def test_a_field_that_became_atomic_is_owned_as_a_whole(thing: Place) -> None:
    live = applied(thing, dict(TYPE), {"atom": {"a": 1}}, "m")
    entry = {**live["metadata"]["managedFields"][0], "fieldsV1": {"f:spec": {"f:atom": {"f:a": {}}}}}
    old = {**live, "metadata": {"uid": "u", "managedFields": [entry]}}
    made = track_update(scope(thing), old, {**old, "spec": {"atom": {"a": 1}, "n": 1}}, "u")
    assert owners(made)["m"] == [".spec.atom"]
