"""Which labels a node agent may not give its own node (kubelet/pkg/apis/well_known_labels). Pure."""

from collections.abc import Iterable, Mapping

KUBELET_LABELS = frozenset((
    "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type", "kubernetes.io/os", "kubernetes.io/arch",
    "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
))  # fmt: skip
KUBELET_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
RESTRICTED = "node-restriction.kubernetes.io"


def _within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")


def forbidden_labels(keys: Iterable[str]) -> list[str]:
    """Those of the keys that a node agent may not set, sorted."""
    return sorted(key for key in keys if _forbidden(key))


def _forbidden(key: str) -> bool:
    domain, slash, _ = key.partition("/")
    if not slash:
        return False
    if _within(domain, RESTRICTED):
        return True
    ours = _within(domain, "kubernetes.io") or _within(domain, "k8s.io")
    return ours and key not in KUBELET_LABELS and not any(_within(domain, parent) for parent in KUBELET_DOMAINS)


def modified(new: Mapping[str, str], old: Mapping[str, str]) -> set[str]:
    """The keys that were added, removed or given another value."""
    return {key for key in new.keys() | old.keys() if new.get(key) != old.get(key)}
