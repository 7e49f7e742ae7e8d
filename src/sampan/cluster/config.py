"""What a cluster is made of, as one frozen record, and the errors of a cluster that cannot be made."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from sampan.cluster.access_options import AuthenticationOptions, AuthorizationOptions
from sampan.cluster.audit_options import AuditOptions

OLDEST, NEWEST = (1, 25), (1, 37)
DEFAULT_VERSION = "1.37"
DEFAULT_PORT = 6443


class ClusterError(Exception):
    """The cluster cannot be started, found or ended; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Settings of one cluster; each is an option of `sampan up` of the same name (`--data-dir`, `--port`, ...).

    The options of access and of audit are records of their own.
    """

    data_dir: Path | None = None
    """Where everything is kept; None: a temporary directory that goes with the cluster."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    kubeconfig: Path | None = None
    """None: DIR/kubeconfig."""
    nodes: int = 1
    runtime: str = "auto"
    """auto, simulated, or unix://SOCKET."""
    simulator_stages: Path | None = None
    """Stage objects that simulated nodes and their pods pass through; with it no simulated node has an agent."""
    node_ip: str = ""
    """The address of the nodes, where their agents listen; empty: 127.0.0.1 for simulated ones, else the machine's."""
    store: str = ""
    """memory:, sqlite:PATH; empty: sqlite in the data-dir, or memory for a temporary cluster."""
    kubernetes_version: str = DEFAULT_VERSION
    """1.25 ... 1.37"""
    token_auth_file: Path | None = None
    enable_bootstrap_token_auth: bool = True
    """Whether Secrets of type bootstrap.kubernetes.io/token in kube-system are credentials."""
    kubelet_certificate_authority: str | None = None
    """A file with the CA of nodes' serving certificates; None: the cluster's own; empty: they are not verified."""
    authentication: AuthenticationOptions = field(default_factory=AuthenticationOptions)
    authorization: AuthorizationOptions = field(default_factory=AuthorizationOptions)
    default_storage_class: bool = True
    controllers: str = "*"
    """As kube-controller-manager's --controllers: `*`, `name`, `-name`, separated by commas."""
    scheduler_config: Path | None = None
    """A KubeSchedulerConfiguration: profiles, plugins and their arguments, extenders; None: upstream's defaults."""
    pod_security_config: Path | None = None
    """A PodSecurityConfiguration: defaults and exemptions of Pod Security admission."""
    audit: AuditOptions = field(default_factory=AuditOptions)
    service_cidr: str = "10.96.0.0/16"
    cve_feed: str = ""
    """Source of a CVE feed that is kept fresh and served: github, an address, a file; empty: none."""
    cve_feed_port: int = 0
    """Where it is served on `host`, over HTTP; 0: a free port."""


def default_data_dir() -> Path:
    """~/.local/share/sampan, or under XDG_DATA_HOME."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "sampan"


def parse_version(text: str) -> str:
    """`1.36`, `v1.36` or `1.36.2` as `1.36`; raises ClusterError outside 1.25 ... 1.37."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.\d+)?", text.strip())
    if not match or not OLDEST <= (int(match[1]), int(match[2])) <= NEWEST:
        raise ClusterError(f"Kubernetes version {text!r}: expected one of 1.{OLDEST[1]} to 1.{NEWEST[1]}")
    return f"{match[1]}.{match[2]}"


def enabled(controllers: str, names: tuple[str, ...]) -> frozenset[str]:
    """Which of these controllers `--controllers` asks for; raises ClusterError for names that do not exist.

    As upstream: the first of `name` and `-name` decides, `*` stands for all that are not named.
    """
    wanted = [part.strip() for part in controllers.split(",") if part.strip()]
    unknown = sorted({w.removeprefix("-") for w in wanted if w != "*"} - set(names))
    if unknown:
        raise ClusterError(f"--controllers: no controller is called {', '.join(unknown)}; there are {', '.join(names)}")
    rest = "*" in wanted
    return frozenset(n for n in names if n in wanted or (rest and f"-{n}" not in wanted))
