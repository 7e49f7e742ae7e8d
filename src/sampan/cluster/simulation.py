"""Simulated nodes in great number, as settings ask for them: one simulator instead of an agent each."""

import random
from pathlib import Path

from sampan.aio.clock import Clock
from sampan.client.api import Api
from sampan.client.informer import Informers
from sampan.cluster.config import ClusterConfig, ClusterError
from sampan.cluster.control_plane import ControlPlane
from sampan.simulator.node_status import NodeSpec
from sampan.simulator.simulator import Simulator
from sampan.simulator.stage import Stage

AMOUNTS = {
    "cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
    "pods": "110",
}  # fmt: skip


def simulator(
    config: ClusterConfig, plane: ControlPlane, informers: Informers, clock: Clock, networks: dict[str, str]
) -> Simulator:
    """The simulator of the nodes named in `networks`, with their pods' networks. Raises ClusterError."""
    stages = read_file(config.simulator_stages) if config.simulator_stages is not None else ()
    api = Api(plane.transport("system:node:simulator", "system:masters"))
    version = f"v{config.kubernetes_version}.0"
    specs = [NodeSpec(name, config.node_ip or "127.0.0.1", cidr, version, AMOUNTS) for name, cidr in networks.items()]
    return Simulator(api, informers, clock, random.Random(), specs, stages)


def read_file(path: Path) -> tuple[Stage, ...]:
    """The stages of a file. Raises ClusterError."""
    import yaml

    from sampan.simulator.documents import documents_of
    from sampan.simulator.fields import StageError
    from sampan.simulator.reading import read_stages

    try:
        return read_stages(documents_of(path.read_text()))
    except OSError as error:
        raise ClusterError(f"--simulator-stages {path}: {error.strerror}") from error
    except (StageError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ClusterError(f"--simulator-stages {path}: {error}") from error
