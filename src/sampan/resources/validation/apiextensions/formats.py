"""Formats of values that upstream does not know: they are told to the author of a schema, and then ignored."""

from collections.abc import Iterator
from typing import Any

from sampan.api.json import Obj
from sampan.resources.strategies.checks import quoted

TEXT = frozenset((
    "bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid", "uuid3", "uuid4", "uuid5",
    "isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor", "rgbcolor", "byte", "password", "date", "duration",
    "datetime", "k8sshortname", "k8slongname",
))  # fmt: skip
NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def is_known(kind: str, form: str) -> bool:
    """Whether values of a type are checked against a format; dashes in its name do not matter."""
    if kind in ("", "string"):
        return form.replace("-", "") in TEXT
    return form in NUMBERS.get(kind, ())


def format_warnings(new: Obj, old: Obj | None = None) -> list[str]:
    """Warnings about formats of a definition that its old state did not have."""
    known = set(_of(old)) if old is not None else set()
    return [f"unrecognized format {quoted(form)}" for form in _of(new) if form not in known]


def _of(crd: Obj) -> Iterator[str]:
    schemas = [version.get("schema") for version in (crd.get("spec") or {}).get("versions") or ()]
    if schemas and all(one == schemas[0] for one in schemas):
        schemas = schemas[:1]
    for schema in schemas:
        yield from _unknown((schema or {}).get("openAPIV3Schema"))


def _unknown(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    form = schema.get("format")
    if form and not is_known(schema.get("type") or "", form):
        yield form
    items = schema.get("items")
    for one in items if isinstance(items, list) else (items,):
        yield from _unknown(one)
    for key in ("allOf", "anyOf", "oneOf"):
        for one in schema.get(key) or ():
            yield from _unknown(one)
    yield from _unknown(schema.get("not"))
    for one in (schema.get("properties") or {}).values():
        yield from _unknown(one)
    yield from _unknown(schema.get("additionalProperties"))
