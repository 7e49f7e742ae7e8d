"""Structured logs on one stream: klog's text or JSON lines, verbosity levels, and no secrets in either.

`logger("kubelet", pod="ns/web")` gives a logger bound to what it is about; further pairs go into `extra=pairs(...)`.
Text is klog's (`I0102 15:04:05.000000 PID file.py:12] "message" key="value"`), JSON is component-base's (ts, caller,
msg, v).
"""

import atexit
import fnmatch
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from sampan.obs.log_config import (
    BUFFER_LIMIT,
    FORMATS,
    MOST,
    Format,
    LogConfig,
    LogConfigError,
    Routing,
    aggregate,
    parse_size,
    validate,
)

__all__ = ("FORMATS", "MOST", "Format", "apply", "logger", "pairs", "redact", "set_verbosity", "setup", "verbosity")
ROOT = "sampan"
DEEPEST = logging.INFO - 1
"""The most talkative level that logging can hold: klog's V(19); all above it are one."""
PAIRS = "pairs"
HIDDEN = "<redacted>"
SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',]+"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
)
SECRET_KEYS = re.compile(r"(?i)(token|password|secret|privatekey|authorization)$")
LETTERS = {logging.ERROR: "E", logging.WARNING: "W", logging.CRITICAL: "F"}


def verbosity(level: int) -> int:
    """logging's level for klog's V(level): 0 is INFO, higher ones are more talkative."""
    return logging.INFO - max(0, min(DEEPEST, level))


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


