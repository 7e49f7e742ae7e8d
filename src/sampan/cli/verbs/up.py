"""sampan up: start a cluster and stay with it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sampan.cli.access_flags import (
    ACCOUNTS,
    AUTHENTICATION,
    AUTHORIZATION,
    FRONT_PROXY,
    authentication_options,
    authorization_options,
)
from sampan.cli.audit_flags import AUDIT, audit_options
from sampan.cli.logging import FLAGS, start_logging
from sampan.cluster.config import (
    DEFAULT_PORT,
    DEFAULT_VERSION,
    ClusterConfig,
    ClusterError,
    default_data_dir,
    parse_version,
)
from sampan.obs.log_config import GATES

OF_NODES = (
    click.option("--nodes", type=click.IntRange(0), default=1, show_default=True, help="Nodes in this process."),
    click.option(
        "--runtime", default="auto", show_default=True, help="auto, simulated, or unix://SOCKET of a CRI runtime."
    ),
    click.option(
        "--simulator-stages",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Stage objects (YAML) that simulated nodes and pods pass through.",
    ),
    click.option("--node-ip", default="", help="The nodes' address.  [127.0.0.1; with a real runtime the machine's]"),
)
OPTIONS = (
    click.option(
        "--data-dir", type=click.Path(path_type=Path), help="Where everything is kept.  [~/.local/share/sampan]"
    ),
    click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0: a free one."
    ),
    click.option(
        "--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Write it here and nowhere else."
    ),
    *OF_NODES,
    click.option("--store", default="", help="memory: or sqlite:PATH.  [sqlite in the data directory]"),
    click.option("--kubernetes-version", default=DEFAULT_VERSION, show_default=True, help="1.25 ... 1.37"),
    click.option("--token-auth-file", type=click.Path(path_type=Path), help='CSV: token,user,uid,"group,..."'),
    click.option(
        "--enable-bootstrap-token-auth",
        type=bool,
        is_flag=False,
        flag_value=True,
        default=True,
        show_default=True,
        help="Bootstrap tokens are credentials.",
    ),
    click.option(
        "--kubelet-certificate-authority",
        default=None,
        metavar="FILE",
        help="Who signs nodes' serving certificates; '': they are not verified.  [the cluster's CA]",
    ),
    *AUTHENTICATION,
    *ACCOUNTS,
    *FRONT_PROXY,
    *AUTHORIZATION,
    click.option("--no-default-storage-class", is_flag=True, help="Leave the class `standard` out."),
    click.option("--controllers", default="*", show_default=True, help="`*`, name, -name; separated by commas."),
    click.option("--scheduler-config", type=click.Path(path_type=Path), help="A KubeSchedulerConfiguration (YAML)."),
    click.option("--pod-security-config", type=click.Path(path_type=Path), help="A PodSecurityConfiguration (YAML)."),
    *AUDIT,
    click.option("--cve-feed", default="", metavar="SOURCE", help="Serve a CVE feed: github, an address, or a file."),
    click.option("--cve-feed-port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: a free one."),
    *FLAGS,
    click.option("--feature-gates", default="", help="NAME=true|false,... of logging: LoggingAlphaOptions."),
    click.option(
        "--config", type=click.Path(path_type=Path, exists=True), help="YAML with the same names as these options."
    ),
)


def with_options(command: Any, options: Sequence[Any] = OPTIONS) -> Any:
    """Add options in their order."""
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@with_options
@click.option("--detach", is_flag=True, help="Return when it is ready; `sampan down` ends it.")
@click.pass_context
def up(ctx: click.Context, /, detach: bool, **options: Any) -> None:
    """Start a Kubernetes cluster; Ctrl-C ends it."""
    start(ctx, options, detach)


def start(ctx: click.Context, options: dict[str, Any], detach: bool) -> None:
    """Start what the options say and stay with it, or leave it alone."""
    began = time.monotonic()
    if options["config"]:
        options = from_file(ctx, options)
    start_logging(options, options.get("logging"), parse_gates(options["feature_gates"]))
    try:
        config = make_config(options)
        if detach:
            start_detached(config)
        else:
            run(config, began)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def parse_gates(text: str) -> dict[str, bool]:
    """`A=true,B=false`, of the gates that logging has. Raises click.UsageError."""
    gates: dict[str, bool] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in GATES or value.lower() not in ("true", "false"):
            raise click.UsageError(f"--feature-gates: {part}: expected {'|'.join(GATES)}=true|false")
        gates[name] = value.lower() == "true"
    return gates


def make_config(options: dict[str, Any]) -> ClusterConfig:
    """Options of the command line as the cluster's settings."""
    return ClusterConfig(
        data_dir=(options["data_dir"] or default_data_dir()).absolute(),
        host=options["host"],
        port=options["port"],
        kubeconfig=options["kubeconfig"],
        nodes=options["nodes"],
        runtime=options["runtime"],
        simulator_stages=options["simulator_stages"],
        node_ip=options["node_ip"],
        store=options["store"],
        kubernetes_version=parse_version(options["kubernetes_version"]),
        token_auth_file=options["token_auth_file"],
        enable_bootstrap_token_auth=options["enable_bootstrap_token_auth"],
        kubelet_certificate_authority=options["kubelet_certificate_authority"],
        authentication=authentication_options(options),
        authorization=authorization_options(options),
        default_storage_class=not options["no_default_storage_class"],
        controllers=options["controllers"],
        scheduler_config=options["scheduler_config"],
        pod_security_config=options["pod_security_config"],
        audit=audit_options(options),
        cve_feed=options["cve_feed"],
        cve_feed_port=options["cve_feed_port"],
    )


