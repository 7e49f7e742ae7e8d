"""LoggingConfiguration, the one logging API of all commands: fields, defaults, validation with upstream's texts."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Format = Literal["text", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
MOST = 2**31 - 1
"""The highest verbosity."""
ALPHA, BETA = "LoggingAlphaOptions", "LoggingBetaOptions"
GATES = {ALPHA: False, BETA: True}
SECOND = 1_000_000_000
BUFFER_LIMIT = 2 * 1024**3
UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND,
         "h": 3600 * SECOND}  # fmt: skip
DURATION = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+")
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
SIZE = re.compile(r"(\d+)(|[kKMGTPE]|[KMGTPE]i)")
POWERS: dict[str, int] = {"": 1, **{u: 1000**n for n, u in enumerate("KMGTPE", 1)}, "k": 1000,
          **{f"{u}i": 1024**n for n, u in enumerate("KMGTPE", 1)}}  # fmt: skip


class LogConfigError(ValueError):
    """A configuration that cannot be used; the text is upstream's, all errors in it."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Options of one format: where lines go."""

    split_stream: bool = False
    info_buffer_size: str = "0"
    """A quantity: 512, 1K, 2Ki."""


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What LoggingConfiguration says. `flush` is as it was given: "5s", or nanoseconds as a number."""

    format: str = "text"
    flush: str | int = "5s"
    verbosity: int = 0
    vmodule: tuple[tuple[str, int], ...] = ()
    text: Routing = field(default_factory=Routing)
    json: Routing = field(default_factory=Routing)

    @property
    def flush_ns(self) -> int:
        """The flush frequency in nanoseconds."""
        return self.flush if isinstance(self.flush, int) else parse_duration(self.flush)

    def routing(self) -> Routing:
        """The options of the chosen format."""
        return self.json if self.format == "json" else self.text

    def document(self) -> dict[str, Any]:
        """As JSON: durations keep the form they came in."""
        made: dict[str, Any] = {"format": self.format, "flushFrequency": self.flush, "verbosity": self.verbosity}
        if self.vmodule:
            made["vmodule"] = [{"filePattern": pattern, "verbosity": level} for pattern, level in self.vmodule]
        made["options"] = {"text": _routing_document(self.text), "json": _routing_document(self.json)}
        return made


def _routing_document(routing: Routing) -> dict[str, Any]:
    made: dict[str, Any] = {"splitStream": True} if routing.split_stream else {}
    return {**made, "infoBufferSize": routing.info_buffer_size}


def parse_duration(text: str) -> int:
    """Go's `1h2m3.5s` in nanoseconds. Raises LogConfigError."""
    match = DURATION.fullmatch(text)
    if text in ("0", "+0", "-0"):
        return 0
    if not match:
        raise LogConfigError(f"time: invalid duration {json.dumps(text)}")
    total = sum(round(float(number) * UNITS[unit]) for number, unit in PART.findall(text))
    return -total if match[1] == "-" else total


def parse_size(text: str) -> int:
    """A quantity of bytes: 512, 1K, 2Ki, 3M. Raises LogConfigError."""
    match = SIZE.fullmatch(str(text))
    if not match:
        raise LogConfigError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    return int(match[1]) * POWERS[match[2]]


def parse_vmodule(text: str) -> tuple[tuple[str, int], ...]:
    """`pattern=N,...`; empty parts do not count. Raises LogConfigError."""
    found: list[tuple[str, int]] = []
    for part in text.split(","):
        if not part:
            continue
        pattern, mark, number = part.partition("=")
        if not mark or not pattern or not number:
            raise LogConfigError(f"{json.dumps(part)} does not have the pattern=N format")
        if not number.isdigit() or int(number) > MOST:
            raise LogConfigError(f"parsing verbosity in {json.dumps(part)}: not a number from 0 to {MOST}")
        found.append((pattern, int(number)))
    return tuple(found)


def parse_document(given: Any, path: str = "") -> LogConfig:
    """LoggingConfiguration as JSON or YAML has it, with defaults. Raises LogConfigError (unknown fields, types)."""
    where = path or "logging"
    _known(given, ("format", "flushFrequency", "verbosity", "vmodule", "options"), where)
    flush = given.get("flushFrequency") or "5s"
    if isinstance(flush, bool) or not isinstance(flush, str | int):
        raise LogConfigError(f"{where}.flushFrequency: expected a duration or nanoseconds")
    if isinstance(flush, str):
        parse_duration(flush)
    options = given.get("options") or {}
    _known(options, FORMATS, f"{where}.options")
    return LogConfig(
        format=_typed(given, "format", str, where) or "text",
        flush=flush,
        verbosity=_number(given.get("verbosity"), f"{where}.verbosity"),
        vmodule=_modules(given.get("vmodule") or (), f"{where}.vmodule"),
        text=_routing(options.get("text"), f"{where}.options.text"),
        json=_routing(options.get("json"), f"{where}.options.json"),
    )


