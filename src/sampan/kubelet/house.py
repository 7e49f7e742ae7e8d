"""Keeps a node usable: evicts, removes unused images, ends pods before the machine is switched off. Wiring only."""

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from sampan.aio.clock import Clock
from sampan.api.json import Obj
from sampan.kubelet.admission.apparmor import without_apparmor
from sampan.kubelet.admission.judge import Judge, Refusal
from sampan.kubelet.evictor import Evictor, Links
from sampan.kubelet.house_metrics import HouseMetrics
from sampan.kubelet.image_choice import Policy
from sampan.kubelet.image_gc import ImageCollector
from sampan.kubelet.node import NodeKeeper
from sampan.kubelet.runner import PodRunner
from sampan.kubelet.settings import KubeletConfig
from sampan.kubelet.shutdown import Shutdown
from sampan.kubelet.stats import Stats
from sampan.kubelet.summary import summary
from sampan.kubelet.workers import Workers


class House:
    """`evictor` and `shutdown` also say which pods may not come."""

    def __init__(
        self, config: KubeletConfig, runner: PodRunner, workers: Workers, node: NodeKeeper, stats: Stats,
        counts: HouseMetrics, clock: Clock,
    ) -> None:  # fmt: skip
        self._config, self._stats = config, stats
        tell = partial(node.event, "Warning")
        policy = config.images or Policy()
        self.images = ImageCollector(policy, runner.runtime, stats.image_space, workers.active, tell, clock)
        self.images.removed = counts.removed
        links = Links(
            self._look, workers.active, workers.evict, workers.ended, partial(tell, "EvictionThresholdMet"),
            lambda pod, text: runner.event(pod, "Warning", "Evicted", text), workers.clean_up,
            self.images.remove_unused, counts,
        )  # fmt: skip
        self.evictor = Evictor(config.eviction, links, clock)
        node.pressures = lambda: self.evictor.conditions
        shut = partial(node.event, "Normal", "NodeShutdown")
        self.shutdown = Shutdown(config.shutdown, workers.active, workers.evict, workers.ended, shut, clock)

    async def _look(self) -> Obj:
        return summary(await self._stats.look(brief=False))

    def work(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """What runs as long as the agent, by name."""
        yield "eviction", self.evictor.run()
        policy = self._config.images
        if policy is not None and (policy.high < 100 or policy.oldest):
            yield "image collection", self.images.run()


def judge(config: KubeletConfig, house: Callable[[], House]) -> Judge:
    """The rules by which pods are let in; the house is made later, and asked when it is time."""

    def pressed(pod: Obj) -> Refusal | None:
        return house().evictor.refuse(pod)

    def shut(pod: Obj) -> Refusal | None:
        return house().shutdown.refuse(pod)

    system = str(config.facts.machine.info.get("operatingSystem") or "linux")
    after = (shut,) if config.apparmor else (without_apparmor, shut)
    return Judge(config.sysctls, system, (pressed,), after)
