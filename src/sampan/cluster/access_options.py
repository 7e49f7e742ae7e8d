"""Who may come in, and what they may do: kube-apiserver's options, as frozen records."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Own(NamedTuple):
    """Who issues this cluster's service account tokens, and whom tokens for this server are for."""

    issuers: tuple[str, ...]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthenticationOptions:
    """Each is an option of `sampan up` of the same name."""

    authentication_config: Path | None = None
    """An AuthenticationConfiguration: token issuers, and who may come without credentials."""
    anonymous_auth: bool | None = None
    """None: not said, which is yes."""
    oidc_issuer_url: str = ""
    oidc_client_id: str = ""
    oidc_ca_file: Path | None = None
    oidc_username_claim: str = "sub"
    oidc_username_prefix: str = ""
    """Empty: the issuer's URL and #, except for the claim `email`; -: none."""
    oidc_groups_claim: str = ""
    oidc_groups_prefix: str = ""
    oidc_signing_algs: str = "RS256"
    """Separated by commas."""
    oidc_required_claim: tuple[str, ...] = ()
    """key=value"""
    authentication_token_webhook_config_file: Path | None = None
    """A kubeconfig: whom to ask about tokens that nobody here knows."""
    authentication_token_webhook_version: str = "v1beta1"
    authentication_token_webhook_cache_ttl: float = 120.0
    """Seconds."""
    service_account_issuer: tuple[str, ...] = ()
    """The first one issues tokens of service accounts, those of all count; none: the cluster's usual one."""
    api_audiences: str = ""
    """Whom tokens for this server are for, separated by commas; empty: the issuers."""
    service_account_jwks_uri: str = ""
    """Where others find the keys; empty: at this server."""
    service_account_max_token_expiration: float = 0.0
    """Seconds; 0: as long as is asked for."""
    service_account_extend_token_expiration: bool = True
    """Whether the default tokens of pods live for a year."""
    requestheader_client_ca_file: Path | None = None
    """Who else signs certificates of proxies that name users by headers, beside the cluster's front-proxy CA."""
    requestheader_allowed_names: str = "front-proxy-client"
    """Their common names, separated by commas; empty: any. So are the following."""
    requestheader_username_headers: str = "X-Remote-User"
    requestheader_uid_headers: str = "X-Remote-Uid"
    requestheader_group_headers: str = "X-Remote-Group"
    requestheader_extra_headers_prefix: str = "X-Remote-Extra-"


@dataclass(frozen=True, slots=True)
class AuthorizationOptions:
    """Each is an option of `sampan up` of the same name."""

    authorization_config: Path | None = None
    """An AuthorizationConfiguration: a chain of authorizers."""
    authorization_mode: str = "Node,RBAC"
    """Node, RBAC, Webhook, AlwaysAllow, AlwaysDeny, separated by commas: asked in this order."""
    authorization_webhook_config_file: Path | None = None
    """A kubeconfig: whom the mode Webhook asks."""
    authorization_webhook_version: str = "v1beta1"
    authorization_webhook_cache_authorized_ttl: float = 300.0
    authorization_webhook_cache_unauthorized_ttl: float = 30.0
    """Seconds."""
