"""Requests per second over TLS, 32 connections, a static token, durable store; by wrk. `python -m bench.requests`."""

import json
import re
import shutil
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from bench.up import TOKEN, Up, up

Rows = list[tuple[str, str]]
LUA = Path(__file__).parent / "lua"
SECONDS = 5
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
KINDS = (
    ("GET one ConfigMap", "get"),
    ("LIST limit=500", "list"),
    ("create ConfigMap", "create"),
    ("merge patch of one ConfigMap", "patch"),
    ("create Pod", "create_pod"),
)


def create(server: str, name: str) -> None:
    """One ConfigMap, by a plain client."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    data = {f"key-{index}": "x" * 20 for index in range(8)}
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(server + CONFIGMAPS, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, context=context) as answer:
        assert answer.status == 201


def wrk(server: str, script: str) -> str:
    """Answers per second, or what went wrong."""
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}", "-s", str(LUA / f"{script}.lua"), server]
    load = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Requests/sec:\s+([\d.]+)", load.stdout)
    wrong = re.search(r"(Non-2xx.*|Socket errors.*)", load.stdout)
    if found is None or wrong is not None:
        return wrong[0] if wrong else "no figure"
    return f"{float(found[1]):,.0f}/s"


def measure(running: Up) -> Rows:
    """All rows; 500 ConfigMaps are there before the first."""
    create(running.server, "bench")
    for number in range(499):
        create(running.server, f"before-{number}")
    rows = [(f"{words}, TLS, 32 connections", wrk(running.server, script)) for words, script in KINDS]
    return [*rows, ("resident memory after all that", f"{running.memory():.0f} MiB")]


def run() -> Rows:
    """All rows: what, figure."""
    if shutil.which("wrk") is None:
        return [("requests per second", "needs wrk (Debian: apt-get install wrk)")]
    with up("--nodes", "0") as running:
        return measure(running)


if __name__ == "__main__":
    sys.stdout.writelines(f"{what:60} {figure:>12}\n" for what, figure in run())
