"""What parts of the control plane ask to be run, and the name that this server has in metrics."""

import base64
import hashlib
import socket
from collections.abc import Coroutine
from typing import Any

Job = tuple[str, Coroutine[Any, Any, None]]
"""A name, and what is to be run until the server ends."""


def server_id() -> str:
    """The name of this API server in metrics (upstream: APIServerID)."""
    digest = hashlib.sha256(socket.gethostname().encode()).digest()[:16]
    return f"apiserver-{base64.b32encode(digest).decode().rstrip('=').lower()}"
