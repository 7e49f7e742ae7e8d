"""Ports of a pod's containers that meet (upstream: pkg/api/pod/warnings.go)."""

from sampan.api.json import Obj
from sampan.resources.strategies.checks import quoted
from sampan.resources.validation.pods.options import visit


def warn_ports(spec: Obj, at: str) -> list[str]:
    """Of ports that stand twice, or whose names do; `at` is where the spec stands."""
    ports = [
        (port, f"{place}.ports[{index}]")
        for container, place in visit(spec, at)
        for index, port in enumerate(container.get("ports") or ())
    ]
    if not ports:
        return []
    warnings: list[str] = []
    taken: dict[tuple[int, str], list[tuple[Obj, str]]] = {}
    for port, here in ports:
        if port.get("hostIP") and not port.get("hostPort"):
            warnings.append(f"{here}: hostIP set without hostPort: {_shown(port)}")
        others = taken.setdefault((port.get("containerPort") or 0, port.get("protocol") or ""), [])
        for other, place in others:
            meeting = _meeting(port, other)
            if meeting:
                warnings.append(f"{here}: {meeting} port definition with {place}")
        others.append((port, here))
    return warnings + _names(ports)


def _meeting(port: Obj, other: Obj) -> str:
    ip, other_ip = port.get("hostIP") or "", other.get("hostIP") or ""
    host, other_host = port.get("hostPort") or 0, other.get("hostPort") or 0
    if (ip, host) == (other_ip, other_host):
        return "duplicate"
    if not host or not other_host:
        return "overlapping"
    return "dangerously ambiguous" if host == other_host and bool(ip) != bool(other_ip) else ""


def _names(ports: list[tuple[Obj, str]]) -> list[str]:
    warnings: list[str] = []
    seen: dict[str, str] = {}
    for port, here in ports:
        name = port.get("name")
        if not name:
            continue
        first = seen.setdefault(name, here)
        if first != here:
            why = f"duplicate port name {quoted(name)} with {first}"
            warnings.append(f"{here}: {why}, services and probes that select ports by name will use {first}")
    return warnings


def _shown(port: Obj) -> str:
    """As Go prints the struct."""
    return (
        f"{{Name:{port.get('name') or ''} HostPort:{port.get('hostPort') or 0} "
        f"ContainerPort:{port.get('containerPort') or 0} Protocol:{port.get('protocol') or ''} "
        f"HostIP:{port.get('hostIP') or ''}}}"
    )
