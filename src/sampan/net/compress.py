"""gzip for large answers, when the client takes it."""

import zlib

THRESHOLD = 128 * 1024
"""Upstream compresses bodies above this (apiserver's responsewriters)."""
LEVEL = 1
GZIP_WINDOW = 31
"""zlib's word for a gzip wrapper around the largest window."""


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding value allows gzip (RFC 9110 §12.5.3)."""
    star = False
    for item in header.split(","):
        name, _, params = item.partition(";")
        name = name.strip().lower()
        if name not in ("gzip", "x-gzip", "*"):
            continue
        allowed = not _is_zero(params)
        if name != "*":
            return allowed
        star = allowed
    return star


def gzip(body: bytes) -> bytes:
    """The body in gzip format, at the fastest level."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def gzip_if_worth(body: bytes, accept_encoding: str) -> bytes | None:
    """The compressed body if it is large and the client takes gzip, else None."""
    if len(body) <= THRESHOLD or not accepts_gzip(accept_encoding):
        return None
    return gzip(body)


def _is_zero(params: str) -> bool:
    for param in params.split(";"):
        name, _, value = param.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value) == 0
            except ValueError:
                return True
    return False
