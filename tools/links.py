"""Check that every relative link in the project's Markdown files points at something."""

import re
import sys
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def dead_links(root: Path) -> list[str]:
    """`FILE: LINK` for every relative link whose target does not exist; web addresses and anchors are left alone."""
    dead = []
    skip = {".venv", ".test-tools", "node_modules"}
    for page in sorted(root.rglob("*.md")):
        if skip & set(page.relative_to(root).parts):
            continue
        for target in LINK.findall(page.read_text()):
            path = target.split("#")[0]
            if path and "://" not in path and not path.startswith("mailto:") and not (page.parent / path).exists():
                dead.append(f"{page.relative_to(root)}: {target}")
    return dead


if __name__ == "__main__":
    found = dead_links(Path(__file__).parent.parent)
    sys.stderr.write("".join(f"dead link: {line}\n" for line in found))
    sys.exit(bool(found))
