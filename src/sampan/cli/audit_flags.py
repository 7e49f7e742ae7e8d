"""The options of audit, with kube-apiserver's names."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from sampan.api.times import format_duration
from sampan.apiserver.audit.delivery import LOG, MODES, WEBHOOK, Delivery
from sampan.cli.durations import DURATION
from sampan.cluster.audit_options import AuditOptions

FILE = click.Path(path_type=Path)
ABOUT = {
    "batch_buffer_size": "Events that are held back at most; more are lost.",
    "batch_max_size": "Events in a batch at most.",
    "batch_max_wait": "After which a batch goes that is not full.",
    "batch_throttle_enable": "Whether batches are held back to the rate below.",
    "batch_throttle_qps": "Batches a second on average.",
    "batch_throttle_burst": "Batches at once.",
    "truncate_enabled": "Cut events and split batches that are too large.",
    "truncate_max_batch_size": "Bytes.",
    "truncate_max_event_size": "Bytes; larger ones lose what was sent and answered, or are lost.",
}
MODE = "batch: later, in batches; blocking: before the answer; blocking-strict: and refuse what cannot be told first."


def _delivery_flags(backend: str, defaults: Delivery) -> list[Any]:
    made = [
        click.option(
            f"--audit-{backend}-mode", type=click.Choice(MODES), default=defaults.mode, show_default=True, help=MODE
        )
    ]
    for name, about in ABOUT.items():
        default, flag = getattr(defaults, name), f"--audit-{backend}-{name.replace('_', '-')}"
        shown: dict[str, Any]
        if isinstance(default, bool):
            shown = {"type": bool, "is_flag": False, "flag_value": True, "default": default}
        elif name == "batch_max_wait":
            shown = {"type": DURATION, "default": format_duration(default)}
        else:
            shown = {"type": type(default), "default": default}
        made.append(click.option(flag, show_default=True, help=about, **shown))
    return made


AUDIT = (
    click.option("--audit-policy-file", type=FILE, help="An audit Policy (YAML)."),
    click.option("--audit-log-path", default="", help="Write audit events there; - is standard output."),
    click.option("--audit-log-format", type=click.Choice(("json", "legacy")), default="json", show_default=True),
    click.option("--audit-log-maxsize", type=click.IntRange(0), default=100, show_default=True, help="Megabytes."),
    click.option(
        "--audit-log-maxbackup", type=click.IntRange(0), default=100, show_default=True,
        help="Files that are kept; 0: all.",
    ),
    click.option(
        "--audit-log-maxage", type=click.IntRange(0), default=366, show_default=True,
        help="Days that they are kept; 0: for ever.",
    ),
    click.option("--audit-log-compress", is_flag=True, help="Compress files that were put aside (gzip)."),
    *_delivery_flags("log", LOG),
    click.option("--audit-webhook-config-file", type=FILE, help="A kubeconfig: post audit events there."),
    click.option(
        "--audit-webhook-initial-backoff", "--audit-webhook-batch-initial-backoff", type=DURATION, default="10s",
        show_default=True, help="After which a failed request is tried again.",
    ),
    *_delivery_flags("webhook", WEBHOOK),
)  # fmt: skip


def audit_options(options: dict[str, Any]) -> AuditOptions:
    """Those of the command line as a record."""
    plain = {field.name: options[field.name] for field in fields(AuditOptions) if field.name.startswith("audit_")}
    return AuditOptions(**plain, log=_delivery("log", options), webhook=_delivery("webhook", options))


def _delivery(backend: str, options: dict[str, Any]) -> Delivery:
    return Delivery(**{field.name: options[f"audit_{backend}_{field.name}"] for field in fields(Delivery)})
