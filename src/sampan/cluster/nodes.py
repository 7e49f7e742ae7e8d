"""The node agents of a cluster and the runtimes under them."""

from dataclasses import dataclass
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.cluster.config import ClusterConfig
from sampan.cluster.control_plane import ControlPlane


@dataclass(slots=True)
class Nodes:
    """What runs."""

    runtime_name: str

    async def close(self) -> None:
        """End the agents; containers of a real runtime go on."""


async def start_nodes(config: ClusterConfig, data_dir: Path, plane: ControlPlane, clock: Clock, tasks: Tasks) -> Nodes:
    """Start the node agents that the settings ask for."""
    return Nodes("none" if not config.nodes else "simulated")
