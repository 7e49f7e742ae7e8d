"""10,000 pods on 1,000 simulated nodes, in a process of its own. `python -m bench.scale`."""

import json
import statistics
import subprocess
import sys

Rows = list[tuple[str, str]]
ROUNDS = 3


def run() -> Rows:
    """All rows: what, figure."""
    command = [sys.executable, "-m", "sampan.cli.main", "bench", "scale", "-o", "json"]
    made = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(ROUNDS)]
    what = f"{made[0]['pods']:,} pods on {made[0]['nodes']:,} simulated nodes"
    rates = [one["pods_per_second"] for one in made]
    return [
        (f"{what}, created to Ready", f"{statistics.median(rates):,.0f} pods/s, best {max(rates):,.0f} of {ROUNDS}"),
        (f"resident memory with {what}", f"{max(one['memory'] for one in made):.0f} MiB"),
    ]


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:60} {figure}\n" for what, figure in run())
