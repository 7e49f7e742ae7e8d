"""sampan cve-feed refresh | serve | check: the official CVE feed, kept fresh, and whether a cluster is affected."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from sampan.cli.access import CONTEXT, KUBECONFIG, BadUse, kubeconfig_file
from sampan.cli.logging import logging_flags, start_logging
from sampan.cluster.config import default_data_dir

UNPARSED = 7
"""Exit code: published, but for titles that name no CVE; the official job's."""
FOLDER = click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False),
    help="Where the feed is kept.  [~/.local/share/sampan/cve-feed]",
)  # fmt: skip
SOURCE = click.option(
    "--source", default="github", show_default=True, help="github, github:OWNER/REPO, an http(s) address, or a file."
)
TOKEN = click.option(
    "--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="For GitHub.  [$GITHUB_TOKEN]"
)
URL = click.option("--url", default="", help="Under which address the feed will be found.  [the official feed's]")


@click.group("cve-feed")
def cve_feed() -> None:
    """The official CVE feed of Kubernetes, and what of it concerns a cluster."""


@cve_feed.command("refresh")
@FOLDER
@SOURCE
@TOKEN
@URL
@click.option("--shrink", is_flag=True, help="Believe a source that lost more than half of its advisories.")
@click.option("--patience", type=float, default=60.0, show_default=True, help="Seconds to wait for a rate limit.")
@click.pass_context
def refresh_verb(ctx: click.Context, /, **options: Any) -> None:
    """Fetch the feed once and write it as JSON, RSS, HTML and OSV, all in one step.

    Exit code 0: published, or nothing new; 7: published, but some titles name no CVE; 1: nothing was replaced.
    """
    from sampan.advisories.feed import OFFICIAL
    from sampan.advisories.refresh import CURRENT, RefreshError, read_state, refresh
    from sampan.advisories.source import Means

    folder = options["folder"] or default_folder()
    before = read_state(folder).hash

    async def run() -> Any:
        import random

        from sampan.aio.clock import RealClock
        from sampan.net.http_client import HttpClient

        async with HttpClient() as http:
            means = Means(RealClock(), random.Random(), http, token(options["token_file"]), options["patience"])
            url = options["url"] or OFFICIAL
            return await refresh(folder, options["source"], means, url=url, shrink=options["shrink"])

    try:
        state = asyncio.run(run())
    except (RefreshError, OSError) as error:
        raise click.ClickException(f"not refreshed: {error}") from error
    for title in state.unparsed:
        click.echo(f"no CVE at the start of the title: {title!r}", err=True)
    for cve in state.doubled:
        click.echo(f"announced twice, the first one counts: {cve}", err=True)
    changed = "unchanged" if state.hash == before else "changed"
    click.echo(f"{state.items} advisories, {changed} · {folder / CURRENT}")
    ctx.exit(UNPARSED if state.unparsed else 0)


@cve_feed.command("serve")
@FOLDER
@SOURCE
@TOKEN
@URL
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8086, show_default=True, help="0: a free one.")
@click.option("--interval", type=click.FloatRange(60), default=7200, show_default=True, help="Seconds between looks.")
@logging_flags
def serve_verb(**options: Any) -> None:
    """Serve the feed and keep it fresh: /, /index.json, /feed.xml, /osv.json, /healthz, /status.json, /metrics."""
    start_logging(options)
    try:
        asyncio.run(_serve(options))
    except OSError as error:
        raise click.ClickException(f"cannot serve: {error.strerror or error}") from error


async def _serve(options: dict[str, Any]) -> None:
    from sampan.advisories.feed import OFFICIAL
    from sampan.advisories.serve import FeedConfig, FeedService
    from sampan.aio.clock import RealClock

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    config = FeedConfig(
        folder=options["folder"] or default_folder(),
        source=options["source"],
        interval=options["interval"],
        host=options["host"],
        port=options["port"],
        url=options["url"] or OFFICIAL,
        token=token(options["token_file"]),
    )
    service = FeedService(config, RealClock())
    try:
        await service.start()
        click.echo(f"CVE feed on http://{config.host}:{service.port}/ from {config.source}")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await service.close()


