"""Every benchmark, one table: `python -m bench [NAME...]`. What a figure should reach stands beside it."""

import sys
import time
from collections.abc import Iterable, Iterator
from importlib import import_module

from bench.expected import EXPECTED

NAMES = (
    "startup",
    "idle",
    "requests",
    "pleg",
    "kill_to_status",
    "node",
    "controllers",
    "scheduler",
    "scale",
    "apiserver_path",
    "store",
    "watch",
    "http",
    "pod_security",
)


def rows_of(name: str) -> Iterator[tuple[str, str]]:
    """What one benchmark measures; one that fails says so in its row and spoils no other."""
    began = time.perf_counter()
    try:
        yield from import_module(f"bench.{name}").run()
    except Exception as error:
        yield name, f"failed: {type(error).__name__}: {error}"
    sys.stderr.write(f"{name}: {time.perf_counter() - began:.0f} s\n")


def line(what: str, figure: str, expected: str) -> str:
    """One line of the table."""
    return f"{what:58}  {figure:>42}  {expected}".rstrip() + "\n"


def table(chosen: Iterable[str]) -> int:
    """Print the table row by row as the figures come; how many benchmarks failed."""
    failed = 0
    sys.stdout.write(line("what", "measured", "to reach"))
    for name in chosen:
        for what, figure in rows_of(name):
            failed += figure.startswith("failed:")
            sys.stdout.write(line(what, figure, EXPECTED.get(what, "")))
            sys.stdout.flush()
    return failed


def main(names: list[str]) -> int:
    """Exit code 0: all measured, 1: some failed, 2: no such benchmark."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    return min(1, table(names or NAMES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
