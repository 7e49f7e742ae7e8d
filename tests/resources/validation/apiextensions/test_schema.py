"""Schemas of definitions, and what a real API server says of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.resources.validation.apiextensions.schema import check_version_schema

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_errors_are_upstreams(case: dict[str, Any]) -> None:
    at = "spec.validation.openAPIV3Schema"
    found = check_version_schema(case["schema"], at, status=case.get("status", False))
    assert [f"{error.field}: {error.message}".replace(at, "s") for error in found] == case["errors"]
