"""A whole Kubernetes cluster in one Python process."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Cluster", "__version__"]

if TYPE_CHECKING:
    from sampan.cluster.cluster import Cluster


def __getattr__(name: str) -> Any:
    """Load the cluster only when it is asked for: the client and the CLI's help start without it."""
    if name == "Cluster":
        from sampan.cluster.cluster import Cluster

        return Cluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
