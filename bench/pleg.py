"""From the kill of a container's process to the PLEG's event: with the event stream and with relists only."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from signal import SIGKILL

from bench.kill_to_status import TOOL, process_of

from sampan.bench.pleg import measure, row
from sampan.bench.pleg import run as simulated_rows
from sampan.kubelet.cri.client import CriRuntime


async def real(endpoint: str, evented: bool) -> list[float]:
    """On a containerd."""
    runtime = CriRuntime(endpoint)

    async def kill(container_id: str) -> float:
        process = await asyncio.to_thread(process_of, container_id)
        began = time.perf_counter()
        os.kill(process, SIGKILL)
        return began

    try:
        return await measure(runtime, evented, kill)
    finally:
        await runtime.close()


def run() -> list[tuple[str, str]]:
    """The rows of the table."""
    rows = simulated_rows()
    if os.geteuid() or not shutil.which("apt-get"):
        return [*rows, ("kill to PLEG event, containerd", "not measured: needs root on Debian")]
    with tempfile.TemporaryDirectory(prefix="sampan-bench-") as folder:
        answer = subprocess.run([sys.executable, TOOL, "up", folder], check=True, capture_output=True, text=True)
        try:
            endpoint = f"unix://{json.loads(answer.stdout.splitlines()[-1])['socket']}"
            rows += [row("containerd", evented, asyncio.run(real(endpoint, evented))) for evented in (True, False)]
        finally:
            subprocess.run([sys.executable, TOOL, "down", folder], check=True, capture_output=True)
    return rows


def main() -> int:
    """Print the rows."""
    for what, figure in run():
        sys.stdout.write(f"{what:58}  {figure}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
