"""The options of authentication and authorization, with kube-apiserver's names."""

from pathlib import Path
from typing import Any

import click

from sampan.cli.durations import DURATION
from sampan.cluster.access_options import AuthenticationOptions, AuthorizationOptions

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
    click.option(
        "--authentication-token-webhook-config-file", type=FILE, help="A kubeconfig: whom to ask about other tokens."
    ),
    click.option("--authentication-token-webhook-version", default="v1beta1", show_default=True, help="v1, v1beta1."),
    click.option(
        "--authentication-token-webhook-cache-ttl",
        type=DURATION,
        default="2m0s",
        show_default=True,
        help="How long answers are kept.",
    ),
    click.option("--oidc-required-claim", multiple=True, metavar="KEY=VALUE", help="May be given several times."),
)
ACCOUNTS = (
    click.option("--service-account-issuer", multiple=True, metavar="URL", help="Of tokens; the first of several."),
    click.option("--api-audiences", default="", help="Whom tokens for the server are for.  [the issuers]"),
    click.option("--service-account-jwks-uri", default="", metavar="URL", help="Where the issuer's keys are.  [here]"),
    click.option(
        "--service-account-max-token-expiration", type=DURATION, default="0s", help="How long tokens may live.  [any]"
    ),
    click.option(
        "--service-account-extend-token-expiration", type=bool, default=True, show_default=True,
        help="Default tokens of pods live for a year.",
    ),
)  # fmt: skip
FRONT_PROXY = (
    click.option("--requestheader-client-ca-file", type=FILE, help="Who signs proxies that name users, besides us."),
    click.option("--requestheader-allowed-names", default="front-proxy-client", show_default=True, help="Of proxies."),
    click.option("--requestheader-username-headers", default="X-Remote-User", show_default=True, help="The user."),
    click.option("--requestheader-uid-headers", default="X-Remote-Uid", show_default=True, help="The user's UID."),
    click.option("--requestheader-group-headers", default="X-Remote-Group", show_default=True, help="The groups."),
    click.option("--requestheader-extra-headers-prefix", default="X-Remote-Extra-", show_default=True, help="Extras."),
)
AUTHORIZATION = (
    click.option("--authorization-config", type=FILE, help="An AuthorizationConfiguration (YAML): whom to ask."),
    click.option(
        "--authorization-mode", default="Node,RBAC", show_default=True,
        help="Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny, in the order in which they are asked.",
    ),
    click.option("--authorization-webhook-config-file", type=FILE, help="A kubeconfig: whom Webhook asks."),
    click.option("--authorization-webhook-version", default="v1beta1", show_default=True, help="v1, v1beta1."),
    click.option(
        "--authorization-webhook-cache-authorized-ttl", type=DURATION, default="5m0s", show_default=True,
        help="How long a yes is kept.",
    ),
    click.option(
        "--authorization-webhook-cache-unauthorized-ttl", type=DURATION, default="30s", show_default=True,
        help="How long a no is kept.",
    ),
)  # fmt: skip


def authentication_options(options: dict[str, Any]) -> AuthenticationOptions:
    """Those of the command line as a record."""
    return AuthenticationOptions(**{name: options[name] for name in AuthenticationOptions.__slots__})


def authorization_options(options: dict[str, Any]) -> AuthorizationOptions:
    """Those of the command line as a record."""
    return AuthorizationOptions(**{name: options[name] for name in AuthorizationOptions.__slots__})
