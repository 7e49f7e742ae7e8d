"""Servers outside that answer reviews: named by kubeconfig files."""

import base64
import ssl
from pathlib import Path

from sampan.apiserver.review_caller import Endpoint
from sampan.client.kubeconfig import Access, KubeconfigError, load_kubeconfig
from sampan.cluster.config import ClusterError
from sampan.net.tls import client_context


def review_endpoint(path: Path) -> Endpoint:
    """Where a kubeconfig's current context leads, and as whom. Raises ClusterError."""
    try:
        access = load_kubeconfig(path)
        context = None
        if access.server.startswith("https:"):
            context = client_context(access.ca, access.certificate, access.key, verify=not access.insecure)
    except KubeconfigError as error:
        raise ClusterError(str(error)) from error
    except (OSError, ssl.SSLError) as error:
        raise ClusterError(f"{path}: {error}") from error
    headers = _credentials(access) if context is not None else ()  # as client-go: only over TLS
    return Endpoint(access.server, context, headers, access.server_name)


def _credentials(access: Access) -> tuple[tuple[str, str], ...]:
    if access.token:
        return (("authorization", f"Bearer {access.token}"),)
    if access.user:
        pair = base64.b64encode(f"{access.user}:{access.password}".encode()).decode()
        return (("authorization", f"Basic {pair}"),)
    return ()
