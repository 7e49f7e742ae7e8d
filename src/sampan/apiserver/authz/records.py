"""A chain of authorizers as it was configured. Pure."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sampan.apiserver.authz.expressions import Condition

WEBHOOK = "Webhook"
TYPES = ("ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", WEBHOOK)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A server outside. Seconds; a TTL of 0 keeps no answers."""

    kubeconfig: Path
    version: str
    authorized_ttl: float
    unauthorized_ttl: float
    timeout: float = 30.0
    deny_on_error: bool = False
    conditions: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class Configured:
    """One authorizer."""

    type: str
    name: str
    webhook: Webhook | None = None
