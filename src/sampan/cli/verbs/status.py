"""sampan status: what runs in a data directory."""

from pathlib import Path

import click

from sampan.cluster.config import default_data_dir
from sampan.cluster.instance import is_running, read_instance


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=None, help="Which cluster; default: the usual one."
)
def status(data_dir: Path | None) -> None:
    """Say whether a cluster runs, and where. Exit code 0: it runs; 1: it does not."""
    where = data_dir or default_data_dir()
    running = read_instance(where)
    if not is_running(where) or running is None:
        raise click.ClickException(f"no cluster runs in {where}")
    nodes = f"{running.nodes} node{'' if running.nodes == 1 else 's'}"
    click.echo(
        f"running · {running.server} · Kubernetes {running.version} · {nodes} · kubeconfig {running.kubeconfig} · "
        f"node runtime {running.runtime} · process {running.pid}"
    )
