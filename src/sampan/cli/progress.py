"""Progress of a start: a live display on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import TextIO


class Progress:
    """Shows which step a long operation is at."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._began = time.monotonic()
        self._live = stream.isatty()
        self._shown = 0

    def step(self, text: str) -> None:
        """The step that begins now, e.g. `store opened (120 objects)`."""
        elapsed = time.monotonic() - self._began
        line = f"[{elapsed:5.2f} s] {text}"
        if not self._live:
            self.stream.write(line + "\n")
        else:
            self.stream.write("\r" + line.ljust(self._shown))
            self._shown = len(line)
        self.stream.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and self._shown:
            self.stream.write("\r" + " " * self._shown + "\r")
            self.stream.flush()
