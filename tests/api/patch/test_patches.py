"""JSON patch, merge patch and strategic merge patch, case by case; nothing that comes in is changed."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.api.errors import StatusError
from sampan.api.patch import json as json_patch
from sampan.api.patch import merge, strategic
from sampan.api.patch.json import PatchFailed
from sampan.resources.load import load_schema

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


def expect(case: dict[str, Any], run: Any) -> None:
    before = copy.deepcopy(case)
    if "error" in case:
        with pytest.raises(StatusError) as caught:
            run()
        text = caught.value.why if isinstance(caught.value, PatchFailed) else caught.value.message
        assert case["error"] in text
    else:
        assert run() == case["result"]
    assert case == before


def test_json_patch(json_case: dict[str, Any]) -> None:
    expect(json_case, lambda: json_patch.apply(json_case["target"], json_case["patch"]))


def test_merge_patch(merge_case: dict[str, Any]) -> None:
    expect(merge_case, lambda: merge.apply(merge_case["target"], merge_case["patch"]))


def test_strategic_merge_patch(strategic_case: dict[str, Any]) -> None:
    schema = load_schema("1.36").node("io.k8s.api.core.v1.PodSpec")
    expect(strategic_case, lambda: strategic.apply(strategic_case["target"], strategic_case["patch"], schema))


def test_too_many_operations_are_refused() -> None:
    with pytest.raises(StatusError) as caught:
        json_patch.apply({}, [{"op": "add", "path": "/a", "value": 1}] * 10_001)
    assert caught.value.code == 413


@given(VALUES, VALUES)
def test_a_merge_patch_twice_is_the_same_as_once(target: Any, patch: Any) -> None:
    once = merge.apply(target, patch)
    assert merge.apply(once, patch) == once


@given(VALUES, st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3))
def test_no_nulls_come_from_a_merge_patch(target: Any, patch: dict[str, Any]) -> None:
    result = merge.apply(target, patch)
    assert all(result.get(key) is not None or key not in result for key in patch)


@given(VALUES, VALUES)
def test_equality_is_that_of_json(a: Any, b: Any) -> None:
    assert json_patch.equal(a, copy.deepcopy(a))
    assert json_patch.equal(a, b) == json_patch.equal(b, a)
    assert json_patch.equal(a, b) == (repr_json(a) == repr_json(b))


def repr_json(value: Any) -> str:
    import json

    return json.dumps(value, sort_keys=True)
