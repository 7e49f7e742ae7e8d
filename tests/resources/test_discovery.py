"""Discovery documents against those of a real 1.36 API server."""

from pathlib import Path
from typing import Any

import pytest

from sampan.api import json
from sampan.resources import discovery
from sampan.resources.build import builtin_resources

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden" / "discovery-1.36.json").read_bytes())
RESOURCES = builtin_resources("1.36")


def document(path: str) -> Any:
    """What we serve at a path of the golden file."""
    if path.endswith(" (aggregated)"):
        root = path.split()[0]
        return discovery.aggregated(RESOURCES, "/api" if root == "/api" else "/apis")
    parts = path.strip("/").split("/")
    match parts:
        case ["api"]:
            return discovery.api_versions("<server>")
        case ["api", version]:
            return discovery.api_resource_list(RESOURCES, "", version)
        case ["apis"]:
            return discovery.api_group_list(RESOURCES)
        case ["apis", group]:
            return discovery.api_group(RESOURCES, group)
        case _:
            return discovery.api_resource_list(RESOURCES, parts[1], parts[2])


@pytest.mark.parametrize("path", sorted(GOLDEN))
def test_document_is_upstreams(path: str) -> None:
    assert document(path) == GOLDEN[path]


def test_unknown_group_and_version_have_no_document() -> None:
    assert discovery.api_group(RESOURCES, "example.org") is None
    assert discovery.api_resource_list(RESOURCES, "apps", "v9") is None


def test_versions_sort_as_apimachinery_sorts_them() -> None:
    names = ["foo10", "v1", "v12alpha1", "v11beta2", "v10", "v2", "foo1", "v10beta3", "v3beta1", "v11alpha2"]
    ordered = sorted(names, key=discovery.version_rank)
    assert ordered == ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
