"""Issuer discovery: where others find the key that service account tokens are signed with (KEP-1393)."""

from collections.abc import Callable, Mapping
from functools import cache

from sampan.api.errors import not_acceptable
from sampan.api.json import dumps
from sampan.apiserver.authn.jwt import Signer
from sampan.net.http import Request, Response

CONFIGURATION, KEYS = "/.well-known/openid-configuration", "/openid/v1/jwks"
KEY_SET = "application/jwk-set+json"
CACHED = ("Cache-Control", "public, max-age=3600")
Page = Callable[[Request], Response]


def openid_pages(signer: Callable[[], Signer], issuer: str, keys_url: str) -> Mapping[str, Page]:
    """The two documents by path; none for an issuer that is no HTTPS URL, for such a one cannot be discovered."""
    if not issuer.startswith("https://") or "?" in issuer or "#" in issuer:
        return {}

    @cache
    def configuration() -> bytes:
        document = {
            "issuer": issuer,
            "jwks_uri": keys_url,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [signer().algorithm],
        }
        return dumps(document)

    @cache
    def keys() -> bytes:
        return dumps(signer().jwks())

    def serve_keys(request: Request) -> Response:
        accepted = [part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")]
        if not {KEY_SET, "application/*", "*/*", ""} & set(accepted):
            raise not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {KEY_SET}")
        return Response(200, [("Content-Type", KEY_SET), CACHED], keys())

    return {
        CONFIGURATION: lambda request: Response(200, [("Content-Type", "application/json"), CACHED], configuration()),
        KEYS: serve_keys,
    }