def from_file(ctx: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Options of a YAML file, under those given on the command line; unknown names are refused."""
    import yaml

    path: Path = options["config"]
    try:
        data = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise click.ClickException(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise click.ClickException(f"{path}: expected a mapping of option names to values")
    merged = dict(options)
    parameters = {p.name: p for p in ctx.command.params}
    for key, value in data.items():
        if key == "logging":
            merged["logging"] = value  # a LoggingConfiguration, under the flags
            continue
        name = str(key).replace("-", "_")
        if name not in options or name == "config":
            raise click.ClickException(f"{path}: {key}: no such option")
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            merged[name] = parameters[name].type_cast_value(ctx, value)
    return merged


def run(config: ClusterConfig, began: float) -> None:
    """Run the cluster in this process until a signal ends it."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(stay(config, began))


async def stay(config: ClusterConfig, began: float) -> None:
    """Start, say so in one line, wait for the end."""
    from sampan.aio.garbage import spare_collector
    from sampan.cli.progress import Progress
    from sampan.cluster.cluster import Cluster

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    with Progress(sys.stderr) as progress:
        cluster = Cluster(config, progress=progress.step)
        starting = asyncio.ensure_future(cluster.start())
        waiting = asyncio.ensure_future(ended.wait())
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            await cluster.stop()
            return
        try:
            await starting
        except BaseException:
            waiting.cancel()
            raise
    try:
        click.echo(
            f"ready in {time.monotonic() - began:.2f} s · {cluster.server} · kubeconfig {cluster.kubeconfig} · "
            f"node runtime {cluster.runtime_name}" + (f" · CVE feed {cluster.cve_feed}" if cluster.cve_feed else "")
        )
        spare_collector()
        dying = asyncio.ensure_future(cluster.failed())
        await asyncio.wait((waiting, dying), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if dying.done():
            raise ClusterError(f"the cluster ended by itself: {dying.result()}")
        dying.cancel()
    finally:
        await cluster.stop()


def start_detached(config: ClusterConfig) -> None:
    """Start the same command in a session of its own and wait for its ready line."""
    data_dir = config.data_dir or default_data_dir()
    arguments = [a for a in sys.argv[1:] if a != "--detach"]
    log = data_dir / "sampan.log"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ClusterError(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    try:
        start = os.fstat(output).st_size
        child = subprocess.Popen(
            [sys.executable, "-m", "sampan.cli.main", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(output)
    assert child.stdout is not None
    with child.stdout:
        line = child.stdout.readline().decode()
    if not line:
        child.wait()
        with log.open() as text:
            text.seek(start)
            said = text.read().strip().splitlines()
        raise ClusterError(said[-1].removeprefix("Error: ") if said else f"it did not start; see {log}")
    click.echo(line, nl=False)
