"""What one mutation of a MutatingAdmissionPolicy makes of an object: apply configurations and JSON patches. Pure."""

from typing import Any

from sampan.api.cel import times
from sampan.api.cel.library.standard import text_of
from sampan.api.cel.values import Duration, Opaque, Optional, Struct, Timestamp, UInt
from sampan.api.json import Obj
from sampan.api.patch.json import PatchFailed, TestFailed, apply
from sampan.api.patch.merging import merge
from sampan.api.patch.places import Place
from sampan.api.patch.typed import Unfit, check
from sampan.apiserver.admission.policy.activation import Evaluation, Failed
from sampan.apiserver.admission.policy.records import Mutation

EXACT = 2**53
"""Integers beyond this are texts in JSON that CEL makes (protobuf's mapping of 64-bit integers)."""


def mutated(mutation: Mutation, run: Evaluation, obj: Obj, place: Place) -> Obj:
    """The object after a mutation, not yet decoded. Raises Failed, Exhausted, StatusError."""
    if mutation.expression.program is None:
        raise Failed(mutation.expression.wrong)
    value = run.value(mutation.expression)
    if mutation.applies:
        return _applied(value, obj, place)
    return _patched(value, obj)


def _applied(value: Any, obj: Obj, place: Place) -> Obj:
    problems = list(_misnamed(value, [value.name])) if isinstance(value, Struct) else []
    if problems:
        raise Failed("type mismatch: " + "\n".join(problems))
    config = _plain(value)
    if not isinstance(config, dict):
        raise Failed("invalid return type: *dynamic.ObjectVal")
    config = {**config, "apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}
    try:
        check(place, config)
    except Unfit as error:
        why = f"failed to convert patch object to typed object: {error}"
        raise Failed(f"error applying patch: {why}") from None
    atomics = _atomics(place, config, "")
    if atomics:
        why = f"may not mutate atomic arrays, maps or structs: {', '.join(atomics)}"
        raise Failed(f"error applying patch: invalid ApplyConfiguration: {why}")
    try:
        made = merge(place, obj, config)
    except ValueError as error:
        raise Failed(f"error applying patch: failed to merge patch: {error}") from None
    return made if isinstance(made, dict) else {}


def _misnamed(value: Any, path: list[str]) -> list[str]:
    """Objects whose types do not say where they stand."""
    found = []
    if isinstance(value, Struct):
        wanted = ".".join(path)
        if value.name != wanted:
            found.append(
                f'unexpected type name "{value.name}", expected "{wanted}", '
                "which matches field name path from root Object type"
            )
        for key, inner in value.items():
            found += _misnamed(inner, [*path, key])
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            found += _misnamed(inner, path)
    return found


def _plain(value: Any) -> Any:
    """A value of an expression as one of an object."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Failed("invalid return type: *dynamic.ObjectVal")
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, UInt):
        return int(value)
    return _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return times.format_timestamp(value)
    if isinstance(value, Duration):
        return times.format_duration(value)
    return value


def _atomics(place: Place, value: Any, path: str) -> list[str]:
    """Where a configuration would replace a whole that somebody else may own parts of."""
    found: list[str] = []
    if isinstance(value, dict) and place.kind in ("map", "deduced"):
        if place.atomic:
            found.append(path)
        for key, inner in value.items():
            known = place.fields.get(key)
            if known is not None:
                found += _atomics(known[1], inner, f"{path}.{key}")
    elif isinstance(value, list) and place.kind != "scalar":
        if place.kind in ("list", "deduced"):
            found.append(path)
        for index, inner in enumerate(value):
            if place.element is not None:
                found += _atomics(place.element, inner, f"{path}[{index}]")
    return found


def _patched(value: Any, obj: Obj) -> Obj:
    operations = []
    for one in value:
        made: Obj = {"op": one.get("op", ""), "path": one.get("path", "")}
        if one.get("from"):
            made["from"] = one["from"]
        if "value" in one:
            given = one["value"]
            problems = _misnamed(given, [given.name]) if isinstance(given, Struct) else []
            if problems:
                raise Failed("type mismatch: " + "\n".join(problems))
            made["value"] = _json(given)
        operations.append(made)
    try:
        done = apply(obj, operations)
    except TestFailed:
        return obj
    except PatchFailed as failed:
        raise Failed(f"JSON Patch: {failed.why}") from None
    return done if isinstance(done, dict) else {}


def _json(value: Any) -> Any:
    """A value as protobuf's JSON has it."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else text_of(key): _json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_json(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if abs(value) > EXACT else int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    if isinstance(value, bytes):
        from base64 import b64encode

        return b64encode(value).decode()
    if isinstance(value, Opaque | Optional):
        why = "JSONPath valueExpression evaluated to a type that could not marshal to JSON"
        name = value.cel_type.name.rpartition(".")[2] if isinstance(value, Opaque) else "optional_type"
        raise Failed(f"{why}: type conversion error from '{name}' to '*structpb.Value'")
    return _text(value)
