"""TLS contexts for servers and clients, from PEM files or bytes."""

import os
import ssl
import tempfile
from pathlib import Path

Pem = str | Path | bytes
"""A file's path, or the PEM text itself as bytes."""


def server_context(certificate: Pem, key: Pem, client_ca: Pem | None = None) -> ssl.SSLContext:
    """A server's side: TLS 1.2 or newer, HTTP/1.1. With `client_ca`, client certificates are asked for and, when
    presented, must verify against it. Raises OSError or ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _common(context)
    _load_chain(context, certificate, key)
    if client_ca is not None:
        _load_ca(context, client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_context(
    ca: Pem | None = None, certificate: Pem | None = None, key: Pem | None = None, *, verify: bool = True
) -> ssl.SSLContext:
    """A client's side. Without `ca` the system's authorities are trusted; `verify=False` trusts anyone (a kubeconfig's
    insecure-skip-tls-verify). Raises OSError or ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _common(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is not None:
        _load_ca(context, ca)
    else:
        context.load_default_certs()
    if certificate is not None and key is not None:
        _load_chain(context, certificate, key)
    return context


def _common(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options &= ~ssl.OP_NO_TICKET


def _load_ca(context: ssl.SSLContext, ca: Pem) -> None:
    if isinstance(ca, bytes):
        context.load_verify_locations(cadata=ca.decode("ascii"))
    else:
        context.load_verify_locations(cafile=str(ca))


def _load_chain(context: ssl.SSLContext, certificate: Pem, key: Pem) -> None:
    """OpenSSL's loader takes files only: bytes go through a private directory that is gone when this returns."""
    if not isinstance(certificate, bytes) and not isinstance(key, bytes):
        context.load_cert_chain(str(certificate), str(key))
        return
    with tempfile.TemporaryDirectory(prefix="sampan-tls-") as directory:
        paths = []
        for name, pem in (("certificate", certificate), ("key", key)):
            if isinstance(pem, bytes):
                path = Path(directory, name)
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(pem)
                paths.append(str(path))
            else:
                paths.append(str(pem))
        context.load_cert_chain(*paths)
