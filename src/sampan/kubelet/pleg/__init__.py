"""Pod lifecycle events: how the node agent learns that containers changed. `make_pleg` is the only choice of which."""

from sampan.aio.clock import Clock
from sampan.kubelet.pleg.base import Pleg, PlegConfig
from sampan.kubelet.pleg.cache import PodCache
from sampan.kubelet.pleg.generic import GenericPleg
from sampan.kubelet.pleg.hybrid import HybridPleg
from sampan.kubelet.pleg.metrics import PlegMetrics
from sampan.kubelet.runtime import Runtime
from sampan.obs.metrics import Metrics


def make_pleg(
    config: PlegConfig, runtime: Runtime, cache: PodCache, clock: Clock, registry: Metrics | None = None
) -> Pleg:
    """Events where the runtime has them, or relists only; its metrics go into `registry`."""
    metrics = PlegMetrics(cache, registry)
    if config.evented:
        return HybridPleg(runtime, cache, clock, config, metrics)
    return GenericPleg(runtime, cache, clock, config, metrics)
