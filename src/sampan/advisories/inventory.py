"""Which versions a live cluster runs: its control plane's, and each node's kubelet and kube-proxy."""

import json
from collections.abc import Sequence
from pathlib import Path

from sampan.advisories.affected import CORE
from sampan.advisories.match import Running
from sampan.advisories.osv import Advisory, read_osv
from sampan.advisories.versions import parse_version
from sampan.api.json import Obj
from sampan.client.api import Api
from sampan.resources.kinds import NODES

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""Controllers and scheduler are taken to be of the server's version: the API does not tell theirs."""


async def running(api: Api) -> list[Running]:
    """What runs. Raises StatusError, OSError, and ValueError for a version that is none."""
    server = parse_version((await api.call("GET", "/version")).get("gitVersion", ""))
    return [Running(name, server) for name in CONTROL_PLANE] + of_nodes((await api.list(NODES)).items)


def of_nodes(nodes: Sequence[Obj]) -> list[Running]:
    """The agents of nodes; what a node does not tell (kube-proxy, on many) is left out."""
    found: list[Running] = []
    for node in nodes:
        info = (node.get("status") or {}).get("nodeInfo") or {}
        for component, key in (("kubelet", "kubeletVersion"), ("kube-proxy", "kubeProxyVersion")):
            if info.get(key):
                found.append(Running(component, parse_version(info[key]), node["metadata"]["name"]))
    return found


def given(texts: Sequence[str]) -> list[Running]:
    """`1.27.2` for every core component, `kubelet=1.27.2` for one. Raises ValueError."""
    found: list[Running] = []
    for text in texts:
        name, mark, version = text.rpartition("=")
        if mark and not name:
            raise ValueError(f"{text!r}: expected VERSION or COMPONENT=VERSION")
        found += [Running(one, parse_version(version)) for one in ([name] if name else CORE)]
    return found


def read_records(path: Path) -> list[Advisory]:
    """OSV records of a file (one, or a list) or of a folder's *.json. Raises OSError and ValueError."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"{path}: no *.json in it")
    found: list[Advisory] = []
    for file in files:
        try:
            data = json.loads(file.read_bytes())
            found += [read_osv(one) for one in (data if isinstance(data, list) else [data])]
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"{file}: {error}") from error
    return found
