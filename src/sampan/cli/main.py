"""The parser over VERBS."""

import sys

import click

from sampan import __version__
from sampan.cli.verbs.advise import advise
from sampan.cli.verbs.bench import bench
from sampan.cli.verbs.cve_feed import cve_feed
from sampan.cli.verbs.down import down
from sampan.cli.verbs.join import join
from sampan.cli.verbs.node import node
from sampan.cli.verbs.pod_security import pod_security
from sampan.cli.verbs.server import server
from sampan.cli.verbs.status import status
from sampan.cli.verbs.token import token
from sampan.cli.verbs.up import up

VERBS = (up, down, status, server, node, join, token, cve_feed, advise, pod_security, bench)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 it could not be done (the reason is on stderr), 2 bad usage.",
)
@click.version_option(__version__, prog_name="sampan")
def cli() -> None:
    """A whole Kubernetes cluster in one process."""


for verb in VERBS:
    cli.add_command(verb)


def main() -> None:
    """The console script."""
    sys.exit(cli())


if __name__ == "__main__":
    main()
