"""Objects of YAML and JSON files: every document, lists unfolded, with the line where each begins."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sampan.api.json import Obj


class Manifest(NamedTuple):
    """An object of a file."""

    file: str
    line: int
    obj: Obj


class BadInput(Exception):
    """A file or a document of it that cannot be read; the text names the place."""


def read_manifests(file: str) -> Iterator[Manifest | BadInput]:
    """The objects of a file (`-`: standard input), in order. What follows a syntax error cannot be read."""
    import yaml

    from sampan.apiserver.yamltypes import JSONLoader

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        loader = JSONLoader(data)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        yield BadInput(f"{file}: {_said(error)}")
        return
    try:
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1
            yield from _objects(file, line, loader.construct_document(node))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        yield BadInput(f"{file}: not YAML: {_said(error)}")
    finally:
        loader.dispose()


def _objects(file: str, line: int, value: Any) -> Iterator[Manifest | BadInput]:
    """The object of a document, or those of a list."""
    if value is None:
        return
    if not isinstance(value, dict) or not _is_text(value.get("kind")) or not _is_text(value.get("apiVersion")):
        yield BadInput(f"{file}:{line}: not a Kubernetes object: it needs apiVersion and kind")
        return
    kind = value["kind"]
    if not kind.endswith("List") or not isinstance(value.get("items"), list):
        yield Manifest(file, line, value)
        return
    for item in value["items"]:
        if kind != "List" and isinstance(item, dict):  # the items of a typed list need not say what they are
            item = {"apiVersion": value["apiVersion"], "kind": kind.removesuffix("List"), **item}
        yield from _objects(file, line, item)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _said(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}: {getattr(error, 'problem', None) or 'it cannot be read'}"
    return " ".join(str(error).split()) or type(error).__name__
