"""Credentials from a command that a kubeconfig names."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.client.exec_plugin import Credentials, PluginError, run_plugin
from sampan.client.kubeconfig import KubeconfigError, load_kubeconfig

V1 = "client.authentication.k8s.io/v1"
SCRIPT = """#!{python}
import json, os, sys
asked = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
with open(os.path.join(os.path.dirname(__file__), "asked"), "w") as file:
    json.dump({{"asked": asked, "args": sys.argv[1:], "env": os.environ.get("OWN")}}, file)
print(json.dumps({answer!r}))
sys.exit({code})
"""


def plugin(folder: Path, status: Any = None, *, code: int = 0, **more: Any) -> Path:
    """A command that answers so."""
    answer = {"kind": "ExecCredential", "apiVersion": V1, **({"status": status} if status is not None else {}), **more}
    path = folder / "plugin"
    path.write_text(SCRIPT.format(python=sys.executable, answer=answer, code=code))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def run(folder: Path, **config: Any) -> Credentials:
    given = {"apiVersion": V1, "command": "./plugin", "interactiveMode": "Never", **config}
    return run_plugin(given, {"server": "https://a", "extensions": []}, folder)


def asked(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "asked").read_text())
    return found


def test_a_token(tmp_path: Path) -> None:
    plugin(tmp_path, {"token": "t"})
    found = run(tmp_path, args=["a", "b"], env=[{"name": "OWN", "value": "x"}])
    assert found == Credentials("t")
    assert asked(tmp_path) == {
        "asked": {"kind": "ExecCredential", "apiVersion": V1, "spec": {"interactive": False}},
        "args": ["a", "b"],
        "env": "x",
    }


def test_a_certificate(tmp_path: Path) -> None:
    plugin(tmp_path, {"clientCertificateData": "C", "clientKeyData": "K"})
    assert run(tmp_path) == Credentials("", b"C", b"K")


def test_it_is_told_of_the_cluster(tmp_path: Path) -> None:
    plugin(tmp_path, {"token": "t"})
    cluster = {
        "server": "https://a", "certificate-authority-data": "Q0E=", "certificate-authority": "/file",
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}],
    }  # fmt: skip
    run_plugin({"apiVersion": V1, "command": "./plugin", "provideClusterInfo": True}, cluster, tmp_path)
    assert asked(tmp_path)["asked"]["spec"]["cluster"] == {
        "server": "https://a", "certificate-authority-data": "Q0E=", "config": {"audience": "x"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "more", "why"),
    [
        (None, {}, "didn't return a status field"),
        ({}, {}, "didn't return a token or cert/key pair"),
        ({"clientKeyData": "K"}, {}, "returned only certificate or key, not both"),
        ({"token": "t"}, {"apiVersion": "client.authentication.k8s.io/v1beta1"}, "plugin returned version"),
        ({"token": "t"}, {"kind": "Other"}, "is no ExecCredential"),
        ({"token": "t"}, {"code": 3}, "failed with exit code 3"),
    ],
)
def test_what_it_may_not_answer(tmp_path: Path, status: Any, more: dict[str, Any], why: str) -> None:
    plugin(tmp_path, status, **more)
    with pytest.raises(PluginError, match=why):
        run(tmp_path)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "invalid apiVersion"),
        ({"interactiveMode": "Maybe"}, "unknown interactiveMode"),
        ({"command": "./gone", "installHint": "get it"}, "executable ./gone not found: get it"),
        ({"command": "no-such-program-anywhere"}, "executable no-such-program-anywhere not found"),
    ],
)
def test_what_cannot_be_run(tmp_path: Path, config: dict[str, Any], why: str) -> None:
    with pytest.raises(PluginError, match=why):
        run(tmp_path, **config)


def kubeconfig(folder: Path, user: dict[str, Any]) -> Path:
    path = folder / "config"
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://a", "tls-server-name": "b"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_kubeconfig_with_a_command(tmp_path: Path) -> None:
    plugin(tmp_path, {"token": "t"})
    access = load_kubeconfig(kubeconfig(tmp_path, {"exec": {"apiVersion": V1, "command": "./plugin"}}))
    assert (access.token, access.certificate, access.server_name) == ("t", None, "b")
    plugin(tmp_path, {"clientCertificateData": "C", "clientKeyData": "K"})
    access = load_kubeconfig(kubeconfig(tmp_path, {"exec": {"apiVersion": V1, "command": "./plugin"}}))
    assert (access.token, access.certificate, access.key) == ("", b"C", b"K")
    with pytest.raises(KubeconfigError, match="invalid apiVersion"):
        load_kubeconfig(kubeconfig(tmp_path, {"exec": {"command": "./plugin"}}))


def test_other_ways(tmp_path: Path) -> None:
    access = load_kubeconfig(kubeconfig(tmp_path, {"username": "me", "password": "p"}))
    assert (access.user, access.password) == ("me", "p")
    oidc = {"name": "oidc", "config": {"id-token": "t"}}
    assert load_kubeconfig(kubeconfig(tmp_path, {"auth-provider": oidc})).token == "t"
    with pytest.raises(KubeconfigError, match="auth-provider gcp"):
        load_kubeconfig(kubeconfig(tmp_path, {"auth-provider": {"name": "gcp"}}))
