"""Rules of CRDs over a whole server: checked at creation, evaluated at every write."""

from collections.abc import Mapping
from typing import Any

import pytest

from sampan.api.schema.openapi import from_openapi
from sampan.resources.custom.rules import compile_schema, rule_errors
from sampan.resources.validation.apiextensions.schema import check_version_schema

AT = "spec.versions[0].schema.openAPIV3Schema"


def rules(*rules: Mapping[str, Any], **schema: Any) -> dict[str, Any]:
    return {**schema, "x-kubernetes-validations": list(rules)}


def kind(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}


def errors(schema: Mapping[str, Any], new: Any, old: Any = None) -> list[str]:
    place = compile_schema(from_openapi(schema))
    assert place is not None
    found = rule_errors(place, {"spec": new}, None if old is None else {"spec": old})
    return [f"{error.field}: {error.message}" for error in found]


def refused(schema: dict[str, Any]) -> list[str]:
    return [f"{error.field.removeprefix(AT)}: {error.message}" for error in check_version_schema(schema, AT)]


# --- at creation


def test_a_rule_that_does_not_compile_is_refused() -> None:
    schema = kind(a=rules({"rule": "self.foo"}, type="object", properties={"b": {"type": "string"}}))
    assert refused(schema) == [
        '.properties[spec].properties[a].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.foo",'
        '"Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: '
        "ERROR: <input>:1:5: undefined field 'foo'\n | self.foo\n | ....^"
    ]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"rule": " "}, "rule: Required value: rule is not specified"),
        ({"rule": "true", "message": " "}, 'message: Invalid value: " ": must be non-empty if specified'),
        ({"rule": "true", "message": "a\nb"}, "must not contain line breaks"),
        ({"rule": "true &&\ntrue"}, "message: Required value: message must be specified if rule contains line breaks"),
        ({"rule": "true", "messageExpression": " "}, "messageExpression must be non-empty if specified"),
        ({"rule": "true", "messageExpression": "1"}, "messageExpression must evaluate to a string"),
        ({"rule": "true", "messageExpression": "x"}, "messageExpression compilation failed: ERROR: <input>:1:1"),
        ({"rule": "true", "reason": "No"}, 'reason: Unsupported value: "No": supported values: '),
        ({"rule": "true", "fieldPath": ".nope"}, 'fieldPath: Invalid value: ".nope": must be a valid path'),
        ({"rule": "true", "optionalOldSelf": True}, "may not be set if oldSelf is not used in rule"),
        ({"rule": "1"}, "cel expression must evaluate to a bool"),
        ({"rule": "self.b + 1 == 2"}, "found no matching overload for '_+_' applied to '(string, int)'"),
    ],
)
def test_bad_rules(rule: dict[str, Any], text: str) -> None:
    found = refused(kind(a=rules(rule, type="object", properties={"b": {"type": "string"}})))
    assert len(found) == 1
    assert text in found[0]


def test_old_values_need_a_place_that_can_be_found_again() -> None:
    items = rules({"rule": "self == oldSelf"}, type="string", maxLength=9)
    schema = kind(a={"type": "array", "maxItems": 9, "items": items})
    text = (
        f"oldSelf cannot be used on the uncorrelatable portion of the schema within {AT}.properties[spec].properties[a]"
    )
    assert text in refused(schema)[0]
    keyed = {
        "type": "object",
        "required": ["k"],
        "properties": {"k": {"type": "string"}, "v": rules({"rule": "self == oldSelf"}, type="string", maxLength=9)},
    }
    fine = {
        "type": "array",
        "maxItems": 9,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": keyed,
    }
    assert refused(kind(a=fine)) == []


def test_a_rule_that_can_see_nothing_is_refused() -> None:
    schema = kind(a=rules({"rule": "true"}, **{"x-kubernetes-preserve-unknown-fields": True}))
    assert "unable to convert structural schema to CEL declarations" in refused(schema)[0]


# --- values by schema


def test_values_have_the_types_of_their_schema() -> None:
    fields = {
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "long": {"type": "string", "format": "duration"},
        "data": {"type": "string", "format": "byte"},
        "rate": {"type": "number"},
        "port": {"x-kubernetes-int-or-string": True},
        "name-space": {"type": "string"},
        "namespace": {"type": "string"},
        "a__b": {"type": "string"},
    }
    holds = (
        "self.when.getFullYear() == 2023", "self.day < self.when", "self.long == duration('1m')",
        "self.data == b'hi'", "self.rate / 2.0 == 0.5", "type(self.port) == int ? self.port > 0 : self.port == 'http'",
        "self.name__dash__space == 'x'", "self.__namespace__ == 'y'", "self.a__underscores__b == 'z'",
    )  # fmt: skip
    value = {
        "when": "2023-01-02T00:00:00Z", "day": "2023-01-01", "long": "60s", "data": "aGk=", "rate": 1, "port": "http",
        "name-space": "x", "namespace": "y", "a__b": "z",
    }  # fmt: skip
    schema = kind(a=rules(*({"rule": rule} for rule in holds), type="object", properties=fields))
    assert refused(schema) == []
    assert errors(schema, {"a": value}) == []
    assert errors(schema, {"a": {**value, "rate": 2, "port": 80}}) == [
        "spec.a: Invalid value: failed rule: self.rate / 2.0 == 0.5"
    ]


