"""Which kernel parameters pods may set: the safe ones, and those that the node's owner allows. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.kubelet.podspec import spec
from sampan.kubelet.sandbox_config import dotted

SAFE = (
    ("kernel.shm_rmid_forced", (0, 0)), ("net.ipv4.ip_local_port_range", (0, 0)), ("net.ipv4.tcp_syncookies", (0, 0)),
    ("net.ipv4.ping_group_range", (0, 0)), ("net.ipv4.ip_unprivileged_port_start", (0, 0)),
    ("net.ipv4.ip_local_reserved_ports", (3, 16)), ("net.ipv4.tcp_keepalive_time", (4, 5)),
    ("net.ipv4.tcp_fin_timeout", (4, 6)), ("net.ipv4.tcp_keepalive_intvl", (4, 5)),
    ("net.ipv4.tcp_keepalive_probes", (4, 5)), ("net.ipv4.tcp_rmem", (4, 15)), ("net.ipv4.tcp_wmem", (4, 15)),
)  # fmt: skip
"""Parameters of the pod alone, and the kernel since which they are."""
OF_IPC = frozenset(
    f"kernel.{name}" for name in ("sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced", "shm", "msgmax", "msgmnb",
                                  "msgmni", "msg")
)  # fmt: skip
PART = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
PATTERN = re.compile(rf"({PART}[\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]")
"""A name, or the beginning of names with a star."""
LONGEST = 253


@dataclass(frozen=True, slots=True)
class Allowed:
    """Names, and beginnings of names, with their namespaces (IPC, Net)."""

    names: dict[str, str]
    beginnings: dict[str, str]


def namespace(name: str) -> str:
    """IPC, Net, or nothing when the kernel has the parameter once for all."""
    if name in OF_IPC or name.startswith("fs.mqueue."):
        return "IPC"
    return "Net" if name.startswith("net.") else ""


def allowed(unsafe: Iterable[str], kernel: str = "") -> Allowed:
    """What pods may set on a kernel (6.1.0-13-amd64; none: a new one). Raises ValueError for what cannot be allowed."""
    numbers = re.match(r"(\d+)\.(\d+)", kernel)
    version = (int(numbers[1]), int(numbers[2])) if numbers else None
    names = [name for name, since in SAFE if version is None or version >= since]
    made = Allowed({}, {})
    for pattern in [*names, *unsafe]:
        if len(pattern) > LONGEST or not PATTERN.fullmatch(pattern):
            raise ValueError(
                f'sysctl "{pattern}" must have at most {LONGEST} characters and match regex {PATTERN.pattern}'
            )
        beginning, star, _ = dotted(pattern).partition("*")
        if not (space := namespace(beginning)):
            raise ValueError(f'the sysctls "{beginning}" are not known to be namespaced')
        (made.beginnings if star else made.names)[beginning] = space
    return made


def forbidden(pod: Obj, may: Allowed) -> str:
    """Why a pod's parameters are not for it to set; nothing when they are."""
    shared = {"IPC": bool(spec(pod).get("hostIPC")), "Net": bool(spec(pod).get("hostNetwork"))}
    for entry in (spec(pod).get("securityContext") or {}).get("sysctls") or ():
        name = dotted(entry["name"])
        space = may.names.get(name) or next((s for start, s in may.beginnings.items() if name.startswith(start)), "")
        if not space:
            return f'forbidden sysctl: "{name}" not allowlisted'
        if shared[space]:
            return f'forbidden sysctl: "{name}" not allowed with host {space} enabled'
    return ""
