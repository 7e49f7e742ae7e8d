"""Kubeconfig files: ours, and ours within the user's own."""

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from sampan.client.kubeconfig import KubeconfigError, load_kubeconfig
from sampan.cluster import kubeconfig
from sampan.cluster.config import ClusterError
from sampan.cluster.pki import Pair

OURS = kubeconfig.document("https://127.0.0.1:6443", b"CA", Pair(b"CERT", b"KEY"))
THEIRS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "work", "cluster": {"server": "https://work"}}],
    "users": [{"name": "me", "user": {"token": "t"}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
    "current-context": "work",
    "extensions": [{"name": "x"}],
}


def test_what_is_written_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config"
    kubeconfig.write(path, OURS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    access = load_kubeconfig(path)
    assert (access.server, access.ca, access.certificate, access.key) == (
        "https://127.0.0.1:6443", b"CA", b"CERT", b"KEY",
    )  # fmt: skip


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClusterError, match="cannot be written"):
        kubeconfig.write(tmp_path / "file" / "config", OURS)


def test_ours_joins_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(THEIRS))
    kubeconfig.merge(path, OURS)
    merged = yaml.safe_load(path.read_text())
    assert [c["name"] for c in merged["clusters"]] == ["work", "sampan"]
    assert [u["name"] for u in merged["users"]] == ["me", "sampan"]
    assert merged["current-context"] == "sampan"
    assert merged["extensions"] == THEIRS["extensions"]
    assert load_kubeconfig(path, "work").token == "t"
    other = kubeconfig.document("https://127.0.0.1:7777", b"CA", Pair(b"CERT", b"KEY"))
    kubeconfig.merge(path, other)
    merged = yaml.safe_load(path.read_text())
    assert [c["cluster"]["server"] for c in merged["clusters"]] == ["https://work", "https://127.0.0.1:7777"]


def test_a_missing_file_is_made_and_an_unchanged_one_is_left(tmp_path: Path) -> None:
    path = tmp_path / ".kube" / "config"
    kubeconfig.merge(path, OURS)
    before = path.stat().st_ino
    kubeconfig.merge(path, OURS)
    assert path.stat().st_ino == before


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "clusters: text\n", "just text"])
def test_a_file_that_is_no_kubeconfig_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ClusterError, match="was not touched"):
        kubeconfig.merge(path, OURS)
    assert path.read_text() == text


def test_the_user_s_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", f":{tmp_path}/a:{tmp_path}/b")
    assert kubeconfig.user_file() == tmp_path / "a"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.user_file() == tmp_path / ".kube" / "config"


def config(tmp_path: Path, **user: Any) -> Path:
    path = tmp_path / "config"
    data = {**THEIRS, "users": [{"name": "me", "user": user}]}
    path.write_text(yaml.safe_dump(data))
    return path


def test_files_beside_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "crt").write_bytes(b"C")
    (tmp_path / "tok").write_text("secret\n")
    access = load_kubeconfig(config(tmp_path, tokenFile="tok", **{"client-certificate": "crt"}))
    assert (access.token, access.certificate) == ("secret", b"C")
    inline = base64.b64encode(b"K").decode()
    assert load_kubeconfig(config(tmp_path, **{"client-key-data": inline})).key == b"K"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not YAML"),
        ("[]", "not a kubeconfig"),
        (yaml.safe_dump({**THEIRS, "current-context": "gone"}), "contexts has none called 'gone'"),
        (yaml.safe_dump({**THEIRS, "users": []}), "users has none called 'me'"),
        (yaml.safe_dump({**THEIRS, "clusters": [{"name": "work"}]}), "server is missing"),
        (
            yaml.safe_dump({**THEIRS, "users": [{"name": "me", "user": {"client-key": "gone"}}]}),
            "client-key gone: No such file",
        ),
        (
            yaml.safe_dump({**THEIRS, "users": [{"name": "me", "user": {"tokenFile": "gone"}}]}),
            "tokenFile gone: No such",
        ),
        (
            yaml.safe_dump({**THEIRS, "users": [{"name": "me", "user": {"client-key-data": "@"}}]}),
            "client-key-data: not base64",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeconfigError, match=why):
        load_kubeconfig(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="No such file"):
        load_kubeconfig(tmp_path / "gone")
