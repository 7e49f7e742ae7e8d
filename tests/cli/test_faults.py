"""What cannot be done is said in one line, with exit code 1 (2 for bad usage), and leaves nothing half-made."""

import os
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sampan.cluster.instance import DataDirLock, Instance

SAMPAN = (sys.executable, "-m", "sampan.cli.main")


def run(*arguments: object, home: Path) -> tuple[int, str]:
    """Exit code and stderr of a command that must not start anything."""
    environment = {**os.environ, "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig")}
    done = subprocess.run(
        [*SAMPAN, *map(str, arguments)], capture_output=True, text=True, timeout=50, env=environment, check=False
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def up(home: Path, *arguments: object) -> tuple[int, str]:
    """`sampan up` without nodes, in a data directory below `home` unless told otherwise."""
    given = map(str, arguments)
    where = () if "--data-dir" in arguments else ("--data-dir", home / "data")
    return run("up", "--nodes", "0", *where, *(() if "--port" in arguments else ("--port", "0")), *given, home=home)


def said(stderr: str) -> str:
    """The one line of an error."""
    lines = [line for line in stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, stderr
    assert stderr.rstrip().endswith(lines[0]), stderr
    return lines[0].removeprefix("Error: ")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port(tmp_path: Path, taken: int) -> None:
    code, text = up(tmp_path, "--port", taken)
    assert (code, said(text)) == (
        1, f"port {taken} of 127.0.0.1 is taken; choose another with --port (0 takes a free one)",
    )  # fmt: skip
    assert not (tmp_path / "kubeconfig").exists()
    assert not (tmp_path / "data" / "kubeconfig").exists()
    assert not (tmp_path / "data" / "instance.json").exists()
    DataDirLock(tmp_path / "data").release()


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    code, text = up(tmp_path, "--host", "192.0.2.1")
    assert code == 1
    assert said(text).startswith("cannot listen on 192.0.2.1:0: ")


def test_a_data_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, text = up(tmp_path, "--data-dir", tmp_path / "file" / "data")
    assert (code, said(text)) == (1, f"the data directory {tmp_path}/file/data cannot be used: Not a directory")


def test_a_data_directory_without_rights(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    if os.geteuid() == 0:  # root may write wherever a file system takes it
        data = Path("/sys/sampan-data")
    code, text = up(tmp_path, "--data-dir", data)
    assert code == 1
    assert said(text).startswith(f"the data directory {data} cannot be used: ")
    assert said(text).endswith(("Permission denied", "Operation not permitted", "Read-only file system"))


def test_a_second_cluster_in_a_directory(tmp_path: Path) -> None:
    lock = DataDirLock(tmp_path / "data")
    try:
        lock.publish(Instance(4321, "https://127.0.0.1:1", "/k", "none", "1.37", 0))
        code, text = up(tmp_path)
        assert code == 1
        assert said(text).startswith(f"a cluster already runs in {tmp_path}/data (process 4321, https://127.0.0.1:1)")
        assert not (tmp_path / "data" / "state.db").exists()
        assert not (tmp_path / "kubeconfig").exists()
    finally:
        lock.release()


def test_a_store_of_a_newer_version(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    connection = sqlite3.connect(data / "state.db")
    connection.execute("PRAGMA user_version = 99")
    connection.execute("CREATE TABLE kept (x)")
    connection.execute("INSERT INTO kept VALUES (1)")
    connection.commit()
    connection.close()
    code, text = up(tmp_path)
    assert code == 1
    assert said(text).startswith(f"the store sqlite:{data}/state.db cannot be used: ")
    assert "newer" in said(text)
    connection = sqlite3.connect(data / "state.db")
    assert connection.execute("SELECT x FROM kept").fetchall() == [(1,)]
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()
    assert not (data / "kubeconfig").exists()


def test_a_store_that_is_none(tmp_path: Path) -> None:
    content = b"this is no database, but long enough to be taken for one" * 40
    data = tmp_path / "data"
    data.mkdir()
    (data / "state.db").write_bytes(content)
    code, text = up(tmp_path)
    assert code == 1
    assert said(text).startswith(f"the store sqlite:{data}/state.db cannot be ")
    assert (data / "state.db").read_bytes() == content


def test_damaged_certificates(tmp_path: Path) -> None:
    pki = tmp_path / "data" / "pki"
    pki.mkdir(parents=True)
    (pki / "ca.crt").write_text("x")
    (pki / "ca.key").write_text("x")
    code, text = up(tmp_path)
    assert code == 1
    assert "is damaged" in said(text)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--kubernetes-version", "1.24"), "Kubernetes version '1.24': expected one of 1.25 to 1.37"),
        (("--controllers", "nonsense"), "--controllers: no controller is called nonsense"),
        (("--store", "nonsense:"), "the store nonsense: cannot be used"),
        (("--token-auth-file", "gone"), "--token-auth-file gone: No such file or directory"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    code, text = up(tmp_path, *arguments)
    assert code == 1
    assert said(text).startswith(why)
    assert not (tmp_path / "kubeconfig").exists()


def test_a_token_file_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("secret-token,jane\n")
    code, text = up(tmp_path, "--token-auth-file", tmp_path / "tokens")
    assert code == 1
    assert "line 1: expected token,user,uid" in said(text)
    assert "secret-token" not in text


def test_a_kubeconfig_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, text = up(tmp_path, "--kubeconfig", tmp_path / "file" / "config")
    assert (code, said(text)) == (1, f"kubeconfig {tmp_path}/file/config cannot be written: File exists")


def test_the_user_s_kubeconfig_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("- not\n- ours\n")
    code, text = up(tmp_path)
    assert (code, said(text)) == (1, f"{tmp_path}/kubeconfig is not a kubeconfig; it was not touched")
    assert (tmp_path / "kubeconfig").read_text() == "- not\n- ours\n"


@pytest.mark.parametrize("arguments", [("--port", "x"), ("--port", "70000"), ("--nodes", "-1"), ("--nonsense",)])
def test_bad_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, text = run("up", *arguments, home=tmp_path)
    assert code == 2
    assert "Error: " in text


@pytest.mark.parametrize(
    ("text", "why"), [("a: [", "not YAML"), ("- 1", "expected a mapping"), ("nonsense: 1", "nonsense: no such option")]
)
def test_a_config_file_that_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    code, stderr = up(tmp_path, "--config", tmp_path / "c.yaml")
    assert code == 1
    assert why in stderr


@pytest.mark.parametrize("verb", ["down", "status"])
def test_nothing_runs(tmp_path: Path, verb: str) -> None:
    code, text = run(verb, "--data-dir", tmp_path / "data", home=tmp_path)
    assert (code, said(text)) == (1, f"no cluster runs in {tmp_path}/data")
    assert not (tmp_path / "data").exists()


def test_detached_starts_tell_why_they_failed(tmp_path: Path, taken: int) -> None:
    code, text = up(tmp_path, "--port", taken, "--detach")
    assert (code, said(text)) == (
        1, f"port {taken} of 127.0.0.1 is taken; choose another with --port (0 takes a free one)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory"),
        ("a: [", "not YAML: "),
        ("kind: Pod", "expected PodSecurityConfiguration of pod-security.admission.config.k8s.io/v1, not Pod of None"),
    ],
)
def test_a_pod_security_configuration_that_is_none(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "pod-security.yaml"
    if text is not None:
        file.write_text(text)
    code, stderr = up(tmp_path, "--pod-security-config", file)
    assert code == 1
    assert said(stderr).startswith(f"{file}: {says}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file or directory"),
        ("a: [", "not YAML: "),
        ("kind: Pod", "Object 'apiVersion' is missing in '{\"kind\":\"Pod\"}'"),
        (
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles: []\nprofiles: []",
            'strict decoding error: line 4: key "profiles" already set in map',
        ),
    ],
)
def test_a_scheduler_configuration_that_is_none(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "scheduler.yaml"
    if text is not None:
        file.write_text(text)
    code, stderr = up(tmp_path, "--scheduler-config", file)
    assert code == 1
    assert said(stderr).startswith(f"{file}: {says}")
