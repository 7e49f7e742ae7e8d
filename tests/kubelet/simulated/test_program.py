"""What simulated containers do, by their command."""

import pytest

from sampan.kubelet.simulated.program import Program, program


@pytest.mark.parametrize(
    ("command", "does"),
    [
        ([], Program()),
        (["true"], Program(0.0, 0)),
        (["false"], Program(0.0, 1)),
        (["cat"], Program(0.0, 0)),
        (["sleep", "5"], Program(5.0, 0)),
        (["sleep", "2m"], Program(120.0, 0)),
        (["sleep", "infinity"], Program()),
        (["sleep", "soon"], Program(0.0, 1)),
        (["echo", "a", "b"], Program(0.0, 0, ("a b",))),
        (["nginx", "-g", "daemon off;"], Program(known=False)),
    ],
)
def test_a_command(command: list[str], does: Program) -> None:
    assert program(command) == does


@pytest.mark.parametrize(
    ("script", "does"),
    [
        ("exit 3", Program(0.0, 3)),
        ("exit 257", Program(0.0, 1)),
        ("false; exit", Program(0.0, 1)),
        ("sleep 1; sleep 2; exit 4", Program(3.0, 4)),
        ("echo one\necho two\n\nfalse", Program(0.0, 1, ("one", "two"))),
        ("echo 'a; b && c'", Program(0.0, 0, ("a; b && c",))),
        ("false && echo no", Program(0.0, 1)),
        ("false || echo yes", Program(0.0, 0, ("yes",))),
        ("true || echo no; echo end", Program(0.0, 0, ("end",))),
        ("true&&exit 5", Program(0.0, 5)),
        ("echo up; exec sleep infinity", Program(None, 0, ("up",))),
        ("sleep soon; echo on", Program(0.0, 0, ("on",))),
        ("echo a | cat", Program(known=False)),
        ("echo a > /file", Program(known=False)),
        ("echo 'a", Program(known=False)),
        ("echo up; serve", Program(None, 0, ("up",), known=False)),
        ("", Program(0.0, 0)),
    ],
)
@pytest.mark.parametrize("shell", ["sh", "/bin/bash"])
def test_a_script(shell: str, script: str, does: Program) -> None:
    assert program([shell, "-c", script]) == does
    assert program([shell], ["-c", script]) == does, "arguments go on where the command ends"
