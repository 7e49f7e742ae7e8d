"""sampan token: bootstrap tokens, by which nodes join; in the manner of `kubeadm token`."""

import asyncio
import json
import secrets
import string
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from sampan.api.json import Obj
from sampan.api.times import parse_duration, parse_time
from sampan.cli.access import CONTEXT, KUBECONFIG, kubeconfig_file
from sampan.resources.bootstrap_tokens import (
    DEFAULT_GROUP,
    ID_PATTERN,
    TOKEN_PATTERN,
    USAGES,
    BootstrapToken,
    check_group,
    expiry,
    from_secret,
    is_id,
    split_token,
)

LETTERS = string.digits + string.ascii_lowercase
COLUMNS = ("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS")
WIDTHS = (0, 9, 0, 22, 56, 0)
"""To which cells are filled up before they are laid out."""
NARROWEST, GAP = 10, 3


@click.group()
@KUBECONFIG
@CONTEXT
@click.pass_context
def token(ctx: click.Context, /, kubeconfig: Path | None, context: str) -> None:
    """Bootstrap tokens, by which nodes join a cluster (`sampan join`).

    A token is a Secret bootstrap-token-ID in kube-system; whoever has it may ask for a node's certificate.
    """
    ctx.obj = (kubeconfig, context)


def reach(ctx: click.Context, use: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """What a function of an Api and its Access answers."""
    from sampan.api.errors import StatusError
    from sampan.client.api import Api
    from sampan.client.http import HttpTransport
    from sampan.client.kubeconfig import KubeconfigError, load_kubeconfig
    from sampan.cluster.config import ClusterError

    kubeconfig, context = ctx.obj

    async def run() -> Any:
        access = load_kubeconfig(kubeconfig_file(kubeconfig), context)
        transport = HttpTransport(access)
        try:
            return await use(Api(transport), access)
        finally:
            await transport.close()

    try:
        return asyncio.run(run())
    except (KubeconfigError, ClusterError) as error:
        raise click.ClickException(str(error)) from error
    except StatusError as error:
        raise click.ClickException(f"the cluster says: {error}") from error
    except OSError as error:
        raise click.ClickException(f"the cluster cannot be reached: {error.strerror or error}") from error


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    """An option that may be repeated, and takes several values between commas."""
    return tuple(dict.fromkeys(word for value in values for word in value.split(",") if word))


def _ttl(ctx: click.Context, param: click.Parameter, value: str) -> float:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@token.command()
@click.argument("token", required=False)
@click.option("--ttl", default="24h0m0s", show_default=True, callback=_ttl, help="How long it lives; 0: for ever.")
@click.option("--usages", multiple=True, default=[",".join(USAGES)], show_default=True, help="What it is for.")
@click.option(
    "--groups", multiple=True, help=f"Groups of those who show it, besides system:bootstrappers.  [{DEFAULT_GROUP}]"
)
@click.option("--description", default="", help="For people.")
@click.option("--print-join-command", is_flag=True, help="Print what to say on the machine that joins.")
@click.pass_context
def create(ctx: click.Context, /, **options: Any) -> None:
    """Make a token ([a-z0-9]{6}.[a-z0-9]{16}, by default a random one) and print it.

    Where the cluster lacks it, what joining needs is made as well: cluster-info in kube-public, and the rights to ask
    for certificates, under kubeadm's names.
    """
    from sampan.cluster import joining
    from sampan.cluster.config import ClusterError

    made = made_of(options, datetime.now(UTC))

    async def use(api: Any, access: Any) -> str:
        from sampan.api.errors import StatusError

        if options["print_join_command"] and not access.ca:
            raise ClusterError("no CA certificates found in kubeconfig")
        line = joining.join_command(access.server, access.ca, made.text) if options["print_join_command"] else made.text
        try:
            await joining.prepare(api, access.server, access.ca or b"")
        except StatusError as error:
            if error.code != 403:
                raise
            click.echo(f"What joining needs was not looked after: {error}", err=True)
        await joining.create_token(api, made)
        return line

    click.echo(reach(ctx, use))


def made_of(options: dict[str, Any], now: datetime) -> BootstrapToken:
    """The token that the options ask for. Raises click.UsageError."""
    parts = split_token(options["token"] or random_token())
    if parts is None:
        raise click.UsageError(f'the bootstrap token "{options["token"]}" was not of the form "{TOKEN_PATTERN}"')
    usages = _words(options["usages"])
    unknown = sorted(set(usages) - set(USAGES))
    if unknown:
        said = f"invalid bootstrap token usage string: {','.join(unknown)}, valid usage options: {','.join(USAGES)}"
        raise click.UsageError(said)
    authenticates = "authentication" in usages
    groups = _words(options["groups"]) or ((DEFAULT_GROUP,) if authenticates else ())
    if groups and not authenticates:
        raise click.UsageError('token groups cannot be specified unless --usages includes "authentication"')
    for group in groups:
        try:
            check_group(group)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
    return BootstrapToken(*parts, options["description"], expiry(now, options["ttl"]), usages, groups)


def random_token() -> str:
    """A token that nobody can guess."""
    id_, key = ("".join(secrets.choice(LETTERS) for _ in range(length)) for length in (6, 16))
    return f"{id_}.{key}"


@token.command()
def generate() -> None:
    """Print a random token without making it."""
    click.echo(random_token())


@token.command("list")
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
@click.pass_context
def list_(ctx: click.Context, /, output: str) -> None:
    """List the tokens of the cluster."""
    from sampan.cluster import joining

    found = []
    for secret in reach(ctx, lambda api, access: joining.list_tokens(api)):
        try:
            found.append(from_secret(secret))
        except ValueError as error:
            click.echo(str(error), err=True)
    if output == "text":
        click.echo(as_text(found, datetime.now(UTC)), nl=False)
    elif output == "json":
        click.echo("".join(json.dumps(document(one), indent=4) + "\n" for one in found), nl=False)
    elif found:
        import yaml

        click.echo(yaml.safe_dump_all([document(one) for one in found], sort_keys=True), nl=False)


def document(one: BootstrapToken) -> Obj:
    """A token as kubeadm's output API has it."""
    made: Obj = {"kind": "BootstrapToken", "apiVersion": "output.kubeadm.k8s.io/v1alpha3", "token": one.text}
    more = {"description": one.description, "expires": one.expires, "usages": [*one.usages], "groups": [*one.groups]}
    return made | {key: value for key, value in more.items() if value}


def as_text(found: list[BootstrapToken], now: datetime) -> str:
    """kubeadm's columns: they are as wide as the heading and the first token need, then as each token needs."""
    lines = [row(one, now) for one in found]
    if not lines:
        return ""
    return laid_out([COLUMNS, lines[0]]) + "".join(laid_out([line]) for line in lines[1:])


def row(one: BootstrapToken, now: datetime) -> tuple[str, ...]:
    left, expires = "<forever>", "<never>"
    if one.expires:
        left, expires = short((parse_time(one.expires) - now).total_seconds()), one.expires
    cells = (
        one.text, left, expires, ",".join(one.usages) or "<none>", one.description or "<none>",
        ",".join(one.groups) or "<none>",
    )  # fmt: skip
    return tuple(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def laid_out(lines: list[tuple[str, ...]]) -> str:
    widths = [max(NARROWEST, GAP + max(map(len, column))) for column in zip(*lines, strict=True)]
    text = ""
    for line in lines:
        text += "".join(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)) + line[-1] + "\n"
    return text


def short(seconds: float) -> str:
    """A duration in its largest unit (apimachinery: duration.ShortHumanDuration)."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 60:
        return f"{max(total, 0)}s"
    if total < 3600:
        return f"{total // 60}m"
    hours = total // 3600
    if hours < 24:
        return f"{hours}h"
    return f"{hours // 24}d" if hours < 24 * 365 else f"{hours // 24 // 365}y"


@token.command()
@click.argument("tokens", nargs=-1, required=True, metavar="TOKEN-OR-ID...")
@click.pass_context
def delete(ctx: click.Context, /, tokens: tuple[str, ...]) -> None:
    """Delete tokens, by their ids or whole."""
    for given in tokens:
        parts = split_token(given)
        id_ = given if is_id(given) else parts[0] if parts else ""
        if not id_:
            raise click.UsageError(f'given token didn\'t match pattern "{TOKEN_PATTERN}" or "{ID_PATTERN}"')
        reach(ctx, partial(_delete, id_))
        click.echo(f'bootstrap token "{id_}" deleted')


async def _delete(id_: str, api: Any, access: Any) -> None:
    from sampan.cluster import joining

    await joining.delete_token(api, id_)
