"""Which texts a real 1.36 API server takes for which format."""

import json
from pathlib import Path

import pytest

from sampan.api.schema.formats import FORMATS

SAID = json.loads((Path(__file__).parents[2] / "golden" / "formats-1.36.json").read_text("utf-8"))
VALUES: list[str] = SAID["values"]
ACCEPTED: dict[str, list[str]] = SAID["accepted"]


@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_texts_fit_as_with_a_real_server(name: str) -> None:
    assert [value for value in VALUES if FORMATS[name](value)] == [one for one in VALUES if one in ACCEPTED[name]]
