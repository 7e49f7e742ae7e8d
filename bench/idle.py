"""What a cluster costs while nothing happens: memory, processor time. `python -m bench.idle`."""

import sys
import time

from bench.up import up

Rows = list[tuple[str, str]]
SETTLE, SECONDS = 5, 20


def idle(nodes: int) -> tuple[float, float]:
    """Resident MiB, and per cent of one core over SECONDS."""
    with up("--nodes", str(nodes)) as running:
        time.sleep(SETTLE)
        before = running.cpu()
        time.sleep(SECONDS)
        return running.memory(), (running.cpu() - before) / SECONDS * 100


def run() -> Rows:
    """All rows: what, figure."""
    rows: Rows = []
    for nodes, words in ((0, "no nodes"), (1, "1 simulated node")):
        memory, cpu = idle(nodes)
        rows.append((f"resident memory, idle cluster, {words}", f"{memory:.0f} MiB"))
        rows.append((f"processor, idle cluster, {words}, {SECONDS} s", f"{cpu:.2f} %"))
    return rows


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
