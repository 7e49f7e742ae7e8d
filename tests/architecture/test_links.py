"""The link checker itself."""

import runpy
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "links.py"


def test_a_dead_link_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("[b](b.md) [c](c.md#part) [web](https://example.com/x) [here](#part)")
    (tmp_path / "b.md").write_text("")
    assert runpy.run_path(str(TOOL))["dead_links"](tmp_path) == ["a.md: c.md#part"]
