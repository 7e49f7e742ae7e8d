"""The estimated cost of a CRD's rules; the factors are a real API server's."""

from typing import Any

import pytest

from sampan.resources.validation.apiextensions.schema import check_version_schema

AT = "spec.validation.openAPIV3Schema"
RULE = f"{AT}.properties[spec].x-kubernetes-validations[0].rule"
ITEM = {"n": {"type": "integer"}, "s": {"type": "string", "maxLength": 30}, "t": {"type": "array", "items": {
    "type": "object", "properties": {"u": {"type": "string", "enum": ["a", "bb"]}}}}}  # fmt: skip


def checked(rule: str, needed: list[str]) -> list[tuple[str, str]]:
    item = {"type": "object", "properties": ITEM, "required": needed}
    spec: dict[str, Any] = {"type": "object", "properties": {"l": {"type": "array", "items": item}}}
    spec["x-kubernetes-validations"] = [{"rule": rule}]
    schema: dict[str, Any] = {"type": "object", "properties": {"spec": spec}}
    return [(error.field, error.message.partition(" (try")[0]) for error in check_version_schema(schema, AT)]


@pytest.mark.parametrize(
    ("needed", "single", "total"), [(["n"], "33.8x", "3.4x"), (["n", "s", "t"], "13.2x", "1.321198x")]
)
def test_rules_that_cost_too_much_are_refused_singly_and_together(needed: list[str], single: str, total: str) -> None:
    assert checked("self.l.all(x, x.t.all(y, y.u == x.s))", needed) == [
        (RULE, f"Forbidden: estimated rule cost exceeds budget by factor of {single}"),
        (RULE, "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"),
        (AT, "Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget "
             f"by factor of {total}"),
    ]  # fmt: skip


def test_a_cheap_rule_is_accepted() -> None:
    assert checked("self.l.size() < 5", []) == []
