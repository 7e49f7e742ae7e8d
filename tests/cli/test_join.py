"""sampan join: what the options say of how the cluster is found, and bad use."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from sampan.cli.verbs.join import discovery_of, node_options
from sampan.cluster.config import ClusterError
from sampan.cluster.discovery import Discovery

TOKEN, OTHER = "abcdef.0123456789abcdef", "ghijkl.0123456789abcdef"
PIN = "sha256:" + "ab" * 32


def options(*endpoint: str, **given: Any) -> dict[str, Any]:
    plain = {
        "endpoint": endpoint, "token": "", "discovery_token": "", "pins": (), "any_ca": False, "discovery_file": "",
        "tls_bootstrap_token": "", "discovery_timeout": "5m",
    }  # fmt: skip
    return {**plain, **given}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (options("a:1", token=TOKEN, pins=(PIN,)), Discovery("a:1", TOKEN, (PIN,), tls_token=TOKEN)),
        (options("https://a:1/", token=TOKEN, any_ca=True), Discovery("a:1", TOKEN, (), tls_token=TOKEN)),
        (options("[::1]:1", token=TOKEN, any_ca=True), Discovery("[::1]:1", TOKEN, (), tls_token=TOKEN)),
        (
            options("a:1", token=TOKEN, any_ca=True, discovery_token=OTHER, discovery_timeout="10s"),
            Discovery("a:1", OTHER, (), tls_token=TOKEN, timeout=10.0),
        ),
        (
            options("a:1", discovery_token=OTHER, tls_bootstrap_token=TOKEN, any_ca=True),
            Discovery("a:1", OTHER, (), tls_token=TOKEN),
        ),
        (options(discovery_file="f"), Discovery(file="f")),
        (options(discovery_file="f", tls_bootstrap_token=TOKEN), Discovery(file="f", tls_token=TOKEN)),
        (options(discovery_file="f", token=TOKEN), Discovery(file="f", tls_token=TOKEN)),
    ],
)
def test_how_it_is_found(given: dict[str, Any], wanted: Discovery) -> None:
    assert discovery_of(given) == wanted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (options("a:1"), "--token, --discovery-token or --discovery-file must be given"),
        (options("a:1", token=TOKEN), "can be unsafe"),
        (options(token=TOKEN, pins=(PIN,)), "HOST:PORT is not given"),
        (options("a", token=TOKEN, pins=(PIN,)), "a: expected HOST:PORT"),
        (options("::1:2", token=TOKEN, pins=(PIN,)), "expected HOST:PORT"),
        (options("a:1", token="short", pins=(PIN,)), "the bootstrap token is invalid"),
        (options("a:1", token=TOKEN, pins=("x",)), "invalid hash"),
        (options("a:1", token=TOKEN, tls_bootstrap_token="x", pins=(PIN,)), "--tls-bootstrap-token: the bootstrap"),
        (options("a:1", discovery_token="x", tls_bootstrap_token=TOKEN, pins=(PIN,)), "--discovery-token: the bootst"),
        (options(discovery_file="f", discovery_token=TOKEN), "cannot both be given"),
        (options("a:1", token=TOKEN, pins=(PIN,), discovery_timeout="soon"), "invalid duration"),
    ],
)
def test_bad_use(given: dict[str, Any], why: str) -> None:
    with pytest.raises(click.UsageError, match=why):
        discovery_of(given)


def node(root: Path, **given: Any) -> dict[str, Any]:
    plain = {
        "root_dir": root, "kubeconfig": None, "node_name": "", "hostname_override": "", "cri_socket": "",
        "runtime": "", "rotate_certificates": None, "config": None,
    }  # fmt: skip
    return node_options({**plain, **given})


def test_what_the_agent_is_told(tmp_path: Path) -> None:
    made = node(tmp_path, node_name="n", cri_socket="unix:///s")
    assert (made["kubeconfig"], made["bootstrap_kubeconfig"]) == (
        tmp_path / "kubelet.conf", tmp_path / "bootstrap-kubelet.conf",
    )  # fmt: skip
    assert (made["hostname_override"], made["runtime"], made["rotate_certificates"]) == ("n", "unix:///s", True)
    assert node(tmp_path, rotate_certificates=False)["rotate_certificates"] is False
    assert node(tmp_path, config=Path("c"))["rotate_certificates"] is None
    (tmp_path / "kubelet.conf").touch()
    with pytest.raises(ClusterError, match="is a node already"):
        node(tmp_path)
    assert node(tmp_path, kubeconfig=tmp_path / "other")["kubeconfig"] == tmp_path / "other"


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    words = ["join", "127.0.0.1:9", "--token", TOKEN, "--discovery-token-ca-cert-hash", PIN]
    words += ["--root-dir", str(tmp_path / "root"), "--discovery-timeout", "0", "--runtime", "simulated"]
    done = subprocess.run([sys.executable, "-m", "sampan.cli.main", *words], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "failed to request the cluster-info ConfigMap" in done.stderr
    assert not (tmp_path / "root").exists()
