"""sampan advise: exit codes and output of what needs no cluster."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from sampan.cli.main import cli


def test_enhancements(tmp_path: Path) -> None:
    folder = tmp_path / "keps" / "sig-x" / "7-t"
    folder.mkdir(parents=True)
    (folder / "kep.yaml").write_text("{title: T, kep-number: 7, status: provisional, milestone: {beta: v1.25}}")
    result = CliRunner().invoke(cli, ["advise", "enhancements", str(tmp_path), "--release", "v1.25"])
    assert result.exit_code == 1
    assert "at risk   T" in result.output
    assert result.output.endswith("v1.25: 1 listed, 1 incomplete\n")
    assert CliRunner().invoke(cli, ["advise", "enhancements", str(tmp_path), "--release", "v1.30"]).exit_code == 0
    assert CliRunner().invoke(cli, ["advise", "enhancements", str(tmp_path), "--release", "x"]).exit_code == 2


def test_image_policy() -> None:
    result = CliRunner().invoke(cli, ["advise", "image-policy", "--mirror", "k8s.gcr.io=mirror.example/k8s"])
    assert [one["kind"] for one in yaml.safe_load_all(result.output)] == [
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    ]  # fmt: skip
    assert CliRunner().invoke(cli, ["advise", "image-policy", "--mirror", "x"]).exit_code == 2


def test_no_cluster(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["advise", "--dir", str(tmp_path), "--kubeconfig", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "No such file" in result.output
