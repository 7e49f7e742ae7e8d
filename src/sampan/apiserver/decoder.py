"""A request body as an object: JSON or YAML by content type, checked against the schema, in upstream's words."""

import json as stdlib_json
import re
from typing import Any

from sampan.api.errors import StatusError, bad_request
from sampan.api.json import JSONDecodeError, Obj, loads
from sampan.api.json_syntax import syntax_error
from sampan.api.names import GVK
from sampan.api.schema.decode import DecodeError, decode
from sampan.api.schema.nodes import Node
from sampan.api.schema.strict import cannot_handle, duplicate_fields, merged_repeats, strict_message, strict_problems
from sampan.apiserver.body_kind import GO_KINDS, GO_TYPE_META, Undecodable, check_kind, unrecognized
from sampan.apiserver.negotiate import PROTOBUF, YAML, body_type

LIMIT = 3 * 1024 * 1024


def check_size(body: bytes) -> None:
    """Refuse a body above upstream's limit (413)."""
    if len(body) > LIMIT:
        raise StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {LIMIT}")


def parse_json(body: bytes) -> Any:
    """Parsed JSON; raises ValueError with Go's message. Bytes that are not UTF-8 are replaced, as Go does."""
    try:
        return loads(body)
    except JSONDecodeError:
        return _forgiving(body)


def _forgiving(body: bytes) -> Any:
    """What our parser refuses and Go's takes: stray bytes and halves of surrogate pairs become U+FFFD."""
    if wrong := syntax_error(body):
        raise ValueError(wrong)
    text = STRAY.sub("\ufffd", body.decode("utf-8", "surrogateescape"))
    try:
        return loads(text)
    except JSONDecodeError:
        pass
    try:
        return _without_halves(stdlib_json.loads(text))
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


TOO_DEEP = "invalid character '{' exceeded max depth"
"""Go says so beyond 10,000 levels; Python's limit is lower."""
STRAY = re.compile("[\ud800-\udfff]")


def _without_halves(value: Any) -> Any:
    if isinstance(value, dict):
        return {STRAY.sub("\ufffd", key): _without_halves(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_halves(one) for one in value]
    return STRAY.sub("\ufffd", value) if isinstance(value, str) else value


def parse_yaml(body: bytes) -> Any:
    """The first document of a YAML body with JSON's types; raises ValueError with the parser's message."""
    import yaml

    from sampan.apiserver.yamltypes import is_too_deep, load_first

    try:
        if is_too_deep(body):
            raise RecursionError
        return load_first(body)
    except yaml.YAMLError as error:
        raise ValueError(f"yaml: {yaml_text(error)}") from None
    except RecursionError:
        raise ValueError("yaml: exceeded max depth of 10000") from None


def yaml_text(error: Any) -> str:
    """A YAML error in one line, with the line where it happened as upstream's library counts."""
    from yaml.reader import ReaderError
    from yaml.scanner import ScannerError

    if isinstance(error, ReaderError):
        return str(error.reason)
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    line = 0
    if mark is not None and mark.line:
        line = mark.line + isinstance(error, ScannerError)
    elif context is not None:
        line = context.line
    return f"line {line}: {problem}" if line else str(problem)


def parse_body(body: bytes, content_type: str, kind: str) -> tuple[Any, bytes | None]:
    """The parsed body, and its bytes if it was JSON. `kind` is what it should be. Raises 400, 413, 415."""
    media = body_type(content_type)
    check_size(body)
    if media == PROTOBUF:
        from sampan.apiserver.binary import loose_body

        return loose_body(body, kind), None
    try:
        if media == YAML:
            return parse_yaml(body), None
        return parse_json(body), body
    except ValueError as error:
        what = str(error) if media == YAML else f"couldn't get version/kind; json parse error: {error}"
        raise bad_request(what if kind == "DeleteOptions" else unrecognized(kind, what, body)) from None


class Decoded:
    """A decoded body: the object as it would be stored, and what strict decoding found in it."""

    __slots__ = ("obj", "problems")

    def __init__(self, obj: Obj, problems: list[str]) -> None:
        self.obj, self.problems = obj, problems


def decode_body(body: bytes, content_type: str, gvk: GVK, node: Node, validation: str) -> Decoded:
    """A body as an object of `gvk`. `validation`: Strict refuses unknown and repeated fields, Warn reports them.

    Raises StatusError 400, 413, 415.
    """
    if content_type.startswith(PROTOBUF) and body_type(content_type) == PROTOBUF:
        from sampan.apiserver.binary import object_body

        check_size(body)
        return decode_value(object_body(body, gvk), None, gvk, node, "Ignore", body)
    value, raw = parse_body(body, content_type, gvk.kind)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        message = f"json: cannot unmarshal {GO_KINDS[type(value)]} into Go value of type {GO_TYPE_META}"
        raise bad_request(unrecognized(gvk.kind, f"couldn't get version/kind; json parse error: {message}", body))
    if raw is not None:
        return decode_value(value, raw, gvk, node, validation)
    repeated = repeats_of_yaml(body) if validation != "Ignore" else []
    if repeated and validation == "Strict":
        lines = "\n  ".join(["yaml: unmarshal errors:", *repeated])
        raise bad_request(cannot_handle(gvk.kind, gvk.version, strict_message([lines])))
    decoded = decode_value(value, None, gvk, node, validation, body)
    decoded.problems[:0] = repeated
    return decoded


def repeats_of_yaml(body: bytes) -> list[str]:
    """Keys that a YAML body writes more than once in a mapping."""
    from sampan.apiserver.yamltypes import repeated_keys

    return repeated_keys(body)


def decode_value(
    value: Obj, raw: bytes | None, gvk: GVK, node: Node, validation: str, shown: bytes | None = None
) -> Decoded:
    """As `decode_body`, for a body that is parsed already; `raw` for repeated fields.

    `shown`: the body as errors show it; with neither it is the outcome of a patch.
    """
    repeated = duplicate_fields(raw, value) if raw is not None else []
    if repeated and raw is not None:
        value = merged_repeats(raw)
    text = shown if raw is None else raw
    check_kind(value, gvk, text if text is not None else b"", patched=text is None)
    try:
        obj, unknown = decode(value, node)
    except DecodeError as error:
        raise Undecodable(cannot_handle(gvk.kind, gvk.version, str(error)), str(error)) from None
    problems: list[str] = []
    if validation != "Ignore":
        problems = strict_problems(repeated, unknown)
        if problems and validation == "Strict":
            why = strict_message(problems)
            raise Undecodable(cannot_handle(gvk.kind, gvk.version, why), why)
    obj["kind"], obj["apiVersion"] = gvk.kind, gvk.api_version
    return Decoded(obj, problems)
