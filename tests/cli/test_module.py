"""`python -m sampan` is the command."""

import subprocess
import sys


def test_python_m() -> None:
    said = subprocess.run([sys.executable, "-m", "sampan", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("sampan, version ")
