"""House rules that a linter cannot see."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sampan"
GENERATED = re.compile(r"_pb2\.py$")
MODULES = sorted(p for p in SOURCE.rglob("*.py") if not GENERATED.search(p.name))
SOFT, HARD = 250, 500


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def pure_modules() -> list[Path]:
    """The source modules of the contract "pure" in .importlinter."""
    text = (ROOT / ".importlinter").read_text()
    section = text.split("[importlinter:contract:pure]")[1].split("forbidden_modules")[0]
    found: list[Path] = []
    for dotted in re.findall(r"^\s+(sampan[\w.]*)$", section, re.MULTILINE):
        base = ROOT / "src" / Path(*dotted.split("."))
        found += sorted(base.rglob("*.py")) if base.is_dir() else [base.with_suffix(".py")]
    return [p for p in found if p in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_its_job_in_its_first_line(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, f"{path}: the first line must say the module's job"
    assert len(docstring.splitlines()[0]) >= 15


READS_A_CLOCK = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns", "monotonic_ns"}
CLOCKS = {"datetime", "date", "time"}


@pytest.mark.parametrize("path", pure_modules(), ids=name_of)
def test_a_pure_module_reads_no_clock_and_rolls_no_dice(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = node.func.value
            base = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
            assert not (base in CLOCKS and node.func.attr in READS_A_CLOCK), f"{path}:{node.lineno} reads a clock"
            assert not (base == "uuid" and node.func.attr.startswith("uuid")), f"{path}:{node.lineno} rolls dice"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_decide_observe_and_step_are_plain_functions(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.AsyncFunctionDef):
            assert node.name not in {"decide", "observe", "step"}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", sorted((SOURCE / "controllers").glob("*.py")), ids=name_of)
def test_a_controller_never_awaits(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith), f"{path}"


def test_sizes(record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]) -> None:
    """Report modules over the soft budget; only those over the hard one fail."""
    sizes = {name_of(p): len(p.read_text().splitlines()) for p in MODULES}
    over = {name: lines for name, lines in sizes.items() if lines > SOFT}
    record_property("modules_over_250_lines", ", ".join(f"{n} ({c})" for n, c in over.items()))
    with capsys.disabled():
        if over:
            listing = ", ".join(f"{name} {lines}" for name, lines in sorted(over.items(), key=lambda i: -i[1]))
            print(f"\nmodules over {SOFT} lines: {listing}")  # noqa: T201
    assert not {name: lines for name, lines in sizes.items() if lines > HARD}
