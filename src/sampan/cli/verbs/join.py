"""sampan join: make this machine a node of a cluster; in the manner of `kubeadm join`."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from sampan.api.times import parse_duration
from sampan.cli.verbs.node import FILE, OPTIONS, run
from sampan.cli.verbs.up import with_options
from sampan.cluster.config import ClusterError
from sampan.resources.bootstrap_tokens import split_token

KUBECONFIG, BOOTSTRAP = "kubelet.conf", "bootstrap-kubelet.conf"
UNSAFE = (
    "using token-based discovery without --discovery-token-ca-cert-hash can be unsafe; pass "
    "--discovery-token-unsafe-skip-ca-verification to continue"
)


@click.command()
@click.argument("endpoint", nargs=-1, metavar="[HOST:PORT]")
@click.option("--token", default="", help="For --discovery-token and --tls-bootstrap-token, unless they are given.")
@click.option("--discovery-token", default="", help="The token that vouches for the cluster.")
@click.option(
    "--discovery-token-ca-cert-hash", "pins", multiple=True, metavar="sha256:HEX",
    help="The public key of the cluster's CA; may be repeated, one must fit.",
)  # fmt: skip
@click.option("--discovery-token-unsafe-skip-ca-verification", "any_ca", is_flag=True, help="Trust the token alone.")
@click.option("--discovery-file", default="", help="A kubeconfig, or an https URL of one, instead of a token.")
@click.option("--tls-bootstrap-token", default="", help="Who asks for the certificate, instead of the file's user.")
@click.option("--discovery-timeout", default="5m0s", show_default=True, help="How long the cluster is looked for.")
@click.option("--node-name", default="", help="The same as --hostname-override.")
@click.option("--cri-socket", default="", help="The same as --runtime.")
@click.option("--kubeconfig", type=FILE, help="Written when the node has its certificate.  [ROOT-DIR/kubelet.conf]")
@partial(with_options, options=OPTIONS)
def join(**options: Any) -> None:
    """Make this machine a node of a cluster and be its agent (`sampan node`); Ctrl-C ends it.

    The cluster is found by a token (`sampan token create --print-join-command` says what to type) or by a kubeconfig
    file. Then a certificate is asked for, with the token or as the file's user.
    """
    began = time.monotonic()
    try:
        wanted = discovery_of(options)
        run(node_options(options), began, partial(prepare, wanted))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def discovery_of(options: dict[str, Any]) -> Any:
    """How the options say that the cluster is found. Raises click.UsageError."""
    from sampan.cluster.discovery import Discovery
    from sampan.cluster.joining import check_pin

    file = options["discovery_file"]
    token = options["discovery_token"] or ("" if file else options["token"])
    tls_token = options["tls_bootstrap_token"] or options["token"]
    if file and token:
        raise click.UsageError("--discovery-token and --discovery-file cannot both be given")
    if not file and not token:
        raise click.UsageError("--token, --discovery-token or --discovery-file must be given")
    try:
        timeout = parse_duration(options["discovery_timeout"])
        for pin in options["pins"]:
            check_pin(pin)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if tls_token and split_token(tls_token) is None:
        raise click.UsageError("--tls-bootstrap-token: the bootstrap token is invalid")
    if file:
        return Discovery(file=file, tls_token=tls_token, timeout=timeout)
    if split_token(token) is None:
        raise click.UsageError("--discovery-token: the bootstrap token is invalid")
    if not options["endpoint"]:
        raise click.UsageError("the API server's HOST:PORT is not given")
    if len(options["endpoint"]) > 1:
        click.echo(f"more than one API server is given; {options['endpoint'][0]} is taken", err=True)
    endpoint = options["endpoint"][0].removeprefix("https://").rstrip("/")
    host, colon, port = endpoint.rpartition(":")
    if not host or not colon or not port.isdigit() or (":" in host and not host.startswith("[")):
        raise click.UsageError(f"{endpoint}: expected HOST:PORT")
    if not options["pins"] and not options["any_ca"]:
        raise click.UsageError(UNSAFE)
    pins = () if options["any_ca"] and not options["pins"] else options["pins"]
    return Discovery(endpoint, token, pins, tls_token=tls_token or token, timeout=timeout)


def node_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `sampan node`. Raises ClusterError if this machine is a node already."""
    root: Path = options["root_dir"]
    kubeconfig = options["kubeconfig"] or root / KUBECONFIG
    if kubeconfig.exists():
        raise ClusterError(
            f"{kubeconfig} is there: this machine is a node already; `sampan node --kubeconfig {kubeconfig}` goes on "
            "with it"
        )
    return {
        **options,
        "kubeconfig": kubeconfig,
        "bootstrap_kubeconfig": root / BOOTSTRAP,
        "hostname_override": options["hostname_override"] or options["node_name"],
        "runtime": options["runtime"] or options["cri_socket"],
        "rotate_certificates": True
        if options["rotate_certificates"] is None and options["config"] is None
        else options["rotate_certificates"],
    }


async def prepare(wanted: Any, config: Any, say: Any) -> None:
    """Find the cluster and leave what the agent begins with."""
    from sampan.aio.clock import RealClock
    from sampan.cluster.discovery import Discoverer
    from sampan.cluster.joiner import leave_bootstrap

    say("looking for the cluster")
    found = await Discoverer(wanted, RealClock(), say).find()
    await leave_bootstrap(config, found)
