"""YAML with JSON's types: no dates, keys are strings. Imported late: YAML is rare and its import is not free."""

import base64
import re
from typing import Any, ClassVar

import yaml

Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class JSONLoader(Base):  # type: ignore[misc]
    """Safe loading without timestamps."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in Base.yaml_implicit_resolvers.items()
    }


JSONLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))


def _boolean(loader: Any, node: Any) -> bool:
    """YAML 1.1's words for yes and no, `y` and `n` among them, as upstream's library reads them."""
    return str(node.value).lower() in ("yes", "true", "on", "y")


JSONLoader.add_constructor("tag:yaml.org,2002:bool", _boolean)


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    loader.flatten_mapping(node)
    made = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, bool):
            key = "true" if key else "false"
        made[str(key)] = loader.construct_object(value_node, deep=True)
    return made


JSONLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _binary(loader: Any, node: Any) -> str:
    return base64.b64decode(node.value).decode(errors="replace")


def _untagged(loader: Any, node: Any) -> Any:
    """What has a tag of its own, without it."""
    if isinstance(node, yaml.ScalarNode):
        return node.value
    return loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else loader.construct_sequence(node)


JSONLoader.add_constructor("tag:yaml.org,2002:binary", _binary)
JSONLoader.add_constructor(None, _untagged)


MOST_NODES = 400_000
"""What a document may grow to when its aliases are written out."""
NESTERS = (b"[", b"{", b"- -", b"? ?")
FEW, DEEPEST = 2000, 1000


def load_first(body: bytes) -> Any:
    """The first document, None if there is none. Raises YAMLError, ValueError for one that aliases blow up."""
    loader = JSONLoader(body)
    try:
        node = loader.get_node() if loader.check_node() else None
        if node is None:
            return None
        if b"*" in body and b"&" in body and expanded(node, {}) > MOST_NODES:
            raise ValueError("yaml: document contains excessive aliasing")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def expanded(node: Any, known: dict[int, int]) -> int:
    """How many nodes a document has with its aliases written out; endless for one that contains itself."""
    size = known.get(id(node))
    if size is None:
        known[id(node)] = MOST_NODES + 1  # if it is met again before it is done, it contains itself
        size = 1
        if isinstance(node, yaml.SequenceNode):
            size += sum(expanded(item, known) for item in node.value)
        elif isinstance(node, yaml.MappingNode):
            size += sum(expanded(key, known) + expanded(value, known) for key, value in node.value)
        known[id(node)] = size
    return size


def is_too_deep(body: bytes) -> bool:
    """Whether a document is nested so deeply that composing it would exhaust the stack."""
    if sum(body.count(nester) for nester in NESTERS) < FEW:
        return False
    depth = 0
    for event in yaml.parse(body, Loader=JSONLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


def dump(value: Any) -> bytes:
    """A value as YAML, keys sorted, as upstream writes it."""
    text: bytes = yaml.dump(value, Dumper=Dumper, sort_keys=True, allow_unicode=True, encoding="utf-8", width=10**6)
    return text


def repeated_keys(body: bytes) -> list[str]:
    """Keys that stand twice in one mapping of the first document, in the words of upstream's YAML library."""
    found: list[str] = []
    loader = JSONLoader(body)
    try:
        root = loader.get_node() if loader.check_node() else None
        if root is not None:
            _repeated(root, found)
    finally:
        loader.dispose()
    return found


def _repeated(node: Any, found: list[str]) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _repeated(item, found)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    found.append(f'line {key.start_mark.line + 1}: key "{key.value}" already set in map')
                seen.add(key.value)
            _repeated(value, found)
