"""Settings that a person writes."""

from pathlib import Path

import pytest

from sampan.cluster.config import ClusterError, default_data_dir, enabled, parse_version

NAMES = ("a-controller", "b-controller", "c-controller")


@pytest.mark.parametrize(
    ("text", "version"), [("1.36", "1.36"), ("v1.25", "1.25"), ("1.37.2", "1.37"), (" 1.30 ", "1.30")]
)
def test_versions(text: str, version: str) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["1.24", "1.38", "2.0", "x", "", "1", "1.36.x", "1.36-alpha"])
def test_other_versions_are_refused(text: str) -> None:
    with pytest.raises(ClusterError, match=r"expected one of 1\.25 to 1\.37"):
        parse_version(text)


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("*", "abc"), ("*,-b-controller", "ac"), ("-b-controller,*", "ac"), ("a-controller", "a"),
        ("a-controller, c-controller", "ac"), ("", ""), ("-a-controller", ""), ("a-controller,-a-controller,*", "abc"),
    ],
)  # fmt: skip
def test_controllers_are_chosen_as_upstream_does(text: str, on: str) -> None:
    assert enabled(text, NAMES) == {f"{letter}-controller" for letter in on}


def test_unknown_controllers_are_named() -> None:
    with pytest.raises(ClusterError, match="no controller is called x, y; there are a-controller"):
        enabled("*,-x,y", NAMES)


def test_the_usual_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert default_data_dir() == Path("/home/me/.local/share/sampan")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_data_dir() == Path("/data/sampan")