def test_the_root_knows_its_name() -> None:
    schema = rules({"rule": "self.metadata.name == 'x' && self.kind == 'K'"}, **kind(a={"type": "string"}))
    assert refused(schema) == []
    place = compile_schema(from_openapi(schema))
    assert place is not None
    assert rule_errors(place, {"kind": "K", "metadata": {"name": "x"}}, None) == []
    assert rule_errors(place, {"kind": "K", "metadata": {"name": "y"}}, None)[0].field == "<nil>"


def test_sets_and_maps_have_no_order() -> None:
    as_set = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    schema = kind(a=rules({"rule": "self == oldSelf"}, **as_set))
    assert errors(schema, {"a": ["x", "y"]}, {"a": ["y", "x"]}) == []
    assert errors(schema, {"a": ["x", "z"]}, {"a": ["y", "x"]}) != []


# --- transitions, ratcheting


def test_transition_rules_need_an_old_value() -> None:
    schema = kind(a=rules({"rule": "self >= oldSelf", "message": "only up"}, type="integer"))
    assert errors(schema, {"a": 1}) == []
    assert errors(schema, {"a": 1}, {}) == []
    assert errors(schema, {"a": 1}, {"a": 2}) == ["spec.a: Invalid value: 1: only up"]


def test_optional_old_values_are_seen_at_creation_too() -> None:
    rule = {"rule": "oldSelf.hasValue() || self == 1", "optionalOldSelf": True}
    schema = kind(a=rules(rule, type="integer"))
    assert errors(schema, {"a": 2}) == ["spec.a: Invalid value: 2: failed rule: oldSelf.hasValue() || self == 1"]
    assert errors(schema, {"a": 2}, {"a": 5}) == []


def test_items_of_lists_with_keys_are_found_again() -> None:
    item = {
        "type": "object",
        "required": ["k"],
        "properties": {"k": {"type": "string"}, "v": rules({"rule": "self == oldSelf"}, type="string")},
    }
    listed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item}
    old = {"a": [{"k": "x", "v": "1"}, {"k": "y", "v": "2"}]}
    new = {"a": [{"k": "y", "v": "3"}, {"k": "x", "v": "1"}, {"k": "z", "v": "4"}]}
    assert errors(kind(a=listed), new, old) == ['spec.a[0].v: Invalid value: "3": failed rule: self == oldSelf']


def test_what_was_wrong_and_stays_is_let_through() -> None:
    schema = kind(a=rules({"rule": "self != 'bad'"}, type="string"), b={"type": "string"})
    assert errors(schema, {"a": "bad", "b": "2"}, {"a": "bad", "b": "1"}) == []
    assert errors(schema, {"a": "bad"}, {"a": "good"}) != []
    whole = kind(a=rules({"rule": "self.b != 'bad'"}, type="object", properties={"b": {"type": "string"}}))
    assert errors(whole, {"a": {"b": "bad"}}, {"a": {"b": "bad"}}) == []


# --- messages, all of it


def test_messages_and_reasons() -> None:
    parts = (
        {"rule": "false", "messageExpression": "'value ' + self", "reason": "FieldValueForbidden"},
        {"rule": "false", "reason": "FieldValueRequired"},
        {"rule": "false", "reason": "FieldValueDuplicate"},
    )
    schema = kind(a=rules(*parts, type="string"))
    assert errors(schema, {"a": "x"}) == [
        "spec.a: Forbidden: value x", "spec.a: Required value: failed rule: false", 'spec.a: Duplicate value: "x"',
    ]  # fmt: skip


def test_rules_within_all_of() -> None:
    schema = kind(a={"type": "string", "allOf": [rules({"rule": "self.size() > 2"})]})
    assert refused(schema) == [
        ".properties[spec].properties[a].allOf[0].x-kubernetes-validations: Forbidden: must be empty to be structural"
    ]
    assert errors(schema, {"a": "x"}) == ['spec.a: Invalid value: "x": failed rule: self.size() > 2']


def test_values_of_maps() -> None:
    schema = kind(a={"type": "object", "additionalProperties": rules({"rule": "self > 0"}, type="integer")})
    assert errors(schema, {"a": {"x": 0, "y": 1}}) == ["spec.a[x]: Invalid value: 0: failed rule: self > 0"]


def test_a_rule_that_is_too_dear_ends_the_evaluation() -> None:
    dear = {"rule": "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"}
    schema = kind(a=rules(dear, {"rule": "false"}, type="array", items={"type": "integer"}))
    assert "estimated rule cost exceeds budget" in refused(schema)[0], "only one that was let in before gets here"
    found = errors(schema, {"a": list(range(1000))})
    assert found == [
        "spec.a: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no further validation "
        "rules will be run due to call cost exceeds limit for rule: " + dear["rule"]
    ]