@cve_feed.command("check")
@KUBECONFIG
@CONTEXT
@FOLDER
@click.option("--source", default="", help="Read advisories from there instead of the kept feed.")
@click.option(
    "--osv", type=click.Path(path_type=Path, exists=True), multiple=True, help="OSV records: a file or a folder."
)
@click.option("--version", "versions", multiple=True, metavar="[COMPONENT=]V", help="Instead of a live cluster.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def check_verb(ctx: click.Context, /, **options: Any) -> None:
    """Tell which CVEs affect a live cluster's versions, or given ones.

    OSV ranges decide where there are any, else what the announcement says. Exit code 0: none; 1: some; 2: it could
    not be told.
    """
    from sampan.advisories.match import hits
    from sampan.cli.cve_report import FORMATS, Report

    try:
        running = what_runs(options)
        advisories, checked = known_advisories(options)
    except (ValueError, OSError) as error:
        raise BadUse(str(error)) from error
    report = Report(running, hits(advisories, running), len(advisories), checked)
    click.echo(FORMATS[options["output"]](report), nl=False)
    ctx.exit(1 if report.hits else 0)


def what_runs(options: dict[str, Any]) -> list[Any]:
    """Running components: given ones, or those of a live cluster. Raises ValueError, OSError and BadUse."""
    from sampan.advisories.inventory import given, running

    if options["versions"]:
        return given(options["versions"])
    found: list[Any] = with_api(options, running)
    return found


def with_api(options: dict[str, Any], use: Any) -> Any:
    """What an async function of an Api answers, for the cluster of the kubeconfig. Raises BadUse."""
    from sampan.api.errors import StatusError
    from sampan.client.api import Api
    from sampan.client.http import HttpTransport
    from sampan.client.kubeconfig import KubeconfigError, load_kubeconfig

    async def run() -> Any:
        transport = HttpTransport(load_kubeconfig(kubeconfig_file(options["kubeconfig"]), options["context"]))
        try:
            return await use(Api(transport))
        finally:
            await transport.close()

    try:
        return asyncio.run(run())
    except KubeconfigError as error:
        raise BadUse(str(error)) from error
    except StatusError as error:
        raise BadUse(f"the cluster says: {error}") from error
    except OSError as error:
        raise BadUse(f"the cluster cannot be reached: {error.strerror or error}") from error


def known_advisories(options: dict[str, Any]) -> tuple[list[Any], str]:
    """Advisories of the kept feed or of a source, and of OSV files; and when the feed was last read well."""
    from sampan.advisories.inventory import read_records
    from sampan.advisories.match import exact
    from sampan.advisories.osv import advisory
    from sampan.advisories.refresh import read_items, read_state

    records = [one for path in options["osv"] for one in read_records(path)]
    checked = ""
    items: Any = ()
    if options["source"]:
        items = _read_source(options["source"])
    else:
        folder = options["folder"] or default_folder()
        state = read_state(folder)
        checked = state.checked_at
        try:
            items = read_items(folder)
        except OSError as error:
            if not records or options["folder"]:
                raise ValueError(f"no feed in {folder} yet: run `sampan cve-feed refresh`, or give --source") from error
        if state.last_error:
            click.echo(f"Warning: the feed is from {checked}; since then: {state.last_error}", err=True)
    return exact([advisory(item) for item in items], records), checked


def _read_source(source: str) -> Any:
    from sampan.advisories.source import Means, Pages, SourceError, read_source

    async def run() -> Any:
        import random

        from sampan.aio.clock import RealClock
        from sampan.net.http_client import HttpClient

        async with HttpClient() as http:
            return await read_source(source, Means(RealClock(), random.Random(), http, token(None)), Pages())

    try:
        return asyncio.run(run()).items
    except SourceError as error:
        raise ValueError(str(error)) from error


def default_folder() -> Path:
    """Where the feed is kept."""
    return default_data_dir() / "cve-feed"


def token(file: Path | None) -> str:
    """GitHub's token; without one its limits are tighter."""
    return file.read_text().strip() if file else os.environ.get("GITHUB_TOKEN", "")
