"""A `sampan up` in a process of its own, for the benchmarks that look at it from outside."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TOKEN = "bench-token"


@dataclass(frozen=True, slots=True)
class Up:
    """A cluster that is ready."""

    process: subprocess.Popen[bytes]
    server: str
    """https://127.0.0.1:PORT"""
    seconds: float
    """From the start of the process to its ready line."""

    def memory(self) -> float:
        """Resident MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0

    def cpu(self) -> float:
        """Seconds of processor time so far, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def up(*options: str) -> Iterator[Up]:
    """A fresh cluster with these options and TOKEN as an administrator's token.

    Its data lies in the working directory's file system, as a tmpfs would sync nothing.
    """
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        tokens = Path(folder, "tokens.csv")
        tokens.write_text(f'{TOKEN},bench,1,"system:masters"\n')
        home = ["--data-dir", f"{folder}/data", "--kubeconfig", f"{folder}/kubeconfig"]
        command = [sys.executable, "-m", "sampan.cli.main", "up", "--port", "0", "--runtime", "simulated", *home]
        command += ["--token-auth-file", str(tokens)]
        with open(f"{folder}/log", "w+b") as log:
            began = time.perf_counter()
            process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=log)
            assert process.stdout is not None
            line = process.stdout.readline().decode()
            seconds = time.perf_counter() - began
            try:
                if not line:
                    log.seek(0)
                    raise RuntimeError(log.read().decode())
                found = re.search(r"https://\S+", line)
                assert found, line
                yield Up(process, found[0], seconds)
            finally:
                process.terminate()
                process.wait(20)
                process.stdout.close()
