"""Structured logs on one stream: klog's text or JSON lines, verbosity levels, and no secrets in either.

`logger("kubelet", pod="ns/web")` gives a logger bound to what it is about; further pairs go into `extra=pairs(...)`.
Text is klog's (`I0102 15:04:05.000000 PID file.py:12] "message" key="value"`), JSON is component-base's (ts, caller,
msg, v).
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = ("text", "json")
ROOT = "sampan"
MOST = 9
"""The highest verbosity."""
PAIRS = "pairs"
HIDDEN = "<redacted>"
SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)
SECRET_KEYS = re.compile(r"(?i)(token|password|secret|privatekey|authorization)$")
LETTERS = {logging.ERROR: "E", logging.WARNING: "W"}


def verbosity(level: int) -> int:
    """logging's level for klog's V(level): 0 is INFO, 9 the most talkative."""
    return logging.INFO - max(0, min(MOST, level))


def redact(text: str) -> str:
    """The text without bearer tokens, web tokens and private keys."""
    for pattern, shown in SECRETS:
        text = pattern.sub(shown, text)
    return text


def pairs(**values: Any) -> dict[str, Any]:
    """Keys and values of one message: `log.info("started", extra=pairs(pod=name))`."""
    return {PAIRS: values}


class Bound(logging.LoggerAdapter[logging.Logger]):
    """A logger whose messages all carry the same pairs."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """The message with these pairs before its own."""
        extra = dict(kwargs.get("extra") or {})
        extra[PAIRS] = {**(self.extra or {}), **extra.get(PAIRS, {})}
        return msg, {**kwargs, "extra": extra}


def logger(name: str, **about: Any) -> Bound:
    """The logger of a part (`kubelet` is `sampan.kubelet`), bound to what it is about."""
    return Bound(logging.getLogger(f"{ROOT}.{name}"), about)


def setup(format_: Format = "text", v: int = 0, stream: TextIO | None = None) -> logging.Handler:
    """Send all logs of this program, and other libraries' warnings, to `stream` (stderr). Returns the handler.

    Called again, it replaces what it set up before.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format_ == "json" else KlogText())
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, KlogText | JsonLines)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(verbosity(v))
    return handler


def _pairs_of(record: logging.LogRecord) -> Mapping[str, Any]:
    """The pairs of a record; values of keys that name secrets are hidden."""
    found: Mapping[str, Any] = getattr(record, PAIRS, {})
    return {key: HIDDEN if SECRET_KEYS.search(key) else value for key, value in found.items()}


def _error_of(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return "".join(traceback.format_exception(record.exc_info[1])).rstrip()


class KlogText(logging.Formatter):
    """klog's text format; a traceback follows in lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%m%d %H:%M:%S.%f")
        letter = LETTERS.get(record.levelno, "I" if record.levelno < logging.WARNING else "E")
        head = f"{letter}{when} {record.process:>7} {record.filename}:{record.lineno}]"
        said = "".join(f" {key}={json.dumps(_plain(value))}" for key, value in _pairs_of(record).items())
        error = _error_of(record)
        return redact(
            f"{head} {json.dumps(record.getMessage(), ensure_ascii=False)}{said}" + (f"\n{error}" if error else "")
        )


class JsonLines(logging.Formatter):
    """One JSON object a line, as component-base writes them."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        line: dict[str, Any] = {
            "ts": round(record.created * 1000, 3),
            "logger": record.name.removeprefix(f"{ROOT}."),
            "caller": f"{record.filename}:{record.lineno}",
            "msg": redact(record.getMessage()),
        }
        if record.levelno <= logging.INFO:
            line["v"] = logging.INFO - record.levelno
        else:
            line["level"] = "warning" if record.levelno == logging.WARNING else "error"
        for key, value in _pairs_of(record).items():
            line.setdefault(key, redact(value) if isinstance(value, str) else _plain(value))
        error = _error_of(record)
        if error:
            line["err"] = redact(str(record.exc_info[1] if record.exc_info else ""))
            line["stacktrace"] = redact(error)
        return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)
