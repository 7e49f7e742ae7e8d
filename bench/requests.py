"""Requests per second over TLS, 32 connections, a static token, durable store; by wrk. `python -m bench.requests`.

With BENCH_PEER=https://HOST:PORT and BENCH_PEER_TOKEN (an administrator of it), the same load is put on that server,
row by row in turn with ours, and each figure is followed by the ratio. Pods name a scheduler that does not exist, so
that the API server is what is measured; in the last row ours attends to each pod (there is no node for it).
"""

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from bench.up import TOKEN, Up, up

Rows = list[tuple[str, str]]
LUA = Path(__file__).parent / "lua"
SECONDS = 5
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
ACCOUNT = "/api/v1/namespaces/default/serviceaccounts"
NOBODY = "nobody"


class Target(NamedTuple):
    """A server under load."""

    server: str
    token: str


class Load(NamedTuple):
    """One row: its words, its script, and the scheduler that pods name."""

    words: str
    script: str
    scheduler: str = NOBODY


LOADS = (
    Load("GET one ConfigMap", "get"),
    Load("LIST limit=500", "list"),
    Load("create ConfigMap", "create"),
    Load("merge patch of one ConfigMap", "patch"),
    Load("create Pod", "create_pod"),
)
SCHEDULED = Load("create Pod, our scheduler looks at it", "create_pod", "default-scheduler")


def post(target: Target, path: str, body: dict[str, Any]) -> None:
    """Make an object, by a plain client; one that is there already is fine."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(target.server + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            assert answer.status == 201
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise


def prepare(target: Target) -> None:
    """500 ConfigMaps and the default account are there before the first row."""
    data = {f"key-{index}": "x" * 20 for index in range(8)}
    for name in ("bench", *(f"before-{number}" for number in range(499))):
        post(target, CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
    post(target, ACCOUNT, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})


def wrk(target: Target, load: Load) -> float | str:
    """Answers per second, or what went wrong."""
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}", "-s", str(LUA / f"{load.script}.lua"), target.server]
    env = {**os.environ, "BENCH_TOKEN": target.token, "BENCH_SCHEDULER": load.scheduler}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    wrong = re.search(r"(Non-2xx.*|Socket errors.*)", done.stdout)
    if found is None or wrong is not None:
        return wrong[0] if wrong else "no figure"
    return float(found[1])


def figure(ours: float | str, theirs: float | str | None) -> str:
    """A row's figure, with the ratio if there is a peer."""
    if isinstance(ours, str):
        return ours
    if not isinstance(theirs, float):
        return f"{ours:,.0f}/s" if theirs is None else f"{ours:,.0f}/s; peer: {theirs}"
    return f"{ours:,.0f}/s = {ours / theirs:.1f} x {theirs:,.0f}/s"


def peer() -> Target | None:
    """The server to compare with, if the environment names one."""
    server = os.environ.get("BENCH_PEER")
    return Target(server, os.environ.get("BENCH_PEER_TOKEN", "")) if server else None


def measure(running: Up) -> Rows:
    """All rows."""
    ours, other = Target(running.server, TOKEN), peer()
    for target in (ours, other):
        if target is not None:
            prepare(target)
    rows = []
    for load in LOADS:
        theirs = wrk(other, load) if other is not None else None
        rows.append((f"{load.words}, TLS, 32 connections", figure(wrk(ours, load), theirs)))
    rows.append((SCHEDULED.words, figure(wrk(ours, SCHEDULED), None)))
    return [*rows, ("resident memory after all that", f"{running.memory():.0f} MiB")]


def run() -> Rows:
    """All rows: what, figure."""
    if shutil.which("wrk") is None:
        return [("requests per second", "needs wrk (Debian: apt-get install wrk)")]
    with up("--nodes", "0") as running:
        return measure(running)


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
