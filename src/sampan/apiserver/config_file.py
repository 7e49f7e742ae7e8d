"""Configuration files of the API server (apiserver.config.k8s.io): read strictly into plain trees."""

from collections.abc import Collection
from pathlib import Path

from sampan.api.json import Obj
from sampan.api.quote import go_quoted
from sampan.apiserver.config_shape import ConfigFileError, Struct, no_object, unknown_fields
from sampan.apiserver.decoder import parse_json, parse_yaml, repeats_of_yaml

GROUP = "apiserver.config.k8s.io"
OTHERS = ("AdmissionConfiguration", "AuthenticationConfiguration", "AuthorizationConfiguration",
          "EgressSelectorConfiguration", "TracingConfiguration")  # fmt: skip


def read_bytes(path: Path) -> bytes:
    """The file; raises ConfigFileError."""
    try:
        return path.read_bytes()
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise ConfigFileError(f"open {path}: {said}") from error


def parse_config(data: bytes, versions: Collection[str], shape: Struct) -> Obj:
    """The document, whose kind is the shape's name; raises ConfigFileError, also for unknown and repeated fields."""
    if not data:
        raise ConfigFileError("empty config data")
    is_json = data.lstrip().startswith(b"{")
    try:
        value = parse_json(data) if is_json else parse_yaml(data)
    except ValueError as error:
        prefix = "couldn't get version/kind; json parse error: " if is_json else ""
        raise ConfigFileError(f"{prefix}{error}") from None
    value = {} if value is None else value
    if not isinstance(value, dict):
        raise ConfigFileError(no_object(value))
    _check_kind(value, data, versions, shape.name)
    problems = [f"unknown field {go_quoted(path)}" for path in unknown_fields(value, shape)]
    repeated = [] if is_json else repeats_of_yaml(data)
    if repeated:
        problems.insert(0, "\n  ".join(["yaml: unmarshal errors:", *repeated]))
    if problems:
        raise ConfigFileError(f"strict decoding error: {', '.join(problems)}")
    return value


def _check_kind(value: Obj, data: bytes, versions: Collection[str], wanted: str) -> None:
    kind, version = value.get("kind") or "", value.get("apiVersion") or ""
    text = data.decode(errors="replace")
    if not kind:
        raise ConfigFileError(f"Object 'Kind' is missing in '{text}'")
    if not version:
        raise ConfigFileError(f"Object 'apiVersion' is missing in '{text}'")
    known = version in {f"{GROUP}/{one}" for one in versions}
    if kind == wanted and known:
        return
    if known and kind in OTHERS:
        raise ConfigFileError(f"expected {wanted}, got *apiserver.{kind}")
    raise ConfigFileError(f"no kind {go_quoted(str(kind))} is registered for version {go_quoted(str(version))}")
