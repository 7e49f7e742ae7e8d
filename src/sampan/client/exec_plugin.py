"""Credentials from a command that a kubeconfig names (client.authentication.k8s.io ExecCredential)."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sampan.api.json import JSONDecodeError, dumps, loads

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
CLUSTER_FIELDS = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
EXTENSION = "client.authentication.k8s.io/exec"
TIMEOUT = 60.0


class PluginError(Exception):
    """The command gives no credentials; the text says why."""


class Credentials(NamedTuple):
    """What the command said."""

    token: str = ""
    certificate: bytes | None = None
    key: bytes | None = None


def run_plugin(config: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path) -> Credentials:
    """Run the `exec` of a user; commands with a slash are relative to the kubeconfig's folder. Blocks. Raises
    PluginError."""
    version = config.get("apiVersion") or ""
    if version not in VERSIONS:
        raise PluginError(f'exec plugin: invalid apiVersion "{version}"')
    spec: dict[str, Any] = {"interactive": _interactive(config)}
    if config.get("provideClusterInfo"):
        spec["cluster"] = _cluster_info(cluster)
    asked = {"kind": "ExecCredential", "apiVersion": version, "spec": spec}
    named = {str(one["name"]): str(one.get("value") or "") for one in config.get("env") or ()}
    environment = {**os.environ, **named, "KUBERNETES_EXEC_INFO": dumps(asked).decode()}
    command = str(config.get("command") or "")
    program = str(folder / command) if "/" in command else command
    try:
        done = subprocess.run(
            [program, *map(str, config.get("args") or ())],
            env=environment,
            stdin=None if spec["interactive"] else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError as error:
        hint = str(config.get("installHint") or "").strip()
        raise PluginError(f"exec: executable {command} not found" + (f": {hint}" if hint else "")) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PluginError(f"exec: {error}") from error
    if done.returncode:
        raise PluginError(f"exec: executable {command} failed with exit code {done.returncode}")
    return _read(done.stdout, version)


def _interactive(config: Mapping[str, Any]) -> bool:
    """Whether the command may ask the person in front of the terminal."""
    mode = config.get("interactiveMode") or "IfAvailable"
    if mode not in ("Never", "IfAvailable", "Always"):
        raise PluginError(f'exec plugin cannot support interactive mode: unknown interactiveMode: "{mode}"')
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise PluginError("exec plugin cannot support interactive mode: standard input is not a terminal")
    return mode != "Never" and terminal


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    known = {field: cluster[field] for field in CLUSTER_FIELDS if cluster.get(field)}
    for one in cluster.get("extensions") or ():
        if one.get("name") == EXTENSION:
            known["config"] = one.get("extension")
    return known


def _read(output: bytes, version: str) -> Credentials:
    """Raises PluginError."""
    try:
        said = loads(output)
    except JSONDecodeError as error:
        raise PluginError("exec plugin: what it printed is not JSON") from error
    if not isinstance(said, dict) or said.get("kind") != "ExecCredential":
        raise PluginError("exec plugin: what it printed is no ExecCredential")
    if said.get("apiVersion") != version:
        told = said.get("apiVersion")
        raise PluginError(f"exec plugin is configured to use API version {version}, plugin returned version {told}")
    status = said.get("status")
    if not isinstance(status, dict):
        raise PluginError("exec plugin didn't return a status field")
    token, certificate, key = (
        str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if not (token or certificate or key):
        raise PluginError("exec plugin didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise PluginError("exec plugin returned only certificate or key, not both")
    return Credentials(token, certificate.encode() or None, key.encode() or None)
