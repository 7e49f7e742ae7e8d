"""Trusted issuers of tokens as the settings ask for them; what is heavy is imported when it is asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.apiserver.authn.anonymous import Anonymous
from sampan.cluster.access_options import AuthenticationOptions, Own
from sampan.cluster.config import ClusterError
from sampan.cluster.jobs import Job, server_id
from sampan.obs.metrics import Metrics

if TYPE_CHECKING:
    from sampan.apiserver.authn.configuration import Authentication


class TokenIssuers:
    """The issuers of a file or of the --oidc flags. Raises ClusterError for a configuration that cannot be used."""

    def __init__(self, options: AuthenticationOptions, own: Own, clock: Clock, metrics: Metrics) -> None:
        from sampan.apiserver.authn.issuers import Issuers
        from sampan.apiserver.authn.keys import ALGORITHMS
        from sampan.apiserver.authn.metrics import IssuerMetrics
        from sampan.apiserver.authn.provider import Means
        from sampan.apiserver.config_file import read_bytes
        from sampan.apiserver.config_shape import ConfigFileError

        self._path, self._data, self._own = options.authentication_config, b"", own
        self._clock, self._metrics = clock, metrics
        algorithms: Sequence[str] = ALGORITHMS
        try:
            if self._path is not None:
                self._data = read_bytes(self._path)
                self._first = _configuration(self._data, own)
            else:
                algorithms = _algorithms(options.oidc_signing_algs)
                self._first = _checked(_document(options), own)
        except _Invalid as error:
            raise ClusterError(f"invalid authentication configuration: {error}") from None
        except ConfigFileError as error:
            said = f'failed to load authentication configuration from file "{self._path}"'
            raise ClusterError(f"{said}: {error}") from None
        means = Means(clock, IssuerMetrics(metrics, server_id()), algorithms)
        self.issuers: Issuers = Issuers(self._first.issuers, own.audiences, means)

    @property
    def anonymous(self) -> Anonymous | None:
        """What the file says of requests without credentials."""
        return self._first.anonymous

    def start(self) -> Sequence[Job]:
        """Look for the issuers; what it gives is to be run."""
        self.issuers.start()
        if self._path is None:
            return ()
        from sampan.apiserver.config_reload import ConfigReload, ReloadMetrics

        reload_metrics = ReloadMetrics(self._metrics, "authentication", server_id(), self._clock)
        follow = ConfigReload(self._path, self._data, self._use, reload_metrics)
        return (("authentication configuration", follow.run()),)

    async def _use(self, data: bytes) -> None:
        from sampan.apiserver.authn.issuers import NotReady
        from sampan.apiserver.config_reload import TryAgain
        from sampan.apiserver.config_shape import ConfigFileError

        try:
            found = _configuration(data, self._own)
        except (_Invalid, ClusterError) as error:
            raise ConfigFileError(str(error)) from None
        if found.anonymous != self._first.anonymous:
            raise ConfigFileError("anonymous: Forbidden: changed from initial configuration file")
        try:
            await self.issuers.replace(found.issuers)
        except NotReady as error:
            raise TryAgain(str(error)) from None


class _Invalid(Exception):
    """A configuration that can be read and cannot be used."""


def _configuration(data: bytes, own: Own) -> "Authentication":
    """Raises ConfigFileError for what cannot be read, _Invalid for what is wrong."""
    from sampan.apiserver.authn.configuration import SHAPE, VERSIONS
    from sampan.apiserver.config_file import parse_config

    return _checked(parse_config(data, VERSIONS, SHAPE), own)


def _checked(document: Obj, own: Own) -> "Authentication":
    from sampan.apiserver.authn.configuration import authentication_of
    from sampan.apiserver.config_shape import told

    found, errors = authentication_of(document, own.issuers)
    if errors:
        raise _Invalid(told(errors))
    for issuer in found.issuers:
        if issuer.egress:
            raise ClusterError(f'oidc: egress lookup required with egress selector type "{issuer.egress}"')
    return found


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
