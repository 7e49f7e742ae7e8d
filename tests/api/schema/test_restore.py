"""Values as Go's unstructured converter takes them."""

from typing import Any

import pytest

from sampan.api.schema.decode import DecodeError
from sampan.api.schema.restore import restored
from sampan.resources.load import load_schema

PODS = load_schema("1.36").node("io.k8s.api.core.v1.Pod")


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("x", "cannot restore struct from: string"),
        ({"containers": "x"}, "cannot restore slice from string"),
        ({"nodeSelector": [1]}, "cannot restore map from slice"),
        ({"nodeName": 1}, "cannot convert int64 to string"),
        ({"restartPolicy": 1}, "cannot convert int64 to v1.RestartPolicy"),
        ({"nodeName": True}, "unrecognized type: string"),
        ({"hostNetwork": "x"}, "unrecognized type: bool"),
        ({"priority": "x"}, "unrecognized type: int32"),
        ({"priority": 1.5}, "cannot convert float64 to int32"),
    ],
)
def test_what_cannot_be_restored(spec: Any, text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        restored({"spec": spec}, PODS)
    assert str(caught.value) == text


def test_numbers_are_cut_to_their_size() -> None:
    pod = {"spec": {"priority": 2**40 + 3, "terminationGracePeriodSeconds": 30.0, "nodeName": None}, "zz": [1]}
    assert restored(pod, PODS) == {
        "spec": {"priority": 3, "terminationGracePeriodSeconds": 30, "nodeName": None},
        "zz": [1],
    }


def test_the_first_wrong_field_in_the_order_of_the_type_is_told() -> None:
    with pytest.raises(DecodeError, match="cannot restore slice from string"):
        restored({"spec": {"nodeName": 1, "containers": "x"}}, PODS)
