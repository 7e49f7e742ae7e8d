"""How verbs that look at a live cluster reach it: the kubeconfig that kubectl would take."""

import os
from pathlib import Path

import click

KUBECONFIG = click.option(
    "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="[$KUBECONFIG, ~/.kube/config]"
)
CONTEXT = click.option("--context", default="", help="A context of the kubeconfig.  [the current one]")


class BadUse(click.ClickException):
    """The verb could not do its work; exit code 2, since 1 means that something was found."""

    exit_code = 2


def kubeconfig_file(given: Path | None) -> Path:
    """The file that counts."""
    if given is not None:
        return given
    names = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    return Path(names[0]) if names else Path.home() / ".kube" / "config"
