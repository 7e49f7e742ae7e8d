"""How many pods Pod Security evaluates in a second. `python -m bench.pod_security`."""

import sys
import time

from sampan.api.json import Obj
from sampan.api.pod_security.evaluate import evaluate
from sampan.api.pod_security.levels import LATEST, Level

Rows = list[tuple[str, str]]
SECONDS = 1.0
HARDENED: Obj = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 1000}
PROBE: Obj = {"httpGet": {"path": "/healthz", "port": 8080}}


def hardened(bad: bool) -> Obj:
    """The spec of a pod with an init container, two containers and four volumes; `bad`: with what is forbidden."""
    context = {**HARDENED, "privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}} if bad else HARDENED
    names = ("proxy", "app")
    containers = [
        {"name": n, "image": "i", "securityContext": context, "livenessProbe": PROBE, "ports": [{"containerPort": 80}]}
        for n in names
    ]
    return {
        "securityContext": {"runAsNonRoot": not bad, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [{"name": "init", "image": "i", "securityContext": context}],
        "containers": containers,
        "hostNetwork": bad,
        "volumes": [
            {"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "b"}}, {"name": "c", "secret": {}},
            {"name": "d", "hostPath": {"path": "/"}} if bad else {"name": "d", "projected": {}},
        ],
    }  # fmt: skip


def pods_per_second(level: Level, spec: Obj) -> float:
    """Evaluations of one pod in a second."""
    metadata: Obj = {"name": "p", "annotations": {"a": "b"}}
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < SECONDS:
        for _ in range(100):
            evaluate(level, LATEST, metadata, spec)
        count += 100
    return count / spent


def run() -> Rows:
    """All rows: what, figure."""
    cases: tuple[tuple[str, Level, bool], ...] = (
        ("restricted, a pod that passes", "restricted", False),
        ("restricted, a pod with 5 violations", "restricted", True),
        ("baseline, a pod that passes", "baseline", False),
    )
    return [
        (f"Pod Security: {what}, 3 containers", f"{pods_per_second(level, hardened(bad)):,.0f} pods/s")
        for what, level, bad in cases
    ]


if __name__ == "__main__":
    for what, figure in run():
        sys.stdout.write(f"{what}: {figure}\n")
