"""Metrics of token issuers, with upstream's names; issuers are told by the hashes of their URLs."""

import hashlib
from datetime import datetime

from sampan.obs.metrics import Metrics

BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PREFIX = "apiserver_authentication_jwt_authenticator_"
SUCCESS, FAILURE = "success", "failure"


def digest(text: str | bytes) -> str:
    """`sha256:…`, or nothing for nothing."""
    data = text.encode() if isinstance(text, str) else text
    return f"sha256:{hashlib.sha256(data).hexdigest()}" if data else ""


class IssuerMetrics:
    """What is counted of token issuers."""

    def __init__(self, metrics: Metrics, server: str) -> None:
        self._server = digest(server)
        self._fetched: dict[tuple[str, str, str], float] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._seconds = metrics.histogram(
            f"{PREFIX}latency_seconds",
            "Latency of jwt authentication operations in seconds. This is the time spent authenticating a token for "
            "cache miss only (i.e. when the token is not found in the cache).",
            ("result", "jwt_issuer_hash"),
            BUCKETS,
        )
        metrics.gauge(
            f"{PREFIX}jwks_fetch_last_timestamp_seconds",
            "Timestamp of the last successful or failed JWKS fetch split by result, api server identity and jwt issuer "
            "for the JWT authenticator.",
            lambda: self._fetched,
            ("result", "jwt_issuer_hash", "apiserver_id_hash"),
        )
        metrics.gauge(
            f"{PREFIX}jwks_fetch_last_key_set_info",
            "Information about the last JWKS fetched by the JWT authenticator with hash as label, split by api server "
            "identity and jwt issuer.",
            lambda: {(*key, value): 1 for key, value in self._keys.items()},
            ("jwt_issuer_hash", "apiserver_id_hash", "hash"),
        )

    def checked(self, issuer: str, result: str, seconds: float) -> None:
        """A token of an issuer was good (SUCCESS) or not (FAILURE)."""
        self._seconds.labels(result, digest(issuer)).observe(seconds)

    def fetched(self, issuer: str, keys: bytes | None, now: datetime) -> None:
        """The keys of an issuer were read, or (None) were not."""
        result = SUCCESS if keys is not None else FAILURE
        self._fetched[result, digest(issuer), self._server] = now.timestamp()
        if keys is not None:
            self._keys[digest(issuer), self._server] = digest(keys)

    def forget(self, issuer: str) -> None:
        """The issuer is not configured any more."""
        self._keys.pop((digest(issuer), self._server), None)
        for result in (SUCCESS, FAILURE):
            self._fetched.pop((result, digest(issuer), self._server), None)
