"""What a machine that joins does once it knows the cluster, before its agent starts."""

import asyncio

from sampan.api.errors import StatusError
from sampan.api.meta import condition
from sampan.api.names import ObjectRef
from sampan.client.api import Api
from sampan.client.http import HttpTransport
from sampan.client.kubeconfig import KubeconfigError, access_of
from sampan.cluster import kubeconfig
from sampan.cluster.config import ClusterError
from sampan.cluster.join_file import Document
from sampan.cluster.node_agent import CURRENT, NodeAgentConfig
from sampan.resources.kinds import NODES


async def leave_bootstrap(config: NodeAgentConfig, document: Document) -> None:
    """Write the kubeconfig that the first certificate is asked for with, unless the cluster has a living node of that
    name. Raises ClusterError."""
    assert config.bootstrap is not None
    await _refuse_namesake(config, document)
    await asyncio.to_thread(kubeconfig.write, config.bootstrap, document)
    old = config.certificates / CURRENT
    await asyncio.to_thread(old.unlink, missing_ok=True)  # of a cluster that this machine belonged to before


async def _refuse_namesake(config: NodeAgentConfig, document: Document) -> None:
    assert config.bootstrap is not None
    try:
        access = await asyncio.to_thread(access_of, document, config.bootstrap)
    except KubeconfigError as error:
        raise ClusterError(str(error)) from error
    transport = HttpTransport(access, agent="sampan-join")
    try:
        node = await Api(transport).get(ObjectRef(NODES, "", config.node))
    except StatusError as error:
        if error.code in (403, 404):
            return
        raise ClusterError(f'cannot get Node "{config.node}": {error}') from error
    except OSError as error:
        raise ClusterError(f'cannot get Node "{config.node}": {error}') from error
    finally:
        await transport.close()
    ready = (condition(node, "Ready") or {}).get("status", "")
    if ready == "True":
        raise ClusterError(
            f'a Node with name "{config.node}" and status "Ready" already exists in the cluster. You must delete the '
            "existing Node or change the name of this new joining Node"
        )
