"""YAML as the API reads it: times stay texts."""

from typing import Any, ClassVar

import yaml

from sampan.api.json import Obj
from sampan.simulator.expression import TemplateError

Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(Base):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in Base.yaml_implicit_resolvers.items()
    }


def documents_of(text: str) -> list[Any]:
    """All documents of a text. Raises yaml.YAMLError."""
    return [document for document in yaml.load_all(text, _Loader) if document is not None]


def mapping_of(text: str) -> Obj:
    """The mapping that a template made; nothing gives an empty one. Raises TemplateError."""
    try:
        made = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise TemplateError(f"the template made no YAML: {error}") from error
    if made is not None and not isinstance(made, dict):
        raise TemplateError("the template made no mapping")
    return made or {}
