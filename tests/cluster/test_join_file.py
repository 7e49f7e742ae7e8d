"""The kubeconfig of a node that joins: who it is (kubeadm's own table), and what is put inside."""

import base64
from pathlib import Path
from typing import Any

import pytest

from sampan.client.kubeconfig import KubeconfigError
from sampan.cluster import join_file


def document(user: Any, **more: Any) -> dict[str, Any]:
    return {
        "clusters": [{"name": "c", "cluster": {"server": "https://a:1"}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **more,
    }


@pytest.mark.parametrize(
    ("user", "known"),
    [
        ({}, False),
        ({"token": "a"}, True),
        ({"tokenFile": "a"}, True),
        ({"username": "a", "password": "b"}, True),
        ({"username": "a"}, False),
        ({"username": "a", "password": ""}, False),
        ({"password": "b"}, False),
        ({"client-certificate": "a", "client-key": "b"}, True),
        ({"client-certificate-data": "a", "client-key-data": "b"}, True),
        ({"client-certificate": "a", "client-key-data": "b"}, True),
        ({"client-certificate": "a"}, False),
        ({"client-key-data": "a"}, False),
        ({"exec": {"command": "get-token"}}, True),
        ({"exec": {"command": ""}}, False),
        ({"exec": None}, False),
        ({"auth-provider": {"name": "oidc"}}, True),
        ({"auth-provider": {"name": ""}}, False),
    ],
)
def test_credentials(user: Any, known: bool) -> None:
    assert join_file.has_credentials(document(user)) is known


@pytest.mark.parametrize(
    "more",
    [
        {"current-context": "other"},
        {"current-context": ""},
        {"contexts": []},
        {"contexts": [{"name": "x", "context": {"cluster": "c"}}]},
        {"contexts": [{"name": "x", "context": {"cluster": "c", "user": "other"}}]},
        {"users": None},
    ],
)
def test_only_the_current_user_counts(more: dict[str, Any]) -> None:
    assert not join_file.has_credentials(document({"token": "a"}, **more))


def test_the_current_cluster() -> None:
    assert join_file.current_cluster(document({})) == {"server": "https://a:1"}
    clusters = [{"name": "c", "cluster": {"server": "https://a:1"}}, {"name": "", "cluster": {"server": "https://b:1"}}]
    assert join_file.current_cluster({"clusters": clusters}) == {"server": "https://b:1"}
    with pytest.raises(KubeconfigError, match="the current context is invalid: y"):
        join_file.current_cluster(document({}, **{"current-context": "y"}))
    with pytest.raises(KubeconfigError, match="no matching cluster for the current context: x"):
        join_file.current_cluster(document({}, clusters=[{"name": "d", "cluster": {}}]))
    with pytest.raises(KubeconfigError, match="clusters: expected a list"):
        join_file.current_cluster(document({}, clusters="text"))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_files_go_inside(tmp_path: Path) -> None:
    for name in ("ca", "crt", "key"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "token").write_text("secret\n")
    user = {"client-certificate": "crt", "client-key": str(tmp_path / "key"), "tokenFile": "token", "exec": None}
    given = document(user, clusters=[{"name": "c", "cluster": {"server": "s", "certificate-authority": "ca"}}])
    made = join_file.with_files_inside(given, tmp_path)
    assert join_file.current_cluster(made) == {"server": "s", "certificate-authority-data": b64(b"ca")}
    assert join_file.current_user(made) == {
        "client-certificate-data": b64(b"crt"), "client-key-data": b64(b"key"), "token": "secret\n", "exec": None,
    }  # fmt: skip
    assert join_file.current_user(given) == user


def test_what_is_inside_already_and_commands_stay(tmp_path: Path) -> None:
    command = {"command": "get-token"}
    user = {"client-key": "gone", "client-key-data": "YQ==", "token": "t", "tokenFile": "gone", "exec": command}
    assert join_file.current_user(join_file.with_files_inside(document(user), tmp_path)) == user


@pytest.mark.parametrize(
    ("field", "called"),
    [("client-certificate", "client cert"), ("client-key", "client key"), ("tokenFile", "token")],
)
def test_files_that_are_not_there(tmp_path: Path, field: str, called: str) -> None:
    with pytest.raises(KubeconfigError, match=f"the {called} file no .* No such file"):
        join_file.with_files_inside(document({field: "no"}), tmp_path)


def test_commands_are_found_from_elsewhere(tmp_path: Path) -> None:
    for command, kept in (("./get", f"{tmp_path}/get"), ("/bin/get", "/bin/get"), ("get", "get")):
        made = join_file.current_user(join_file.with_files_inside(document({"exec": {"command": command}}), tmp_path))
        assert made == {"exec": {"command": kept}}
