"""What an API server makes by itself at start: the namespaces of the system and the `kubernetes` Service."""

import ipaddress

from sampan.api.errors import StatusError
from sampan.api.json import Obj
from sampan.apiserver import write
from sampan.apiserver.call import Call, Kit
from sampan.apiserver.context import RequestInfo, UserInfo
from sampan.apiserver.options import PLAIN_WRITE
from sampan.net.http import Request

SYSTEM = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def ensure(kit: Kit, group: str, version: str, plural: str, obj: Obj) -> None:
    """Create an object unless it is there."""
    resource = kit.live.get(group, version, plural)
    if resource is None:
        return
    meta = obj["metadata"]
    namespace = meta.get("namespace", "")
    path = resource.mapping.path(namespace)
    request = Request("POST", path, headers={"user-agent": "kube-apiserver"}, context={"user": SYSTEM})
    info = RequestInfo(True, "create", path, group, version, namespace, plural, "", "")
    entry = kit.registry.entry(resource)
    if await kit.store.get(entry.key(namespace, meta["name"])) is not None:
        return
    gvk = resource.gvk
    call = Call(kit, request, info, resource, entry, trusted=True)
    try:
        await write.create(call, {"kind": gvk.kind, "apiVersion": gvk.api_version, **obj}, PLAIN_WRITE)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise


async def ensure_namespaces(kit: Kit) -> None:
    """The four namespaces that every cluster has."""
    for name in NAMESPACES:
        await ensure(kit, "", "v1", "namespaces", {"metadata": {"name": name}})


async def ensure_kubernetes_service(kit: Kit, cidr: str, address: str, port: int) -> None:
    """The `kubernetes` Service with the first address of the range, and its endpoints: where this server listens."""
    first = str(ipaddress.ip_network(cidr).network_address + 1)
    labels = {"component": "apiserver", "provider": "kubernetes"}
    ports = [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}]
    service = {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {
            "clusterIP": first,
            "clusterIPs": [first],
            "type": "ClusterIP",
            "ports": ports,
            "sessionAffinity": "None",
        },
    }
    if "servicecidrs" in {r.mapping.plural for r in kit.live.all()}:
        await ensure(
            kit, "networking.k8s.io", "v1", "servicecidrs",
            {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": [cidr]}},
        )  # fmt: skip
    await ensure(kit, "", "v1", "services", service)
    mirrored = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    listen = [{"name": "https", "port": port, "protocol": "TCP"}]
    endpoints = {
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": mirrored},
        "subsets": [{"addresses": [{"ip": address}], "ports": listen}],
    }
    await ensure(kit, "", "v1", "endpoints", endpoints)
    endpoint_slice = {
        "metadata": {
            "name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4" if ipaddress.ip_address(address).version == 4 else "IPv6",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": listen,
    }  # fmt: skip
    await ensure(kit, "discovery.k8s.io", "v1", "endpointslices", endpoint_slice)
