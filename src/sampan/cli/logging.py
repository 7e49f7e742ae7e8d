"""The logging flags of all commands that run for long, and how they and a file make one LoggingConfiguration."""

from collections.abc import Mapping
from typing import Any

import click

from sampan.obs.log_config import FORMATS, LogConfig, LogConfigError, Routing, parse_document, parse_duration

SPLIT = "[alpha] Error messages to stderr, info messages to stdout; needs LoggingAlphaOptions."
BUFFER = "[alpha] Bytes of info messages to hold back when streams are split: 512, 1K, 2Ki."
FLAGS = (
    click.option("--logging-format", default=None, help=f"Permitted formats: {', '.join(sorted(FORMATS))}.  [text]"),
    click.option("--log-flush-frequency", default=None, help="How long info messages may be held back.  [5s]"),
    click.option("-v", "--v", type=click.IntRange(0, 2**31 - 1), default=None, help="How much is logged.  [0]"),
    click.option("--vmodule", default=None, help="pattern=N,...: more of some files (text format only)."),
    click.option("--log-text-split-stream", is_flag=True, default=None, help=SPLIT),
    click.option("--log-text-info-buffer-size", default=None, help=BUFFER),
    click.option("--log-json-split-stream", is_flag=True, default=None, help=SPLIT),
    click.option("--log-json-info-buffer-size", default=None, help=BUFFER),
)


def logging_flags(command: Any) -> Any:
    """Add FLAGS in their order."""
    for flag in reversed(FLAGS):
        command = flag(command)
    return command


def start_logging(options: Mapping[str, Any], given: Any = None, gates: Mapping[str, bool] | None = None) -> LogConfig:
    """Log by the flags, over a LoggingConfiguration that a file has. Raises click.UsageError."""
    from sampan.obs.log import apply

    try:
        config = from_flags(options, parse_document(given or {}, "logging"))
        apply(config, gates, "logging" if given else "")
    except LogConfigError as error:
        raise click.UsageError(str(error)) from error
    return config


def from_flags(options: Mapping[str, Any], base: LogConfig) -> LogConfig:
    """The flags that were given, over `base`. Raises LogConfigError."""
    from sampan.obs.log_config import parse_size, parse_vmodule

    def routing(name: str, below: Routing) -> Routing:
        split, size = options.get(f"log_{name}_split_stream"), options.get(f"log_{name}_info_buffer_size")
        if size is not None:
            parse_size(size)
        return Routing(below.split_stream if split is None else split, below.info_buffer_size if size is None else size)

    flush, modules = options.get("log_flush_frequency"), options.get("vmodule")
    if flush is not None:
        parse_duration(flush)
    return LogConfig(
        format=options.get("logging_format") or base.format,
        flush=base.flush if flush is None else flush,
        verbosity=base.verbosity if options.get("v") is None else options["v"],
        vmodule=base.vmodule if modules is None else parse_vmodule(modules),
        text=routing("text", base.text),
        json=routing("json", base.json),
    )
