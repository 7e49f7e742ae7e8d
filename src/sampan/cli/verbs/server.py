"""sampan server: the control plane alone; nodes join it (`sampan node`)."""

from functools import partial
from typing import Any

import click

from sampan.cli.verbs.up import OF_NODES, OPTIONS, start, with_options

NO_NODES = {"nodes": 0, "runtime": "simulated", "simulator_stages": None, "node_ip": ""}


@click.command()
@partial(with_options, options=tuple(option for option in OPTIONS if option not in OF_NODES))
@click.option("--detach", is_flag=True, help="Return when it is ready; `sampan down` ends it.")
@click.pass_context
def server(ctx: click.Context, /, detach: bool, **options: Any) -> None:
    """Start API server, controllers and scheduler without a node; Ctrl-C ends it."""
    start(ctx, {**options, **NO_NODES}, detach)