class Output(logging.Handler):
    """Lines to stderr; with split streams, info to stdout (held back up to a size), everything else to stderr."""

    def __init__(self, config: LogConfig, errors: TextIO | None, infos: TextIO | None, *, split: bool) -> None:
        super().__init__()
        self._errors = errors or sys.stderr
        self._infos = (infos or sys.stdout) if split else self._errors
        routing = config.routing() if split else Routing()
        self._room = min(parse_size(routing.info_buffer_size), BUFFER_LIMIT)
        self._every = config.flush_ns / 1e9
        self._held: list[str] = []
        self._size, self._flushed = 0, time.monotonic()
        self.verbosity, self._modules = config.verbosity, config.vmodule
        self._known: dict[str, int] = {}
        self.setFormatter(JsonLines() if config.format == "json" else KlogText())

    @property
    def deepest(self) -> int:
        """The highest verbosity that any file has."""
        return max([self.verbosity, *(level for _, level in self._modules)])

    def change(self, level: int) -> None:
        """Another verbosity, from now on."""
        self.verbosity = level
        self._known.clear()

    def _wanted(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be shown: by its file's verbosity, which is looked up once."""
        level = logging.INFO - record.levelno
        if level <= 0 or level <= self.verbosity or not record.name.startswith(ROOT):
            return True
        if not self._modules:
            return False
        known = self._known.get(record.pathname)
        if known is None:
            known = self._known[record.pathname] = self._of_file(record.pathname)
        return level <= known

    def _of_file(self, name: str) -> int:
        """As klog: a pattern with a slash is for the whole path, others for the name; both without the suffix."""
        whole = name.removesuffix(".py")
        for pattern, level in self._modules:
            if fnmatch.fnmatchcase(whole if "/" in pattern else whole.rpartition("/")[2], pattern):
                return level
        return self.verbosity

    def emit(self, record: logging.LogRecord) -> None:
        """Write, or hold back, one record."""
        if not self._wanted(record):
            return
        try:
            line = self.format(record) + "\n"
            if record.levelno >= logging.WARNING or self._infos is self._errors:
                self.flush()
                self._errors.write(line)
                self._errors.flush()
                return
            self._held.append(line)
            self._size += len(line)
            if self._size >= self._room or time.monotonic() - self._flushed >= self._every:
                self.flush()
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Write what is held back."""
        self.acquire()
        try:
            held, self._held, self._size = self._held, [], 0
            self._flushed = time.monotonic()
            if held:
                self._infos.write("".join(held))
                self._infos.flush()
        finally:
            self.release()


_applied: list[tuple[LogConfig, Output]] = []


def apply(config: LogConfig, gates: Mapping[str, bool] | None = None, path: str = "") -> logging.Handler:
    """Check a configuration and log by it from now on; once in a program. Raises LogConfigError."""
    errors = validate(config, gates, path)
    if errors:
        raise LogConfigError(aggregate(errors))
    if _applied:
        raise LogConfigError("logging configuration was already applied earlier, changing it is not allowed")
    return _install(config)


def _install(config: LogConfig, stream: TextIO | None = None) -> Output:
    split = config.routing().split_stream and stream is None
    handler = Output(config, stream, None, split=split)
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, Output)]:
        old.flush()
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(verbosity(handler.deepest))
    if split:
        atexit.register(handler.flush)
    _applied[:] = [(config, handler)]
    return handler


def setup(format_: Format = "text", v: int = 0, stream: TextIO | None = None) -> logging.Handler:
    """Log all of this program, and other libraries' warnings, to `stream` (stderr), whatever was applied before.

    For commands without logging options, and for tests. Returns the handler.
    """
    return _install(LogConfig(format=format_, verbosity=v), stream)


def set_verbosity(text: str) -> str:
    """What PUT /debug/flags/v does: another verbosity while the program runs. Returns the answer; ValueError."""
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise ValueError(f"strconv.ParseUint: parsing {json.dumps(text)}: invalid syntax")
    level = int(text)
    if level >= 2**32:
        raise ValueError(f"strconv.ParseUint: parsing {json.dumps(text)}: value out of range")
    if level > MOST:
        raise ValueError(
            f'failed set klog.logging.verbosity {text}: strconv.ParseInt: parsing "{text}": value out of range'
        )
    for _, handler in _applied:
        handler.change(level)
        logging.getLogger(ROOT).setLevel(verbosity(handler.deepest))
    return f"successfully set klog.logging.verbosity to {text}"


def _pairs_of(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """The pairs of a record, all of them in their order; values of keys that name secrets are hidden."""
    found: Any = getattr(record, PAIRS, {})
    for key, value in found.items() if isinstance(found, Mapping) else found:
        if not isinstance(key, str):
            yield "invalid key", key
            return
        yield key, HIDDEN if SECRET_KEYS.search(key) else value


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
        said = "".join(f" {key}={_text(value)}" for key, value in _pairs_of(record))
        error = _error_of(record)
        return redact(
            f"{head} {json.dumps(record.getMessage(), ensure_ascii=False)}{said}" + (f"\n{error}" if error else "")
        )


class JsonLines(logging.Formatter):
    """One JSON object a line, as component-base writes them."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        name = record.name.removeprefix(ROOT).removeprefix(".")
        path = Path(record.pathname)
        info = record.levelno <= logging.INFO
        line: list[tuple[str, Any]] = [("ts", round(record.created * 1000, 3))]
        line += [("logger", name)] if name and name != "root" else []
        line += [("caller", f"{path.parent.name}/{path.name}:{record.lineno}"), ("msg", redact(record.getMessage()))]
        line += [("v", logging.INFO - record.levelno)] if info else []
        said = [(key, _plain(value)) for key, value in _pairs_of(record)]
        line += [(key, redact(value) if isinstance(value, str) else value) for key, value in said]
        error = _error_of(record)
        if error:
            line.append(("err", redact(str(record.exc_info[1] if record.exc_info else ""))))
            line.append(("stacktrace", redact(error)))
        return "{" + ",".join(f"{_compact(key)}:{_compact(value)}" for key, value in line) + "}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """A value as JSON holds it: durations as Go writes them, references to objects as name and namespace."""
    if isinstance(value, timedelta):
        return go_duration(value)
    if not isinstance(value, type) and isinstance(getattr(value, "name", None), str) and hasattr(value, "namespace"):
        return {"name": value.name, **({"namespace": value.namespace} if value.namespace else {})}
    if isinstance(value, BaseException):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _text(value: Any) -> str:
    """A value as klog's text has it: strings quoted, objects as "namespace/name"."""
    plain = _plain(value)
    if isinstance(plain, dict):
        plain = f"{plain['namespace']}/{plain['name']}" if "namespace" in plain else plain["name"]
    return json.dumps(plain, ensure_ascii=False)


def go_duration(value: timedelta) -> str:
    """`1h2m3.5s`, `5s`, `250ms`, as Go prints a duration."""
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    if micros == 0:
        return "0s"
    if micros < 1_000_000:
        return f"{sign}{micros}µs" if micros < 1000 else f"{sign}{micros / 1000:g}ms"
    minutes, rest = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest // 1_000_000}" + (f".{rest % 1_000_000:06}".rstrip("0") if rest % 1_000_000 else "")
    return sign + (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{seconds}s"
