"""sampan cve-feed: exit codes and output."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sampan.cli.main import cli

DATA = Path(__file__).parents[1] / "advisories" / "data"
FEED = str(DATA / "official-feed-2023-07-01.json")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def go(verb: str, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["cve-feed", verb, "--dir", str(tmp_path / "feed"), *arguments])

    return go


def test_refresh_and_check(run: Run) -> None:
    assert run("refresh", "--source", FEED).output.startswith("8 advisories, changed")
    assert run("refresh", "--source", FEED).output.startswith("8 advisories, unchanged")
    good = run("check", "--version", "kube-proxy=1.29.0", "--osv", str(DATA / "osv.json"))
    assert "CVE-2020-8554" in good.output  # all versions of Kubernetes
    bad = run("check", "--version", "kubelet=1.25.9")
    assert bad.exit_code == 1
    assert "CVE-2023-2431   v1.25.10" in bad.output


def test_check_by_records_alone(run: Run, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["cve-feed", "check", "--osv", str(DATA / "osv.json"), "--version", "kubelet=1.31.0", "-o", "json"],
        env={"XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == {
        "affected": False, "advisories": 47, "checkedAt": "", "hits": [],
        "running": [{"component": "kubelet", "version": "1.31.0"}],
    }  # fmt: skip


def test_titles_that_do_not_parse_exit_7_and_the_others_are_published(run: Run, tmp_path: Path) -> None:
    stamp = "2024-01-01T00:00:00Z"
    issues: list[dict[str, Any]] = [
        {"number": n, "title": t, "html_url": f"https://example.com/issues/{n}", "created_at": stamp}
        for n, t in ((1, "CVE-2024-1111: x"), (2, "no id\x1b[31m"))
    ]
    (tmp_path / "issues.json").write_text(json.dumps(issues))
    result = run("refresh", "--source", str(tmp_path / "issues.json"))
    assert result.exit_code == 7
    assert "'no id\\x1b[31m'" in result.output
    assert len(json.loads((tmp_path / "feed" / "current" / "index.json").read_bytes())["items"]) == 1


def test_failures_are_neither_0_nor_7(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!doctype html><title>Sign in</title>")
    run("refresh", "--source", FEED)
    failed = run("refresh", "--source", str(tmp_path / "page.html"))
    assert failed.exit_code == 1
    assert "HTML or XML instead of JSON" in failed.output
    check = run("check", "--version", "kubelet=1.25.9")
    assert "Warning: the feed is from" in check.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--version", "kubelet=new"], "is not a version"),
        (["--version", "1.30.0"], "run `sampan cve-feed refresh`"),
        (["--kubeconfig", "/nowhere"], "No such file"),
        (["--version", "1.30.0", "--source", "/nowhere.json"], "No such file"),
    ],
)
def test_what_cannot_be_told_exits_2(run: Run, arguments: list[str], said: str) -> None:
    result = run("check", *arguments)
    assert result.exit_code == 2
    assert said in result.output
