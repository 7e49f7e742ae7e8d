"""The examples in the documentation work: blocks marked `run` are run, blocks marked `shows` are what they print.

All `sh run` blocks of a page are one script, in an empty directory and home, with `sampan`, kubectl and helm on PATH;
a `text shows` block after one must match its output, line by line, `…` standing for anything. A `python run` block is
a file of tests for pytest.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w+) (run|shows)\n(.*?)^```$", re.M | re.S)
MARK = "-- end of block --"


class Block(NamedTuple):
    """A fenced block: its language, what it is for, its text."""

    language: str
    role: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The marked blocks of a page, in their order."""
    return [Block(*found) for found in FENCE.findall(page.read_text())]


PAGES = {p.relative_to(ROOT).as_posix(): blocks(p) for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
SHELL = [name for name, found in PAGES.items() if any(b.language == "sh" and b.role == "run" for b in found)]
PYTHON = [name for name, found in PAGES.items() if any(b.language == "python" for b in found)]


def environment(home: Path) -> dict[str, str]:
    """What the examples may rely on."""
    tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key in ("PYTHONPATH", "LANG", "TERM")}
    return {**kept, "PATH": tools, "HOME": str(home)}


def pattern(line: str) -> str:
    """A shown line as a regular expression; columns may be wider or narrower."""
    words = " ".join(line.split()).split("…")
    return r".*".join(re.escape(part).replace(r"\ ", r"\s+") for part in words)


@pytest.mark.kubectl
@pytest.mark.xdist_group("e2e")
@pytest.mark.parametrize("page", SHELL)
def test_shell_examples(page: str, tmp_path: Path) -> None:
    assert shutil.which("kubectl"), "kubectl is not on PATH: run the tests by `make test`, which fetches it"
    found = [b for b in PAGES[page] if b.language in ("sh", "text")]
    script = "".join(f"{b.text}echo '{MARK}'\n" for b in found if b.role == "run")
    try:
        done = subprocess.run(
            ["sh", "-e"],
            input=script,
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=55,
        )
    finally:
        for data in tmp_path.glob("*/instance.json"):  # a page that failed before its `sampan down`
            command = [sys.executable, "-m", "sampan.cli.main", "down", "--data-dir", str(data.parent)]
            subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = iter(done.stdout.split(f"{MARK}\n"))
    output = ""
    for block in found:
        if block.role == "run":
            output = next(outputs)
            continue
        for line in block.text.splitlines():
            assert re.search(f"^\\s*{pattern(line)}\\s*$", output, re.M), f"{line!r} is not in\n{output}"


@pytest.mark.parametrize("page", PYTHON)
def test_python_examples(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(b for b in PAGES[page] if b.language == "python"):
        (tmp_path / f"test_example_{number}.py").write_text(block.text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_examples() -> None:
    assert {"README.md", "docs/storage.md", "docs/use-from-the-shell.md"} <= set(SHELL)
    assert "docs/use-in-pytest.md" in PYTHON
