"""What one node agent is told when it starts."""

from dataclasses import dataclass, field
from pathlib import Path

from sampan.kubelet.admission.sysctls import Allowed, allowed
from sampan.kubelet.cgroups import PodCgroups
from sampan.kubelet.evictor import Rules
from sampan.kubelet.image_choice import Policy
from sampan.kubelet.node import NodeFacts
from sampan.kubelet.pleg.base import PlegConfig
from sampan.kubelet.sandbox_config import Dns
from sampan.kubelet.shutdown_plan import Grace


@dataclass(frozen=True, slots=True)
class KubeletConfig:
    """Settings of one node agent."""

    facts: NodeFacts
    root: Path
    """Pods' volumes and logs are kept below it."""
    dns: Dns = field(default_factory=Dns)
    owner: str = ""
    """The cluster, as sandboxes are labelled; pods of others in the same runtime are left alone."""
    pods_reachable: bool = True
    """Whether the pods' addresses lead to something; those of simulated pods do not."""
    master: str = ""
    """host:port that service environment variables of `kubernetes` say when there is no such Service yet."""
    pleg: PlegConfig = field(default_factory=PlegConfig)
    cgroups: PodCgroups | None = None
    """Where pods' cgroups are made; None leaves that to the runtime."""
    sysctls: Allowed = field(default_factory=lambda: allowed(()))
    """The kernel parameters that pods may set."""
    apparmor: bool = True
    """Whether the kernel has AppArmor; True where pods are simulated."""
    static_pods: Path | None = None
    """A directory of manifests, or one file: pods that run without an API."""
    file_check: float = 20.0
    """Seconds between two readings of it."""
    eviction: Rules = field(default_factory=Rules)
    """When pods have to go for the node's sake; by default for passing their own limits only."""
    images: Policy | None = None
    """When images are removed; None: never but for eviction's sake."""
    shutdown: tuple[Grace, ...] = ()
    """How long pods have when the machine is switched off; without any they are not ended."""
    alone: bool = False
    """Its informers are its own: it follows the pods of its node only, and may not follow others."""

    @property
    def mine(self) -> str:
        """The field selector of the pods to follow."""
        return f"spec.nodeName={self.facts.name}" if self.alone else ""
