"""sampan pod-security check: files against the Pod Security Standards, as a cluster would judge them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click

from sampan.api.json import Obj
from sampan.api.names import parse_api_version
from sampan.api.pod_security.carriers import BY_KIND, pod_at
from sampan.api.pod_security.evaluate import evaluate
from sampan.api.pod_security.levels import BAD_VERSION, LEVELS, Level, LevelVersion, parse_version
from sampan.cli.manifests import BadInput, Manifest, read_manifests
from sampan.cli.pod_security_report import FORMATS, Checked, Report, printable

CARRIERS = frozenset(kind for _, kind in BY_KIND)


class Judge(NamedTuple):
    """How an object of a kind becomes what a server would store; by group, version and kind."""

    kinds: Mapping[tuple[str, str, str], Callable[[Obj], Obj]]

    def pod_of(self, manifest: Manifest) -> tuple[Obj, Obj] | None:
        """Metadata and spec of the pod that the object carries, with defaults; None if it carries none."""
        where = f"{manifest.file}:{manifest.line}"
        kind = manifest.obj["kind"]
        group, version = parse_api_version(manifest.obj["apiVersion"])
        store = self.kinds.get((group, version, kind))
        if store is None:
            if kind in CARRIERS and "." not in group:
                known = next(f"{g}/{v}".lstrip("/") for g, v, k in self.kinds if k == kind)
                raise BadInput(f"{where}: {kind} of {manifest.obj['apiVersion']} is not served any more; use {known}")
            return None
        try:
            pod = pod_at(store(manifest.obj), BY_KIND[group, kind])
        except ValueError as error:
            raise BadInput(f"{where}: {kind}: {error}") from error
        if pod is not None and not pod[1].get("containers"):
            raise BadInput(f"{where}: {kind}: its pod has no containers")
        return pod


def make_judge() -> Judge:
    """With the schemas and defaults of the newest version that Sampan serves."""
    from sampan.api.schema.decode import DecodeError, decode
    from sampan.cluster.config import DEFAULT_VERSION
    from sampan.resources.build import builtin_resources

    def storing(resource: Any) -> Callable[[Obj], Obj]:
        def store(obj: Obj) -> Obj:
            try:
                decoded, _ = decode(obj, resource.schema)
            except DecodeError as error:
                raise ValueError(str(error)) from error
            made: Obj = resource.strategy.default(decoded)
            return made

        return store

    return Judge(
        {
            (r.mapping.group, r.mapping.version, r.mapping.kind): storing(r)
            for r in builtin_resources(DEFAULT_VERSION)
            if (r.mapping.group, r.mapping.kind) in BY_KIND
        }
    )


def _version(ctx: click.Context, param: click.Parameter, value: str) -> int:
    version = parse_version(value)
    if version is None:
        raise click.BadParameter(f"{value!r} {BAD_VERSION}", ctx, param)
    return version


@click.group("pod-security")
def pod_security() -> None:
    """Pod Security Standards without a cluster."""


@pod_security.command()
@click.option("--level", type=click.Choice(LEVELS), default="restricted", show_default=True, help="What to ask for.")
@click.option("--version", default="latest", show_default=True, callback=_version, help="latest, or v1.N.")
@click.option(
    "-o", "--output", type=click.Choice(list(FORMATS)), default="text", show_default=True, help="How to say it."
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.pass_context
def check(ctx: click.Context, /, level: Level, version: int, output: str, files: tuple[str, ...]) -> None:
    """Check pods, and objects with pod templates, in YAML or JSON files (`-`: standard input).

    Exit code 0: all pass; 1: some violate; 2: something could not be read.
    """
    report = examine(files, LevelVersion(level, version))
    click.echo(FORMATS[output](report), nl=False)
    for error in report.errors:
        click.echo(f"Error: {printable(error)}", err=True)
    ctx.exit(2 if report.errors else 1 if report.bad else 0)


def examine(files: tuple[str, ...], asked: LevelVersion) -> Report:
    """All objects of all files."""
    judge = make_judge()
    checked: list[Checked] = []
    errors: list[str] = []
    others = 0
    for file in files:
        for manifest in read_manifests(file):
            try:
                if isinstance(manifest, BadInput):
                    raise manifest
                pod = judge.pod_of(manifest)
            except BadInput as error:
                errors.append(str(error))
                continue
            if pod is None:
                others += 1
                continue
            checked.append(_checked(manifest, evaluate(asked.level, asked.version, *pod)))
    return Report(asked, checked, others, errors)


def _checked(manifest: Manifest, result: Any) -> Checked:
    meta = manifest.obj.get("metadata") or {}
    name = meta.get("name") or meta.get("generateName") or "(no name)"
    return Checked(manifest.file, manifest.line, manifest.obj["kind"], meta.get("namespace") or "", name, result)
