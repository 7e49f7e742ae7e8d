"""What an ended container has to say."""

from pathlib import Path

import pytest

from sampan.api.json import Obj
from sampan.kubelet.runtime import Container, ContainerState
from sampan.kubelet.termination import termination_message


def entry(text: str, tag: str = "F") -> str:
    return f"2026-01-01T00:00:00.000000000Z stdout {tag} {text}\n"


@pytest.mark.parametrize(
    ("file", "log", "policy", "code", "want"),
    [
        ("said", entry("printed"), "File", 1, "said"),
        ("said", entry("printed"), "FallbackToLogsOnError", 1, "said"),
        ("", entry("printed"), "File", 1, ""),
        ("", entry("prin", "P") + entry("ted"), "FallbackToLogsOnError", 1, "printed\n"),
        ("", entry("printed"), "FallbackToLogsOnError", 0, ""),
        (None, entry("printed"), "FallbackToLogsOnError", 1, "printed\n"),
        (None, None, "FallbackToLogsOnError", 1, ""),
        ("x" * 5000, None, "File", 0, "x" * 4096),
        ("", entry("y" * 100) * 200, "FallbackToLogsOnError", 1, (("y" * 100 + "\n") * 80)[-2048:]),
        (
            "",
            "".join(entry(str(n)) for n in range(100)),
            "FallbackToLogsOnError",
            1,
            "".join(f"{n}\n" for n in range(20, 100)),
        ),
    ],
)
def test_the_message(tmp_path: Path, file: str | None, log: str | None, policy: str, code: int, want: str) -> None:
    for name, text in (("message", file), ("log", log)):
        if text is not None:
            (tmp_path / name).write_text(text)
    pod: Obj = {"spec": {"containers": [{"name": "a", "terminationMessagePolicy": policy}]}}
    run = Container("a-0", "box", "a", 0, ContainerState.EXITED, 1, exit_code=code)
    assert termination_message(tmp_path / "message", tmp_path / "log", pod, run) == want
