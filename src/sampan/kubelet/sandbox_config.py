"""The CRI sandbox of a pod: names, host name, DNS, ports, security."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sampan.api.json import Obj
from sampan.kubelet.podspec import containers, every_container, is_sidecar, spec, uses_host_network
from sampan.kubelet.runtime import PortMapping, SandboxConfig, Security

POD_LABELS = {field: f"io.kubernetes.pod.{field}" for field in ("name", "namespace", "uid")}
LONGEST_HOST_NAME = 63
LONGEST_KERNEL_NAME = 64
MOST_SERVERS, MOST_SEARCHES, LONGEST_SEARCH, LONGEST_LINE = 3, 32, 253, 2048
"""What a resolv.conf may have."""
RUNTIME_DEFAULT = "runtime/default"


@dataclass(frozen=True, slots=True)
class Dns:
    """How the pods of this node resolve names: the cluster's server (if there is one), and the node's own settings."""

    cluster: tuple[str, ...] = ()
    domain: str = "cluster.local"
    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def log_directory(pod: Obj, log_root: str) -> str:
    """Where the logs of a pod's containers are: ROOT/NAMESPACE_NAME_UID."""
    meta = pod["metadata"]
    return f"{log_root}/{meta['namespace']}_{meta['name']}_{meta['uid']}"


def host_name(pod: Obj) -> str:
    """spec.hostname, or the pod's name cut to what a host name may be; empty for a pod on the host's network."""
    if uses_host_network(pod):
        return ""
    name: str = spec(pod).get("hostnameOverride") or spec(pod).get("hostname") or pod["metadata"]["name"]
    return name[:LONGEST_HOST_NAME].rstrip("-.")


def host_domain(pod: Obj, domain: str) -> str:
    """Where the pod's host name is: SUBDOMAIN.NAMESPACE.svc.DOMAIN; empty when it has no subdomain."""
    below = spec(pod).get("subdomain")
    if not below or spec(pod).get("hostnameOverride"):
        return ""
    return f"{below}.{pod['metadata']['namespace']}.svc.{domain}"


def kernel_name(pod: Obj, domain: str) -> str:
    """What `hostname` says in the pod: its host name, by setHostnameAsFQDN with the domain. Raises ValueError."""
    name, below = host_name(pod), host_domain(pod, domain)
    if not (spec(pod).get("setHostnameAsFQDN") and below and name):
        return name
    full = f"{name}.{below}"
    if len(full) > LONGEST_KERNEL_NAME:
        raise ValueError(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"({LONGEST_KERNEL_NAME} characters is the max, {len(full)} characters requested)"
        )
    return full


def pod_labels(pod: Obj) -> dict[str, str]:
    """The labels by which a sandbox says whose it is."""
    return {label: str(pod["metadata"][field]) for field, label in POD_LABELS.items()}


def sandbox_config(pod: Obj, attempt: int, log_root: str, dns: Dns, cgroup_parent: str = "") -> SandboxConfig:
    """What RunPodSandbox is given for a pod."""
    meta = pod["metadata"]
    servers, searches, options = resolver(pod, dns)
    security: Mapping[str, Any] = spec(pod).get("securityContext") or {}
    return SandboxConfig(
        pod_uid=meta["uid"],
        pod_name=meta["name"],
        pod_namespace=meta["namespace"],
        attempt=attempt,
        hostname=kernel_name(pod, dns.domain),
        log_directory=log_directory(pod, log_root),
        dns_servers=servers,
        dns_searches=searches,
        dns_options=options,
        ports=() if uses_host_network(pod) else _ports(pod),
        labels={**(meta.get("labels") or {}), **pod_labels(pod)},
        annotations=dict(meta.get("annotations") or {}),
        cgroup_parent=cgroup_parent,
        sysctls={dotted(entry["name"]): entry["value"] for entry in security.get("sysctls") or ()},
        security=Security(
            run_as_user=security.get("runAsUser"),
            run_as_group=security.get("runAsGroup"),
            supplemental_groups=supplemental_groups(pod),
            privileged=any((c.get("securityContext") or {}).get("privileged") for c in every_container(pod)),
            host_network=uses_host_network(pod),
            host_pid=bool(spec(pod).get("hostPID")),
            host_ipc=bool(spec(pod).get("hostIPC")),
            share_pid=bool(spec(pod).get("shareProcessNamespace")),
            seccomp=RUNTIME_DEFAULT,
            selinux=selinux_of(security.get("seLinuxOptions")),
            strict_groups=security.get("supplementalGroupsPolicy") == "Strict",
        ),
    )


def selinux_of(options: Mapping[str, Any] | None) -> tuple[str, str, str, str] | None:
    """User, role, type and level; None without options."""
    if not options:
        return None
    return options.get("user") or "", options.get("role") or "", options.get("type") or "", options.get("level") or ""


def dotted(name: str) -> str:
    """A sysctl with dots between its parts; `net/ipv4/conf/eno2.100/x` is the other way to write it (sysctl.d(5))."""
    first = next((c for c in name if c in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))


def supplemental_groups(pod: Obj) -> tuple[int, ...]:
    """fsGroup and supplementalGroups."""
    security: Mapping[str, Any] = spec(pod).get("securityContext") or {}
    own = (security["fsGroup"],) if security.get("fsGroup") is not None else ()
    return (*own, *(security.get("supplementalGroups") or ()))


def _ports(pod: Obj) -> tuple[PortMapping, ...]:
    with_ports = [*containers(pod), *(c for c in spec(pod).get("initContainers") or () if is_sidecar(c))]
    return tuple(
        PortMapping(port.get("protocol") or "TCP", port["containerPort"], port["hostPort"], port.get("hostIP") or "")
        for container in with_ports
        for port in container.get("ports") or ()
        if port.get("hostPort")
    )


def resolver(pod: Obj, dns: Dns) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Name servers, search domains and options by dnsPolicy and dnsConfig.

    ClusterFirst without a cluster DNS is Default, as upstream falls back (event MissingClusterDNS).
    """
    policy = spec(pod).get("dnsPolicy") or "ClusterFirst"
    by_cluster = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not uses_host_network(pod))
    servers, searches, options = dns.servers, dns.searches, dns.options
    if policy == "None":
        servers = searches = options = ()
    elif by_cluster and dns.cluster:
        namespace = pod["metadata"]["namespace"]
        own = (f"{namespace}.svc.{dns.domain}", f"svc.{dns.domain}", dns.domain)
        servers, searches, options = dns.cluster, (*own, *dns.searches), ("ndots:5",)
    config: Mapping[str, Any] = spec(pod).get("dnsConfig") or {}
    added = tuple(f"{o['name']}:{o['value']}" if o.get("value") else o["name"] for o in config.get("options") or ())
    names = {o.partition(":")[0] for o in added}
    return (
        tuple(dict.fromkeys((*servers, *(config.get("nameservers") or ()))))[:MOST_SERVERS],
        _that_fit(dict.fromkeys((*searches, *(config.get("searches") or ())))),
        (*(o for o in options if o.partition(":")[0] not in names), *added),
    )


def _that_fit(searches: Iterable[str]) -> tuple[str, ...]:
    """As many search domains as resolvers take."""
    kept = [search for search in list(searches)[:MOST_SEARCHES] if len(search) <= LONGEST_SEARCH]
    while len(" ".join(kept)) > LONGEST_LINE:
        kept.pop()
    return tuple(kept)
