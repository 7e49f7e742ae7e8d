"""sampan node: a node agent alone, for any API server."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from sampan.cli.logging import logging_flags, start_logging
from sampan.cli.verbs.up import with_options
from sampan.cluster.config import ClusterError
from sampan.obs.log_config import GATES

FLAGS = {
    "address": ("address",), "port": ("port",), "tls_cert_file": ("tlsCertFile",),
    "tls_private_key_file": ("tlsPrivateKeyFile",), "max_pods": ("maxPods",), "pod_manifest_path": ("staticPodPath",),
    "pod_cidr": ("podCIDR",),
    "cluster_domain": ("clusterDomain",), "resolv_conf": ("resolvConf",), "healthz_port": ("healthzPort",),
    "healthz_bind_address": ("healthzBindAddress",), "rotate_certificates": ("rotateCertificates",),
    "client_ca_file": ("authentication", "x509", "clientCAFile"),
    "anonymous_auth": ("authentication", "anonymous", "enabled"),
    "authentication_token_webhook": ("authentication", "webhook", "enabled"),
    "authorization_mode": ("authorization", "mode"),
}  # fmt: skip
"""Flags of kubelet's, and where in KubeletConfiguration they go."""
FILE = click.Path(path_type=Path, dir_okay=False)
Prepare = Callable[[Any, Callable[[str], None]], Awaitable[None]]
"""What is done before the agent starts, with its configuration; it may say where it is."""


OPTIONS = (
    click.option("--config", type=FILE, help="A KubeletConfiguration (kubelet.config.k8s.io/v1beta1)."),
    click.option("--root-dir", type=click.Path(path_type=Path), default=Path("/var/lib/kubelet"), show_default=True),
    click.option("--cert-dir", type=click.Path(path_type=Path), help="Its certificates.  [ROOT-DIR/pki]"),
    click.option("--hostname-override", default="", help="The node's name.  [this machine's]"),
    click.option("--node-ip", default="", help="The node's address.  [this machine's]"),
    click.option("--node-labels", default="", help="key=value,..."),
    click.option("--register-with-taints", default="", help="key=value:effect,..."),
    click.option(
        "--runtime",
        "--container-runtime-endpoint",
        default="",
        help="auto, simulated, or unix://SOCKET.  [the config's]",
    ),
    click.option("--address", default=None, help="Where its server listens."),
    click.option("--port", type=click.IntRange(0, 65535), default=None, help="Its server's port; 0: a free one."),
    click.option("--tls-cert-file", default=None),
    click.option("--tls-private-key-file", default=None),
    click.option("--client-ca-file", default=None, help="Who signs client certificates.  [the kubeconfig's CA]"),
    click.option("--anonymous-auth", type=bool, default=None),
    click.option("--authentication-token-webhook", type=bool, default=None),
    click.option("--authorization-mode", type=click.Choice(["AlwaysAllow", "Webhook"]), default=None),
    click.option("--cluster-dns", default="", help="Addresses, separated by commas."),
    click.option("--cluster-domain", default=None),
    click.option("--resolv-conf", default=None),
    click.option("--max-pods", type=int, default=None),
    click.option("--pod-manifest-path", default=None, help="A directory of static pods' manifests, or one file."),
    click.option("--pod-cidr", default=None, help="Addresses of simulated pods."),
    click.option("--healthz-port", type=click.IntRange(0, 65535), default=None, help="0: none."),
    click.option("--healthz-bind-address", default=None),
    click.option("--rotate-certificates", type=bool, default=None),
    click.option("--feature-gates", default="", help="NAME=true|false,...  EventedPLEG is on."),
    logging_flags,
)
"""Those that `sampan join` has as well."""


@click.command()
@click.option("--kubeconfig", type=FILE, required=True, help="How to reach the API server, and as whom.")
@click.option("--bootstrap-kubeconfig", type=FILE, help="For the first certificate, while --kubeconfig is not there.")
@partial(with_options, options=OPTIONS)
def node(**options: Any) -> None:
    """Run a node agent alone, for any API server; Ctrl-C ends it, its containers go on.

    Flags are kubelet's, as far as they are here, and win over --config.
    """
    began = time.monotonic()
    try:
        run(options, began)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def make_config(options: dict[str, Any]) -> Any:
    """Options of the command line as a NodeAgentConfig. Raises ClusterError."""
    import yaml

    from sampan.cluster.node_agent import NodeAgentConfig
    from sampan.kubelet.configuration import ConfigurationError, load, parse_gates, parse_taints

    try:
        given = yaml.safe_load(options["config"].read_text()) if options["config"] else None
        flags = flags_of(options)
        if options["feature_gates"]:
            flags["featureGates"] = parse_gates(options["feature_gates"])
        if options["register_with_taints"]:
            flags["registerWithTaints"] = parse_taints(options["register_with_taints"])
        settings = load(given, flags)
        settings.access()
    except ConfigurationError as error:
        raise ClusterError(f"{options['config'] or 'flags'}: {error}") from error
    except (OSError, yaml.YAMLError) as error:
        raise ClusterError(f"{options['config']}: {error}") from error
    for warning in settings.warnings:
        click.echo(f"{options['config']}: {warning}", err=True)
    endpoint = (given or {}).get("containerRuntimeEndpoint") if isinstance(given, dict) else None
    labels = dict(part.partition("=")[::2] for part in options["node_labels"].split(",") if part)
    return NodeAgentConfig(
        settings=settings,
        kubeconfig=options["kubeconfig"].absolute(),
        root=options["root_dir"].absolute(),
        name=options["hostname_override"],
        bootstrap=options["bootstrap_kubeconfig"],
        cert_dir=options["cert_dir"],
        node_ip=options["node_ip"],
        labels=labels,
        runtime=options["runtime"] or endpoint or "auto",
    )


def flags_of(options: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given, as KubeletConfiguration has them."""
    made: dict[str, Any] = {}
    for name, path in FLAGS.items():
        if options[name] is not None:
            place = made
            for step in path[:-1]:
                place = place.setdefault(step, {})
            place[path[-1]] = options[name]
    if options["cluster_dns"]:
        made["clusterDNS"] = [part.strip() for part in options["cluster_dns"].split(",")]
    return made


def run(options: dict[str, Any], began: float, prepare: Prepare | None = None) -> None:
    """Run the agent in this process until a signal ends it."""
    import uvloop

    config = make_config(options)
    gates = config.settings.at("featureGates") or {}
    start_logging(options, config.settings.at("logging"), {n: bool(gates[n]) for n in GATES if n in gates})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(stay(config, began, prepare))


async def stay(config: Any, began: float, prepare: Prepare | None) -> None:
    """Start, say so in one line, wait for the end."""
    from sampan.aio.clock import RealClock
    from sampan.cli.progress import Progress
    from sampan.cluster.node_agent import NodeAgent

    async def begin() -> None:
        if prepare is not None:
            await prepare(config, progress.step)
        try:
            await agent.start()
        finally:
            if prepare is not None and config.bootstrap is not None:
                config.bootstrap.unlink(missing_ok=True)

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with Progress(sys.stderr) as progress:
        agent = NodeAgent(config, RealClock(), progress.step)
        starting = asyncio.ensure_future(begin())
        waiting = asyncio.ensure_future(ended.wait())
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            return
        try:
            await starting
        except BaseException:
            waiting.cancel()
            raise
    try:
        click.echo(
            f"ready in {time.monotonic() - began:.2f} s · node {config.node} of {agent.server} · "
            f"port {agent.port} · node runtime {agent.runtime_name}"
        )
        await waiting
    finally:
        await agent.stop()
