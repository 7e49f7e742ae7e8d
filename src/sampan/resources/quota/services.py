"""What Services count for in quotas (upstream: quota/v1/evaluator/core/services.go)."""

from collections.abc import Collection, Sequence

from sampan.api.json import Obj
from sampan.resources.quota.amounts import Amounts
from sampan.resources.quota.evaluator import Change, World

COUNT = "count/services"
NAMED = (COUNT, "services", "services.nodeports", "services.loadbalancers")


class Services:
    """Counts Services, node ports and load balancers."""

    def handles(self, change: Change) -> bool:
        return not change.subresource

    def matching(self, names: Collection[str], world: World) -> list[str]:
        return [name for name in NAMED if name in names]

    def in_scope(self, requirement: Obj, obj: Obj) -> bool:
        return False

    def lacking(self, required: Sequence[str], obj: Obj) -> str:
        return ""

    def usage(self, obj: Obj, world: World) -> Amounts:
        spec = obj.get("spec") or {}
        ports = spec.get("ports") or ()
        kind = service_type(obj)
        node_ports = len(ports) if kind else 0
        if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            node_ports = sum(bool(port.get("nodePort")) for port in ports)
        balancers = "1" if kind == "LoadBalancer" else "0"
        return {
            COUNT: "1", "services": "1", "services.loadbalancers": balancers, "services.nodeports": str(node_ports),
        }  # fmt: skip


def service_type(service: Obj) -> str:
    """NodePort, LoadBalancer, or empty for those that cost neither."""
    kind = (service.get("spec") or {}).get("type") or ""
    return kind if kind in ("NodePort", "LoadBalancer") else ""
