"""Printers of the groups networking.k8s.io, discovery.k8s.io, coordination.k8s.io, node.k8s.io, scheduling.k8s.io."""

from sampan.api.json import Obj
from sampan.resources.printers.base import (
    AGE,
    NAME,
    NONE,
    Cells,
    Printer,
    age,
    col,
    first_few,
    meta,
    name,
    part,
    selector_text,
    text,
)


def _ingress_class(obj: Obj, now: str) -> Cells:
    default = (meta(obj).get("annotations") or {}).get("ingressclass.kubernetes.io/is-default-class") == "true"
    wanted = part(obj, "spec", "parameters")
    shown = NONE
    if wanted is not None:
        group = f".{wanted['apiGroup']}" if wanted.get("apiGroup") is not None else ""
        shown = f"{wanted.get('kind')}{group}/{wanted.get('name')}"
    label = f"{name(obj)} (default)" if default else name(obj)
    return [label, text(part(obj, "spec", "controller")), shown, age(obj, now)]


def _ingress(obj: Obj, now: str) -> Cells:
    spec = obj.get("spec") or {}
    rules = spec.get("rules") or ()
    hosts = [str(rule["host"]) for rule in rules[:3] if rule.get("host")]
    shown = ",".join(hosts) or "*"
    if len(rules) > 3 and hosts:
        shown += f" + {len(rules) - 3} more..."
    ingress = part(obj, "status", "loadBalancer", "ingress") or ()
    given = sorted({str(one.get("ip") or one.get("hostname") or "") for one in ingress} - {""})
    return [
        name(obj),
        text(spec.get("ingressClassName"), NONE),
        shown,
        ",".join(given),
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


def _ip_address(obj: Obj, now: str) -> Cells:
    parent = part(obj, "spec", "parentRef")
    shown = NONE
    if parent is not None:
        group = f".{parent['group']}" if parent.get("group") else ""
        namespace = f"/{parent['namespace']}" if parent.get("namespace") else ""
        shown = f"{parent.get('resource', '')}{group}".lower() + f"{namespace}/{parent.get('name', '')}"
    return [name(obj), shown, age(obj, now)]


def _network_policy(obj: Obj, now: str) -> Cells:
    return [name(obj), selector_text(part(obj, "spec", "podSelector")) or NONE, age(obj, now)]


def _service_cidr(obj: Obj, now: str) -> Cells:
    return [name(obj), ",".join(part(obj, "spec", "cidrs") or ()), age(obj, now)]


def _endpoint_slice(obj: Obj, now: str) -> Cells:
    ports = [text(port.get("port"), text(port.get("name"), "*")) for port in obj.get("ports") or ()]
    addresses = [str(one) for endpoint in obj.get("endpoints") or () for one in endpoint.get("addresses") or ()]
    return [name(obj), obj.get("addressType", ""), first_few(ports), first_few(addresses), age(obj, now)]


def _lease(obj: Obj, now: str) -> Cells:
    return [name(obj), text(part(obj, "spec", "holderIdentity")), age(obj, now)]


def _runtime_class(obj: Obj, now: str) -> Cells:
    return [name(obj), obj.get("handler", ""), age(obj, now)]


def _priority_class(obj: Obj, now: str) -> Cells:
    policy = obj.get("preemptionPolicy", "")
    return [name(obj), obj.get("value", 0), bool(obj.get("globalDefault")), age(obj, now), policy]


PRINTERS: dict[tuple[str, str], Printer] = {
    ("networking.k8s.io", "IngressClass"): (
        (
            NAME,
            col("Controller", "Controller that is responsible for handling this class"),
            col("Parameters", "A reference to a resource with additional parameters"),
            AGE,
        ),
        _ingress_class,
    ),
    ("networking.k8s.io", "Ingress"): (
        (
            NAME,
            col("Class", "The name of the IngressClass resource that should be used for additional configuration"),
            col("Hosts", "Hosts that incoming requests are matched against before the ingress rule"),
            col("Address", "Address is a list containing ingress points for the load-balancer"),
            col("Ports", "Ports of TLS configurations that open"),
            AGE,
        ),
        _ingress,
    ),
    ("networking.k8s.io", "IPAddress"): (
        (NAME, col("ParentRef", "=networking.v1.IPAddressSpec.parentRef")),
        _ip_address,
    ),
    ("networking.k8s.io", "NetworkPolicy"): (
        (NAME, col("Pod-Selector", "=networking.v1.NetworkPolicySpec.podSelector"), AGE),
        _network_policy,
    ),
    ("networking.k8s.io", "ServiceCIDR"): (
        (NAME, col("CIDRs", "=networking.v1.ServiceCIDRSpec.cidrs"), AGE),
        _service_cidr,
    ),
    ("discovery.k8s.io", "EndpointSlice"): (
        (
            NAME,
            col("AddressType", "=discovery.v1.EndpointSlice.addressType"),
            col("Ports", "=discovery.v1.EndpointSlice.ports"),
            col("Endpoints", "=discovery.v1.EndpointSlice.endpoints"),
            AGE,
        ),
        _endpoint_slice,
    ),
    ("coordination.k8s.io", "Lease"): (
        (NAME, col("Holder", "=coordination.v1.LeaseSpec.holderIdentity"), AGE),
        _lease,
    ),
    ("node.k8s.io", "RuntimeClass"): ((NAME, col("Handler", ""), AGE), _runtime_class),
    ("scheduling.k8s.io", "PriorityClass"): (
        (
            NAME,
            col("Value", "=scheduling.v1.PriorityClass.value", "integer"),
            col("Global-Default", "=scheduling.v1.PriorityClass.globalDefault", "boolean"),
            AGE,
            col("PreemptionPolicy", "=scheduling.v1.PriorityClass.preemptionPolicy"),
        ),
        _priority_class,
    ),
}
