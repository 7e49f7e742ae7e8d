"""What is audited and where events go: kube-apiserver's options of audit, as a frozen record."""

from dataclasses import dataclass, field
from pathlib import Path

from sampan.apiserver.audit.delivery import LOG, WEBHOOK, Delivery


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Each but the deliveries is an option of `sampan up` of the same name; of those, each field is one
    (`--audit-log-mode`, `--audit-webhook-batch-max-size`, ...)."""

    audit_policy_file: Path | None = None
    """An audit Policy; without it nothing is audited."""
    audit_log_path: str = ""
    """Where events are written; - is standard output; empty: nowhere."""
    audit_log_format: str = "json"
    """json, or legacy: lines for people."""
    audit_log_maxsize: int = 100
    """Megabytes, then the file is put aside; 0: never."""
    audit_log_maxbackup: int = 100
    """So many files that were put aside are kept; 0: all."""
    audit_log_maxage: int = 366
    """For so many days; 0: for ever."""
    audit_log_compress: bool = False
    audit_webhook_config_file: Path | None = None
    """A kubeconfig: where events are posted to, and as whom."""
    audit_webhook_initial_backoff: float = 10.0
    """Seconds before a failed request is tried again for the first time."""
    log: Delivery = field(default=LOG)
    webhook: Delivery = field(default=WEBHOOK)
