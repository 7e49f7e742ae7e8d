"""A pod's /etc/hosts."""

from collections.abc import Sequence
from pathlib import Path

from sampan.api.json import Obj
from sampan.kubelet.podspec import spec, uses_host_network
from sampan.kubelet.sandbox_config import host_domain, host_name

MANAGED = """# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
OF_HOST = "# Kubernetes-managed hosts file (host network).\n"
ALIASES = "\n# Entries added by HostAliases.\n"
DOMAIN = "cluster.local"
NODE_FILE = Path("/etc/hosts")


def hosts_file(pod: Obj, ips: Sequence[str], domain: str = DOMAIN, node_file: Path = NODE_FILE) -> str:
    """Its text: the pod's own names, or the node's file on the host's network; then hostAliases. Raises OSError."""
    if uses_host_network(pod):
        text = OF_HOST + node_file.read_text()
    else:
        name, below = host_name(pod), host_domain(pod, domain)
        names = f"{name}.{below}\t{name}" if below else name
        text = MANAGED + "".join(f"{ip}\t{names}\n" for ip in ips)
    aliases = spec(pod).get("hostAliases") or ()
    lines = [f"{alias['ip']}\t" + "\t".join(alias.get("hostnames") or ()) + "\n" for alias in aliases]
    return text + (ALIASES if lines else "") + "".join(lines)
