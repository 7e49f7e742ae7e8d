"""What the tokens of service accounts are like, by the settings."""

from sampan.apiserver.authn.service_accounts import ISSUER, TokenSettings
from sampan.cluster.access_options import AuthenticationOptions
from sampan.cluster.config import ClusterError

LEAST, MOST = 3600, 2**32


def token_settings(options: AuthenticationOptions) -> TokenSettings:
    """Raises ClusterError for settings that cannot be."""
    seen: set[str] = set()
    for issuer in options.service_account_issuer:
        if not issuer:
            raise ClusterError("service-account-issuer should not be an empty string")
        if issuer in seen:
            raise ClusterError(f'service-account-issuer "{issuer}" is already specified')
        seen.add(issuer)
    if options.service_account_jwks_uri and not options.service_account_jwks_uri.startswith("https://"):
        where = options.service_account_jwks_uri
        raise ClusterError(f"service-account-jwks-uri requires https scheme, parsed as: {where}")
    longest = int(options.service_account_max_token_expiration)
    if longest and not LEAST <= longest <= MOST:
        raise ClusterError("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds")
    audiences = tuple(part.strip() for part in options.api_audiences.split(",") if part.strip())
    issuers = options.service_account_issuer or (ISSUER,)
    return TokenSettings(issuers, audiences, longest, options.service_account_extend_token_expiration)
