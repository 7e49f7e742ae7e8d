"""Token issuers and anonymous requests as the settings ask for them; what is heavy is imported when it is asked for."""

import base64
import hashlib
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.apiserver.authn.anonymous import Anonymous
from sampan.apiserver.authn.tokens import TokenAuthenticator
from sampan.cluster.access_options import AuthenticationOptions
from sampan.cluster.config import ClusterError
from sampan.obs.metrics import Metrics

if TYPE_CHECKING:
    from sampan.apiserver.authn.configuration import Authentication
    from sampan.apiserver.authn.issuers import Issuers

Job = tuple[str, Coroutine[Any, Any, None]]


async def _nothing() -> None:
    return None


@dataclass(slots=True)
class Authenticators:
    """What the settings add to the server's own ways to know who asks."""

    others: list[TokenAuthenticator] = field(default_factory=list)
    anonymous: Anonymous = field(default_factory=Anonymous)
    start: Callable[[], Sequence[Job]] = tuple
    """Begin; what it gives is to be run, by name."""
    close: Callable[[], Awaitable[None]] = _nothing


def server_id() -> str:
    """The name of this API server in metrics (upstream: APIServerID)."""
    digest = hashlib.sha256(socket.gethostname().encode()).digest()[:16]
    return f"apiserver-{base64.b32encode(digest).decode().rstrip('=').lower()}"


def authenticators(options: AuthenticationOptions, own: str, clock: Clock, metrics: Metrics) -> Authenticators:
    """What the settings ask for. `own`: the issuer of service account tokens. Raises ClusterError."""
    _check(options)
    made = Authenticators(anonymous=Anonymous(options.anonymous_auth is not False))
    if options.authentication_config is None and not options.oidc_issuer_url:
        return made
    from sampan.apiserver.authn.issuers import Issuers
    from sampan.apiserver.authn.keys import ALGORITHMS
    from sampan.apiserver.authn.metrics import IssuerMetrics
    from sampan.apiserver.authn.provider import Means
    from sampan.apiserver.config_file import ConfigFileError, read_bytes

    path, algorithms, data = options.authentication_config, ALGORITHMS, b""
    try:
        if path is not None:
            data = read_bytes(path)
            found = _configuration(data, own)
        else:
            algorithms = _algorithms(options.oidc_signing_algs)
            found = _checked(_document(options), own)
    except _Invalid as error:
        raise ClusterError(f"invalid authentication configuration: {error}") from None
    except ConfigFileError as error:
        raise ClusterError(f'failed to load authentication configuration from file "{path}": {error}') from None
    if found.anonymous is not None:
        if options.anonymous_auth is not None:
            raise ClusterError(
                "anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in "
                "authentication configuration file"
            )
        made.anonymous = found.anonymous
    issuers = Issuers(found.issuers, own, Means(clock, IssuerMetrics(metrics, server_id()), algorithms))
    made.others.append(issuers)
    made.close = issuers.close

    def start() -> Sequence[Job]:
        issuers.start()
        return () if path is None else (_follow(path, data, issuers, (found, own), (clock, metrics)),)

    made.start = start
    return made


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


class _Invalid(Exception):
    """A configuration that can be read and cannot be used."""


def _configuration(data: bytes, own: str) -> "Authentication":
    """Raises ConfigFileError for what cannot be read, _Invalid for what is wrong."""
    from sampan.apiserver.authn.configuration import SHAPE, VERSIONS
    from sampan.apiserver.config_file import parse_config

    return _checked(parse_config(data, VERSIONS, SHAPE), own)


def _checked(document: Obj, own: str) -> "Authentication":
    from sampan.apiserver.authn.configuration import authentication_of
    from sampan.apiserver.config_file import told

    found, errors = authentication_of(document, (own,))
    if errors:
        raise _Invalid(told(errors))
    for issuer in found.issuers:
        if issuer.egress:
            raise ClusterError(f'oidc: egress lookup required with egress selector type "{issuer.egress}"')
    return found


def _follow(
    path: Path, data: bytes, issuers: "Issuers", known: "tuple[Authentication, str]", means: tuple[Clock, Metrics]
) -> Job:
    from sampan.apiserver.authn.issuers import NotReady
    from sampan.apiserver.config_file import ConfigFileError
    from sampan.apiserver.config_reload import ConfigReload, ReloadMetrics, TryAgain

    first, own = known
    clock, metrics = means

    async def use(new: bytes) -> None:
        try:
            found = _configuration(new, own)
        except (_Invalid, ClusterError) as error:
            raise ConfigFileError(str(error)) from None
        if found.anonymous != first.anonymous:
            raise ConfigFileError("anonymous: Forbidden: changed from initial configuration file")
        try:
            await issuers.replace(found.issuers)
        except NotReady as error:
            raise TryAgain(str(error)) from None

    reload_metrics = ReloadMetrics(metrics, "authentication", server_id(), clock)
    return "authentication configuration", ConfigReload(path, data, use, reload_metrics).run()


def _algorithms(text: str) -> tuple[str, ...]:
    from sampan.apiserver.authn.keys import ALGORITHMS

    asked = tuple(part.strip() for part in text.split(",") if part.strip()) or ("RS256",)
    for one in asked:
        if one not in ALGORITHMS:
            raise ClusterError(f'oidc: unsupported signing alg: "{one}"')
    return asked


def _document(options: AuthenticationOptions) -> Obj:
    """The configuration that the --oidc flags stand for."""
    prefix = options.oidc_username_prefix
    if not prefix and options.oidc_username_claim != "email":
        prefix = f"{options.oidc_issuer_url}#"
    issuer: Obj = {"url": options.oidc_issuer_url, "audiences": [options.oidc_client_id]}
    if options.oidc_ca_file is not None:
        try:
            issuer["certificateAuthority"] = options.oidc_ca_file.read_text()
        except OSError as error:
            raise ClusterError(f"open {options.oidc_ca_file}: {(error.strerror or '').lower()}") from error
    username = {"claim": options.oidc_username_claim, "prefix": "" if prefix == "-" else prefix}
    mappings: Obj = {"username": username}
    if options.oidc_groups_claim:
        mappings["groups"] = {"claim": options.oidc_groups_claim, "prefix": options.oidc_groups_prefix}
    rules = []
    for pair in options.oidc_required_claim:
        claim, equals, value = pair.partition("=")
        if not equals:
            raise ClusterError(f"--oidc-required-claim {pair}: expected key=value")
        rules.append({"claim": claim.strip(), "requiredValue": value.strip()})
    return {"jwt": [{"issuer": issuer, "claimMappings": mappings, "claimValidationRules": rules}]}
