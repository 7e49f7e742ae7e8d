"""The options of authentication, with kube-apiserver's names."""

from pathlib import Path
from typing import Any

import click

from sampan.cluster.access_options import AuthenticationOptions

FILE = click.Path(path_type=Path)
AUTHENTICATION = (
    click.option("--authentication-config", type=FILE, help="An AuthenticationConfiguration (YAML): token issuers."),
    click.option("--anonymous-auth", type=bool, default=None, help="Answer requests without credentials.  [true]"),
    click.option("--oidc-issuer-url", default="", metavar="URL", help="Trust this issuer's tokens."),
    click.option("--oidc-client-id", default="", help="The audience that they must be for."),
    click.option("--oidc-ca-file", type=FILE, help="Who signed the issuer's certificate.  [the system's authorities]"),
    click.option("--oidc-username-claim", default="sub", show_default=True, help="The claim that is the user's name."),
    click.option("--oidc-username-prefix", default="", help="Put before it; -: nothing.  [URL#]"),
    click.option("--oidc-groups-claim", default="", help="The claim that holds the groups."),
    click.option("--oidc-groups-prefix", default="", help="Put before each."),
    click.option("--oidc-signing-algs", default="RS256", show_default=True, help="Separated by commas."),
    click.option("--oidc-required-claim", multiple=True, metavar="KEY=VALUE", help="May be given several times."),
)


def authentication_options(options: dict[str, Any]) -> AuthenticationOptions:
    """Those of the command line as a record."""
    return AuthenticationOptions(**{name: options[name] for name in AuthenticationOptions.__slots__})
