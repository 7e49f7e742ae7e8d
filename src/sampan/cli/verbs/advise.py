"""sampan advise: what in a cluster to act upon; and what a release's enhancements lack."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from sampan.cli.access import CONTEXT, KUBECONFIG, BadUse
from sampan.cli.verbs.cve_feed import FOLDER, default_folder, with_api

OUTPUT = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
KEPS = click.Path(path_type=Path, exists=True)


@click.group(invoke_without_command=True)
@KUBECONFIG
@CONTEXT
@FOLDER
@click.option("--keps", type=KEPS, help="A checkout of kubernetes/enhancements, or a tar of it: for feature gates.")
@OUTPUT
@click.pass_context
def advise(ctx: click.Context, /, **options: Any) -> None:
    """What in a live cluster to act upon.

    End of life and skew of versions, images of k8s.gcr.io, API versions that go, CVEs (of the feed that `sampan
    cve-feed refresh` keeps), feature gates. Exit code 0: nothing; 1: something; 2: it could not be told.
    """
    if ctx.invoked_subcommand is not None:
        return
    from sampan.advisories.osv import advisory
    from sampan.advisories.refresh import read_items
    from sampan.advisories.survey import survey

    try:
        known = [advisory(item) for item in read_items(options["folder"] or default_folder())]
    except (OSError, ValueError):
        known = []
        click.echo("No CVE feed is kept here: CVEs are not looked at. See `sampan cve-feed refresh`.", err=True)
    try:
        stages = gate_stages(options["keps"]) if options["keps"] else {}
        today = datetime.now(UTC).date()
        found = with_api(options, lambda api: survey(api, known, stages, today))
    except ValueError as error:
        raise BadUse(str(error)) from error
    click.echo(as_json(found) if options["output"] == "json" else as_table(found), nl=False)
    for text in found.unseen:
        click.echo(f"Not looked at: {text}", err=True)
    ctx.exit(1 if any(f.level != "info" for f in found.findings) else 0)


def gate_stages(path: Path) -> dict[str, str]:
    """What enhancements say of feature gates."""
    from sampan.advisories.kep_files import read_keps

    found: dict[str, str] = {}
    for source in read_keps(path):
        kep = source.kep if isinstance(source.kep, dict) else {}
        gates = kep.get("feature-gates")
        for gate in gates if isinstance(gates, list) else ():
            if isinstance(gate, dict) and gate.get("name"):
                said = f"KEP-{kep.get('kep-number')} is {kep.get('status')}, {kep.get('stage')}"
                found[str(gate["name"])] = f"{said} in {kep.get('latest-milestone')}"
    return found


def as_table(found: Any) -> str:
    """A line per finding."""
    from sampan.cli.cve_report import table

    rows = [("LEVEL", "WHAT", "WHERE", "ADVICE"), *((f.level, f.kind, f.where, f.text) for f in found.findings)]
    number = sum(f.level != "info" for f in found.findings)
    last = f"{number} to act upon" if number else "nothing to act upon"
    return (table(rows) if len(rows) > 1 else "") + f"API server v{found.server}: {last}\n"


def as_json(found: Any) -> str:
    """Everything."""
    whole = {"server": found.server, "findings": [f._asdict() for f in found.findings], "unseen": list(found.unseen)}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


@advise.command()
@click.argument("keps", type=KEPS)
@click.option("--release", required=True, help="v1.25")
@click.option("--at-risk", is_flag=True, help="Only those.")
@OUTPUT
@click.pass_context
def enhancements(ctx: click.Context, /, keps: Path, release: str, at_risk: bool, output: str) -> None:
    """Which enhancements are tracked for a release, which are at risk, and why.

    KEPS is a checkout of kubernetes/enhancements, or a tar archive of it. Exit code 0: all tracked; 1: some at risk.
    """
    from sampan.advisories.enhancements import assess, count, unreadable
    from sampan.advisories.kep_files import read_keps
    from sampan.cli.cve_report import table

    try:
        sources = read_keps(keps)
        found = assess(sources, release)
    except (ValueError, OSError) as error:
        raise BadUse(str(error)) from error
    listed, risky = count(found)
    shown = [one for one in found if one.reasons or not at_risk]
    if output == "json":
        whole = {
            "release": release, "listed": listed, "atRisk": risky, "unreadable": unreadable(sources),
            "enhancements": [{**one._asdict(), "state": one.state} for one in shown],
        }  # fmt: skip
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        rows = [(o.number, o.sig, o.stage, o.state, o.title, "; ".join(o.reasons)) for o in shown]
        if rows:
            click.echo(table([("KEP", "SIG", "STAGE", "STATE", "TITLE", "WHY"), *rows]), nl=False)
        click.echo(f"{release}: {listed} listed, {risky} incomplete")
    for text in unreadable(sources):
        click.echo(f"Not looked at: {text}", err=True)
    ctx.exit(1 if risky else 0)


@advise.command("image-policy")
@click.option("--mirror", multiple=True, metavar="OLD=NEW", help="Prefixes of images.  [k8s.gcr.io=registry.k8s.io]")
@click.option("--name", default="rewrite-images", show_default=True)
def image_policy(mirror: tuple[str, ...], name: str) -> None:
    """Print a MutatingAdmissionPolicy, for `kubectl apply -f -`, that rewrites the images of new pods."""
    import yaml

    from sampan.advisories.image_policy import DEFAULT_MAP, parse_mirrors, policy

    try:
        mirrors = parse_mirrors(mirror) or DEFAULT_MAP
    except ValueError as error:
        raise BadUse(str(error)) from error
    click.echo(yaml.safe_dump_all(policy(mirrors, name), sort_keys=False, width=1000), nl=False)
