"""sampan down: end the cluster of a data directory."""

import os
import signal
import time
from pathlib import Path

import click

from sampan.cluster.config import default_data_dir
from sampan.cluster.instance import is_running, read_instance


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=None, help="Which cluster; default: the usual one."
)
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds to wait for its end.")
def down(data_dir: Path | None, timeout: float) -> None:
    """End a running cluster; its state stays in the data directory."""
    where = data_dir or default_data_dir()
    running = read_instance(where)
    if not is_running(where) or running is None:
        raise click.ClickException(f"no cluster runs in {where}")
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while is_running(where):
        if time.monotonic() > deadline:
            raise click.ClickException(f"process {running.pid} did not end within {timeout:g} s")
        time.sleep(0.02)
    click.echo(f"ended {running.server}")
