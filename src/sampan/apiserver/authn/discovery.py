"""OpenID Connect Discovery 1.0: what an issuer of tokens says of itself."""

from typing import NamedTuple

from sampan.api.json import JSONDecodeError, loads
from sampan.api.quote import go_quoted
from sampan.apiserver.authn.fetch import fetch
from sampan.net.http_client import HttpClient

WELL_KNOWN = "/.well-known/openid-configuration"


class Discovered(NamedTuple):
    """What an issuer says of itself."""

    keys_url: str


async def discover(client: HttpClient, issuer: str, url: str = "") -> Discovered:
    """The issuer's own account, at `url` or where the standard wants it. Raises ValueError, also for one of another."""
    at = url or issuer.removesuffix("/") + WELL_KNOWN
    try:
        answer = await fetch(client, at)
    except (OSError, ValueError) as error:
        raise ValueError(f'Get "{at}": {error or "timed out"}') from error
    if answer.status != 200:
        raise ValueError(f"{answer.status}: {answer.body[:2048].decode(errors='replace')}")
    try:
        document = loads(answer.body)
    except JSONDecodeError as error:
        raise ValueError(f"oidc: failed to decode provider discovery object: {error}") from error
    said = document.get("issuer") if isinstance(document, dict) else None
    if said != issuer:
        wanted = f"expected {go_quoted(issuer)} got {go_quoted(str(said or ''))}"
        raise ValueError(f"oidc: issuer did not match the issuer returned by provider, {wanted}")
    keys = document.get("jwks_uri")
    if not isinstance(keys, str) or not keys:
        raise ValueError("provider did not return JWKS URL")
    return Discovered(keys)
