"""Reads OpenAPI v3 documents of an API server and prints resources/data/openapi.json: enums and declared defaults.

Usage: python tools/openapi_facts.py DOCUMENT.json... > src/sampan/resources/data/openapi.json

Defaults that follow from Go's types (see gotypes.json) are left out.
"""

import json
import sys
from pathlib import Path
from typing import Any


def facts(documents: list[dict[str, Any]], go: dict[str, dict[str, str]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Definition to field to what its schema says beyond its type: `enum`, `default`, and the enum of its elements."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for document in documents:
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            for field, value in schema.get("properties", {}).items():
                kept = {key: value[key] for key in ("enum", "default") if key in value}
                for below in ("items", "additionalProperties"):
                    if isinstance(value.get(below), dict) and "enum" in value[below]:
                        kept[below] = value[below]["enum"]
                if go.get(name, {}).get(field, "").startswith("a") and kept.get("default") in ("", 0, {}):
                    del kept["default"]
                if kept:
                    found.setdefault(name, {})[field] = kept
    return found


if __name__ == "__main__":
    types = Path(__file__).parent.parent / "src/sampan/resources/data/gotypes.json"
    read = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    made = facts(read, json.loads(types.read_text()))
    sys.stdout.write(json.dumps(made, sort_keys=True, separators=(",", ":")) + "\n")
