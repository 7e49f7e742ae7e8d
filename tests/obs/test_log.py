"""Logs: klog's text, JSON lines, levels, and no secrets."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sampan.obs.log import FORMATS, HIDDEN, Format, logger, pairs, redact, setup, verbosity

HEAD = re.compile(r"([IWE])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ test_log\.py:\d+\] (.*)", re.DOTALL)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where logs go in this test; what was set up before is put back."""
    root, own = logging.getLogger(), logging.getLogger("sampan")
    handlers, levels = list(root.handlers), (root.level, own.level)
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def text_of(line: str) -> tuple[str, str]:
    match = HEAD.fullmatch(line.rstrip("\n"))
    assert match, line
    return match[1], match[2]


def test_text_is_klog_s(stream: io.StringIO) -> None:
    setup("text", 0, stream)
    log = logger("kubelet", pod="ns/web")
    log.info("Started", extra=pairs(container="c", attempt=2))
    log.warning('Odd "thing"\nhere')
    log.error("Bad")
    lines = stream.getvalue().splitlines()
    assert [text_of(line) for line in lines] == [
        ("I", '"Started" pod="ns/web" container="c" attempt=2'),
        ("W", '"Odd \\"thing\\"\\nhere" pod="ns/web"'),
        ("E", '"Bad" pod="ns/web"'),
    ]


def test_json_is_a_line_each(stream: io.StringIO) -> None:
    setup("json", 4, stream)
    log = logger("kubelet", pod="ns/web")
    log.log(verbosity(4), "a\nb", extra=pairs(n=1, where=None, odd=object))
    log.error("Bad")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["msg"], first["v"], first["logger"], first["pod"], first["n"], first["where"]) == (
        "a\nb", 4, "kubelet", "ns/web", 1, None,
    )  # fmt: skip
    assert first["odd"] == str(object)
    assert re.fullmatch(r"obs/test_log\.py:\d+", first["caller"])
    assert list(first) == ["ts", "logger", "caller", "msg", "v", "pod", "n", "where", "odd"]
    assert isinstance(first["ts"], float)
    assert "v" not in second


@pytest.mark.parametrize(("v", "shown"), [(0, [0]), (2, [0, 1, 2]), (9, list(range(10)))])
def test_verbosity(stream: io.StringIO, v: int, shown: list[int]) -> None:
    setup("json", v, stream)
    for level in range(10):
        logger("x").log(verbosity(level), "m", extra=pairs(n=level))
    assert [json.loads(line)["n"] for line in stream.getvalue().splitlines()] == shown


def test_other_libraries_are_heard_when_they_warn(stream: io.StringIO) -> None:
    setup("json", 9, stream)
    logging.getLogger("elsewhere").info("no")
    logging.getLogger("elsewhere").warning("yes")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["yes"]


@pytest.mark.parametrize("format_", FORMATS)
def test_errors_carry_their_traceback(stream: io.StringIO, format_: Format) -> None:
    setup(format_, 0, stream)
    try:
        raise ValueError("broken with Bearer abc.def")
    except ValueError:
        logger("x").exception("failed")
    said = stream.getvalue()
    assert "Traceback" in said
    assert "ValueError: broken with Bearer" in said
    assert "abc.def" not in said
    if format_ == "json":
        assert json.loads(said)["err"] == f"broken with Bearer {HIDDEN}"


KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer s3cr3t, x", "s3cr3t"),
        ("basic dXNlcjpw", "dXNlcjpw"),
        ("token eyJhbGciOiJF.eyJzdWIi.c2ln here", "eyJzdWIi"),
        (f"key {KEY} end", "MHcCAQEE"),
        ("cut -----BEGIN PRIVATE KEY-----\nMHcC", "MHcC"),
    ],
)
def test_secrets_are_not_told(text: str, hidden: str) -> None:
    assert hidden not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize("text", ["a.b.c", "token missing", "pods/token", "-----BEGIN CERTIFICATE-----", "eyJ"])
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("format_", FORMATS)
def test_values_of_secret_names_are_hidden(stream: io.StringIO, format_: Format) -> None:
    setup(format_, 0, stream)
    values: dict[str, Any] = {
        "token": "s3cr3t-1",
        "clientSecret": "s3cr3t-2",
        "header": "Bearer s3cr3t-3",
        "name": "web",
    }
    logger("x", password="s3cr3t-4").info("said %s", "eyJh.eyJz.s3cr3t", extra=pairs(**values))
    assert "s3cr3t" not in stream.getvalue()
    assert "web" in stream.getvalue()


def test_setting_up_again_replaces(stream: io.StringIO) -> None:
    before = len(logging.getLogger().handlers)
    setup("text", 0, io.StringIO())
    setup("json", 0, stream)
    assert len(logging.getLogger().handlers) == before + 1
    logger("x").info("once")
    assert len(stream.getvalue().splitlines()) == 1
