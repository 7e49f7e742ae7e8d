"""sampan bench: measure this installation."""

import json
import sys

import click


@click.group()
def bench() -> None:
    """Measure this installation on this machine."""


@bench.command()
@click.option("--nodes", type=click.IntRange(1), default=1000, show_default=True, help="Simulated nodes.")
@click.option("--pods", type=click.IntRange(1), default=10_000, show_default=True, help="Pods, made by Deployments.")
@click.option("--deployments", type=click.IntRange(1), default=20, show_default=True, help="So many of them.")
@click.option("--store", default="memory:", show_default=True, help="memory: or sqlite:PATH.")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", show_default=True)
def scale(nodes: int, pods: int, deployments: int, store: str, output: str) -> None:
    """Pods on simulated nodes: created by Deployments, scheduled, Running."""
    import uvloop

    from sampan.aio.garbage import spare_collector
    from sampan.bench.scale import measure, report

    spare_collector()
    made = uvloop.run(measure(nodes, pods, deployments, store))
    sys.stdout.write(json.dumps(report(made)) + "\n" if output == "json" else made.words() + "\n")


@bench.command()
def api() -> None:
    """Requests to the API server in this process, microseconds each."""
    from sampan.bench.api import run

    _print(run())


@bench.command()
def pleg() -> None:
    """From a simulated container's end to the node agent knowing it."""
    from sampan.bench.pleg import run

    _print(run())


def _print(rows: list[tuple[str, str]]) -> None:
    sys.stdout.writelines(f"{what:58}  {figure}\n" for what, figure in rows)
