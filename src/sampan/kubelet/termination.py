"""Termination messages: what a container left in its terminationMessagePath, or the end of its log."""

from pathlib import Path

from sampan.api.json import Obj
from sampan.kubelet.logs import parse_line, tail_offset
from sampan.kubelet.podspec import every_container
from sampan.kubelet.runtime import Container

LONGEST = 4096
LONGEST_LOG, LOG_LINES = 2048, 80


def termination_message(message_file: Path, log_file: Path, pod: Obj, run: Container) -> str:
    """The message of an ended container, empty when it left none. Reads files: call it in a thread.

    By terminationMessagePolicy FallbackToLogsOnError a failed container without a message has the end of its log: at
    most 80 lines and 2048 bytes.
    """
    text = _read(message_file, LONGEST)
    if text:
        return text
    spec = next((c for c in every_container(pod) if c["name"] == run.name), {})
    if spec.get("terminationMessagePolicy") != "FallbackToLogsOnError" or run.exit_code == 0:
        return ""
    try:
        with log_file.open("rb") as file:
            file.seek(tail_offset(file, LOG_LINES))
            lines = file.read().splitlines(keepends=True)
    except OSError:
        return ""
    return b"".join(parse_line(line).text for line in lines)[-LONGEST_LOG:].decode(errors="replace")


def _read(path: Path, limit: int) -> str:
    try:
        with path.open("rb") as file:
            return file.read(limit).decode(errors="replace")
    except OSError:
        return ""
