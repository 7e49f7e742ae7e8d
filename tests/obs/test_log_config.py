"""LoggingConfiguration: upstream's table of validation errors, both forms of a duration, flags, run time."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from sampan.obs import log as logs
from sampan.obs.log import apply, go_duration, logger, set_verbosity, setup, verbosity
from sampan.obs.log_config import (
    ALPHA,
    BETA,
    LogConfig,
    LogConfigError,
    Routing,
    aggregate,
    parse_document,
    parse_duration,
    parse_size,
    parse_vmodule,
    validate,
)

WANTED = Routing(True, "1024")
FORBIDDEN = (
    "[options.json.splitStream: Forbidden: Feature LoggingAlphaOptions is disabled, "
    "options.json.infoBufferSize: Forbidden: Feature LoggingAlphaOptions is disabled]"
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("sampan")
    kept = list(root.handlers), root.level, own.level, list(logs._applied)
    logs._applied.clear()
    yield
    root.handlers[:] = kept[0]
    root.setLevel(kept[1])
    own.setLevel(kept[2])
    logs._applied[:] = kept[3]


@pytest.mark.parametrize(
    ("config", "gates", "said"),
    [
        (LogConfig(verbosity=10, vmodule=(("gopher*", 100),)), {}, ""),
        (LogConfig("no-such-format"), {}, 'format: Invalid value: "no-such-format": Unsupported log format'),
        (LogConfig(verbosity=2**31), {}, "verbosity: Invalid value: 2147483648: Must be <= 2147483647"),
        (LogConfig(vmodule=(("gopher*", 2**31),)), {}, "vmodule[0]: Invalid value: 2147483648: Must be <= 2147483647"),
        (LogConfig(vmodule=(("", 1),)), {}, "vmodule[0]: Required value: File pattern must not be empty"),
        (LogConfig(vmodule=(("foo,bar", 1), ("foo=bar", 1))), {},
         '[vmodule[0]: Invalid value: "foo,bar": File pattern must not contain equal sign or comma, '
         'vmodule[1]: Invalid value: "foo=bar": File pattern must not contain equal sign or comma]'),
        (LogConfig("json", vmodule=(("foo", 1),)), {}, "vmodule: Forbidden: Only supported for text log format"),
        (LogConfig("json"), {BETA: False}, "format: Forbidden: Log format json is disabled, see LoggingBetaOptions "
         "feature"),
        (LogConfig("json"), {}, ""),
        (LogConfig(json=WANTED), {}, FORBIDDEN),
        (LogConfig(json=WANTED), {ALPHA: False, BETA: False}, FORBIDDEN),
        (LogConfig(json=WANTED), {ALPHA: True}, ""),
        (LogConfig(text=Routing(True), json=Routing(True)), {},
         "[options.text.splitStream: Forbidden: Feature LoggingAlphaOptions is disabled, "
         "options.json.splitStream: Forbidden: Feature LoggingAlphaOptions is disabled]"),
        (LogConfig(flush="-1s"), {}, "flushFrequency: Invalid value: -1000000000: Must be greater than zero"),
    ],
)  # fmt: skip
def test_validation(config: LogConfig, gates: dict[str, bool], said: str) -> None:
    errors = validate(config, gates)
    assert (aggregate(errors) if errors else "") == said


def test_embedded_and_flags_that_only_text_honours() -> None:
    assert validate(LogConfig("x"), path="config")[0] == 'config.format: Invalid value: "x": Unsupported log format'
    assert validate(LogConfig("json"), flags=["vmodule"]) == [
        'format: Invalid value: "json": Non-default format doesn\'t honor flag: vmodule'
    ]


@pytest.mark.parametrize("flush", [5_000_000_000, "5s"])
def test_a_duration_keeps_its_form(flush: Any) -> None:
    config = parse_document({"flushFrequency": flush})
    assert config.flush_ns == 5_000_000_000
    assert config.document()["flushFrequency"] == flush
    assert parse_document(config.document()) == config


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "logging: expected an object"), ({"level": 3}, 'unknown field "logging.level"'),
        ({"verbosity": -1}, "logging.verbosity: expected a number"), ({"verbosity": True}, "logging.verbosity"),
        ({"vmodule": "a=1"}, "logging.vmodule: expected a list"), ({"flushFrequency": "soon"}, "invalid duration"),
        ({"options": {"text": {"splitStream": "yes"}}}, "logging.options.text.splitStream: expected bool"),
        ({"options": {"xml": {}}}, 'unknown field "logging.options.xml"'),
        ({"options": {"json": {"infoBufferSize": "lots"}}}, "quantities must match"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(given: Any, said: str) -> None:
    with pytest.raises(LogConfigError, match=said.replace("[", r"\[")):
        parse_document(given)


def test_vmodule_flag() -> None:
    assert parse_vmodule("a=1,,b*=2,") == (("a", 1), ("b*", 2))
    for bad in ("p", "=3", "p="):
        with pytest.raises(LogConfigError, match=f'"{bad}" does not have the pattern=N format'):
            parse_vmodule(bad)


def test_sizes_and_durations() -> None:
    assert [parse_size(t) for t in ("512", "1K", "2Ki", "3M", "5Mi")] == [512, 1000, 2048, 3_000_000, 5 * 2**20]
    assert [parse_duration(t) for t in ("1h2m", "1.5s", "-1s", "250ms")] == [
        3720 * 10**9, 1_500_000_000, -(10**9), 250_000_000,
    ]  # fmt: skip
    shown = [go_duration(timedelta(seconds=s)) for s in (5, 90, 3600, 0.25, 1.5, 0)]
    assert shown == ["5s", "1m30s", "1h0m0s", "250ms", "1.5s", "0s"]


def test_a_second_apply_fails() -> None:
    apply(LogConfig())
    with pytest.raises(LogConfigError, match="already applied earlier, changing it is not allowed"):
        apply(LogConfig())


class Ref(NamedTuple):
    name: str
    namespace: str


def test_json_lines_to_the_letter() -> None:
    stream = io.StringIO()
    setup("json", 0, stream)
    twice = {"pairs": [("a", 1), ("a", 2), ("d", timedelta(seconds=5)), ("o", Ref("web", "shop")), ("n", Ref("x", ""))]}
    logging.getLogger("sampan").info("m", extra=twice)
    logging.getLogger("sampan.a.b").error("m", extra={"pairs": [("k", 1), (7, 2), ("never", 3)]})
    first, second = stream.getvalue().splitlines()
    said = first.partition('"msg":')[2]
    assert said == '"m","v":0,"a":1,"a":2,"d":"5s","o":{"name":"web","namespace":"shop"},"n":{"name":"x"}}'
    assert '"logger"' not in first
    assert '"logger":"a.b"' in second
    assert second.endswith('"msg":"m","k":1,"invalid key":7}')


def test_objects_in_text() -> None:
    stream = io.StringIO()
    setup("text", 0, stream)
    logger("x", pod=Ref("web", "shop"), node=Ref("n", ""), after=timedelta(seconds=5)).info("m")
    assert stream.getvalue().endswith('] "m" pod="shop/web" node="n" after="5s"\n')


def shown(stream: io.StringIO) -> list[str]:
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return [line.split('"')[1] for line in text.splitlines()]


def speak() -> None:
    for level in (3, 4):
        logging.getLogger("sampan.x").log(verbosity(level), f"V{level}")
    logging.getLogger("sampan.x").error("E")


def test_verbosity_at_run_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    apply(LogConfig(verbosity=3))
    speak()
    assert shown(stream) == ["V3", "E"]
    assert set_verbosity("4") == "successfully set klog.logging.verbosity to 4"
    speak()
    assert shown(stream) == ["V3", "V4", "E"]
    set_verbosity("0")
    speak()
    assert shown(stream) == ["E"]
    for bad in ("x", "", "-1", "4294967296", "2147483648", "٣"):
        with pytest.raises(ValueError, match="strconv"):
            set_verbosity(bad)


@pytest.mark.parametrize(("pattern", "heard"), [("test_log_*", True), ("other", False), ("*/obs/test_*", True)])
def test_vmodule(monkeypatch: pytest.MonkeyPatch, pattern: str, heard: bool) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    apply(LogConfig(vmodule=((pattern, 3),)))
    speak()
    assert shown(stream) == (["V3", "E"] if heard else ["E"])


def test_split_streams_and_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    handler = apply(LogConfig("json", json=Routing(True, "1M")), {ALPHA: True})
    logger("x").info("held")
    assert out.getvalue() == ""
    logger("x").error("bad")
    assert json.loads(out.getvalue())["msg"] == "held"
    assert json.loads(err.getvalue())["msg"] == "bad"
    logger("x").info("later")
    handler.flush()
    assert len(out.getvalue().splitlines()) == 2
