"""sampan token: what it makes of its options, and kubeadm's columns."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampan.cli.main import cli
from sampan.cli.verbs.token import as_text, short
from sampan.resources.bootstrap_tokens import BootstrapToken, split_token

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GROUP = "system:bootstrappers:kubeadm:default-node-token"


def said(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["token", *words])
    return result.exit_code, result.output


def test_generate() -> None:
    tokens = {said("generate")[1].strip() for _ in range(3)}
    assert len(tokens) == 3
    assert all(split_token(token) for token in tokens)


def test_columns() -> None:
    first = BootstrapToken("abcdef", "0123456789abcdef", "d", "2030-01-02T00:00:00Z", ("signing",), (GROUP,))
    second = BootstrapToken("ghijkl", "0123456789abcdef")
    assert as_text([first, second], NOW) == (
        "TOKEN                     TTL         EXPIRES                USAGES                   DESCRIPTION"
        "                                                EXTRA GROUPS\n"
        "abcdef.0123456789abcdef   1d          2030-01-02T00:00:00Z   signing                  d"
        f"                                                          {GROUP}\n"
        "ghijkl.0123456789abcdef   <forever>   <never>   <none>                   <none>"
        "                                                     <none>\n"
    )
    assert as_text([], NOW) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-2, "<invalid>"), (-1, "0s"), (0.5, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"),
     (86399, "23h"), (86400, "1d"), (86400 * 364, "364d"), (86400 * 730, "2y")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert short(seconds) == text


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["create", "abc"], 'the bootstrap token "abc" was not of the form'),
        (["create", "--usages", "signing,x"], "invalid bootstrap token usage string: x, valid usage options"),
        (["create", "--groups", "system:masters"], 'bootstrap group "system:masters" is invalid'),
        (["create", "--usages", "signing", "--groups", GROUP], "token groups cannot be specified unless"),
        (["create", "--ttl", "soon"], 'time: invalid duration "soon"'),
        (["delete"], "Missing argument"),
        (["delete", "ABCDEF"], "given token didn't match pattern"),
    ],
)
def test_bad_use(words: list[str], text: str) -> None:
    code, output = said(*words)
    assert code == 2
    assert text in output


def test_no_cluster(tmp_path: Path) -> None:
    code, output = said("--kubeconfig", str(tmp_path / "none"), "list")
    assert (code, output) == (1, f"Error: {tmp_path}/none: No such file or directory\n")