def _modules(given: Any, where: str) -> tuple[tuple[str, int], ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise LogConfigError(f"{where}: expected a list")
    found: list[tuple[str, int]] = []
    for index, one in enumerate(given):
        _known(one, ("filePattern", "verbosity"), f"{where}[{index}]")
        pattern = _typed(one, "filePattern", str, f"{where}[{index}]") or ""
        found.append((pattern, _number(one.get("verbosity"), f"{where}[{index}].verbosity")))
    return tuple(found)


def _routing(given: Any, where: str) -> Routing:
    given = given or {}
    _known(given, ("splitStream", "infoBufferSize"), where)
    size = given.get("infoBufferSize", "0")
    if isinstance(size, bool) or not isinstance(size, str | int):
        raise LogConfigError(f"{where}.infoBufferSize: expected a quantity")
    parse_size(str(size))
    return Routing(bool(_typed(given, "splitStream", bool, where)), str(size))


def _known(given: Any, names: Sequence[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise LogConfigError(f"{where}: expected an object")
    unknown = sorted(str(name) for name in given if name not in names)
    if unknown:
        raise LogConfigError(f'unknown field "{where}.{unknown[0]}"')


def _typed(given: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise LogConfigError(f"{where}.{name}: expected {kind.__name__}")
    return value


def _number(value: Any, where: str) -> int:
    value = 0 if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise LogConfigError(f"{where}: expected a number from 0 to {2**32 - 1}")
    return value


def validate(
    config: LogConfig, gates: Mapping[str, bool] | None = None, path: str = "", flags: Sequence[str] = ()
) -> list[str]:
    """All that is wrong, in upstream's order and words.

    `path` is where the configuration is embedded; `flags` names those given flags that only the text format honours.
    """
    enabled = {**GATES, **(gates or {})}
    at = f"{path}." if path else ""
    errors: list[str] = []
    if config.flush_ns <= 0:
        errors.append(f"{at}flushFrequency: Invalid value: {config.flush_ns}: Must be greater than zero")
    if config.format != "text":
        given = f"{at}format: Invalid value: {json.dumps(config.format)}"
        errors += [f"{given}: Non-default format doesn't honor flag: {name}" for name in flags]
        if config.format not in FORMATS:
            errors.append(f"{given}: Unsupported log format")
        elif not enabled[BETA]:
            errors.append(f"{at}format: Forbidden: Log format {config.format} is disabled, see {BETA} feature")
    if config.verbosity > MOST:
        errors.append(f"{at}verbosity: Invalid value: {config.verbosity}: Must be <= {MOST}")
    if config.vmodule and config.format != "text":
        errors.append(f"{at}vmodule: Forbidden: Only supported for text log format")
    for index, (pattern, level) in enumerate(config.vmodule):
        one = f"{at}vmodule[{index}]"
        if not pattern:
            errors.append(f"{one}: Required value: File pattern must not be empty")
        if "=" in pattern or "," in pattern:
            shown = json.dumps(pattern)
            errors.append(f"{one}: Invalid value: {shown}: File pattern must not contain equal sign or comma")
        if level > MOST:
            errors.append(f"{one}: Invalid value: {level}: Must be <= {MOST}")
    return errors + _alpha(config, enabled[ALPHA], f"{at}options")


def _alpha(config: LogConfig, enabled: bool, at: str) -> list[str]:
    errors: list[str] = []
    for name, routing in (("text", config.text), ("json", config.json)):
        wanted = {"splitStream": routing.split_stream, "infoBufferSize": parse_size(routing.info_buffer_size) != 0}
        if not enabled:
            errors += [f"{at}.{name}.{k}: Forbidden: Feature {ALPHA} is disabled" for k, v in wanted.items() if v]
    return errors


def aggregate(errors: Sequence[str]) -> str:
    """Errors as one text: alone as it is, several in brackets, each once."""
    once = list(dict.fromkeys(errors))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]"
