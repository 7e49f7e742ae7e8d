"""Who may come in, as the settings say: token issuers, servers that know tokens, requests without credentials."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from sampan.aio.clock import Clock
from sampan.apiserver.authn.anonymous import Anonymous
from sampan.apiserver.authn.tokens import TokenAuthenticator
from sampan.cluster.access_options import AuthenticationOptions, Own
from sampan.cluster.config import ClusterError
from sampan.cluster.jobs import Job
from sampan.obs.metrics import Metrics

if TYPE_CHECKING:
    from sampan.apiserver.authn.webhook import TokenWebhook
    from sampan.cluster.token_issuers import TokenIssuers


@dataclass(slots=True)
class Authenticators:
    """What the settings add to the server's own ways to know who asks."""

    anonymous: Anonymous = field(default_factory=Anonymous)
    issuers: "TokenIssuers | None" = None
    webhook: "TokenWebhook | None" = None

    @property
    def others(self) -> list[TokenAuthenticator]:
        """Whom to ask about tokens, in this order."""
        found: list[TokenAuthenticator] = []
        if self.issuers is not None:
            found.append(self.issuers.issuers)
        if self.webhook is not None:
            found.append(self.webhook)
        return found

    def start(self) -> Sequence[Job]:
        """Begin; what it gives is to be run."""
        return self.issuers.start() if self.issuers is not None else ()

    async def close(self) -> None:
        """End all of them."""
        if self.issuers is not None:
            await self.issuers.issuers.close()
        if self.webhook is not None:
            await self.webhook.close()


def authenticators(
    options: AuthenticationOptions, own: Own, clock: Clock, metrics: Metrics, *, trusting: bool = False
) -> Authenticators:
    """What the settings ask for. `own`: whose service account tokens are; `trusting`: everybody may do everything,
    so nobody may come without credentials. Raises ClusterError."""
    _check(options)
    made = Authenticators(Anonymous(options.anonymous_auth is not False and not trusting))
    if options.authentication_config is not None or options.oidc_issuer_url:
        from sampan.cluster.token_issuers import TokenIssuers

        made.issuers = TokenIssuers(options, own, clock, metrics)
        if (anonymous := made.issuers.anonymous) is not None:
            if options.anonymous_auth is not None:
                raise ClusterError(
                    "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in "
                    "authentication configuration file"
                )
            made.anonymous = anonymous
    if options.authentication_token_webhook_config_file is not None:
        made.webhook = _webhook(options, own, clock)
    return made


def _webhook(options: AuthenticationOptions, own: Own, clock: Clock) -> "TokenWebhook":
    from sampan.apiserver.authn.webhook import SHAPE, VERSIONS, TokenWebhook
    from sampan.apiserver.review_caller import ReviewCaller
    from sampan.cluster.review_endpoint import review_endpoint

    version = options.authentication_token_webhook_version
    if version not in VERSIONS:
        known = ", ".join(f'"{one}"' for one in VERSIONS)
        raise ClusterError(f'unsupported authentication webhook version "{version}", supported versions are {known}')
    assert options.authentication_token_webhook_config_file is not None
    endpoint = review_endpoint(options.authentication_token_webhook_config_file)
    caller = ReviewCaller(endpoint, SHAPE, clock, random.Random())
    return TokenWebhook(caller, version, options.authentication_token_webhook_cache_ttl, own.audiences, clock)


def _check(options: AuthenticationOptions) -> None:
    """Raise ClusterError for options that do not go together."""
    given = [one for one in fields(options) if getattr(options, one.name) != one.default]
    oidc = any(one.name.startswith("oidc_") for one in given)
    if options.authentication_config is not None and oidc:
        raise ClusterError("authentication-config file and oidc-* flags are mutually exclusive")
    if oidc and not (options.oidc_issuer_url and options.oidc_client_id):
        raise ClusterError(
            "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set"
        )
