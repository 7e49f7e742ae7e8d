"""The audit filter that the settings ask for."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sampan.aio.clock import Clock
from sampan.apiserver.audit.backend import AuditMetrics, Backend, Forgiving, Several
from sampan.apiserver.audit.delivery import BATCH, STRICT, Delivery, errors_of
from sampan.cluster.audit_options import AuditOptions
from sampan.cluster.config import ClusterError
from sampan.net.http import Handler
from sampan.obs.metrics import Metrics


@dataclass(slots=True)
class Auditing:
    """The filter, None if nothing is audited; and how it ends."""

    filter: Callable[[Handler], Handler] | None = None
    backend: Backend | None = None
    hurries: list[Callable[[], None]] = field(default_factory=list)

    async def close(self) -> None:
        """Store what is held back; what cannot be stored now is not tried again."""
        for hurry in self.hurries:
            hurry()
        if self.backend is not None:
            await self.backend.close()


def auditing(options: AuditOptions, clock: Clock, rng: random.Random, metrics: Metrics) -> Auditing:
    """Nothing without a policy or without a place for events. Raises ClusterError for settings that cannot be."""
    counts = AuditMetrics(metrics)
    if options.audit_policy_file is None or not (options.audit_log_path or options.audit_webhook_config_file):
        return Auditing()
    import yaml

    from sampan.apiserver.audit.policy import read_policy
    from sampan.apiserver.filters.audit import Audit

    path = options.audit_policy_file
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ClusterError(f"the audit policy {path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ClusterError(f"{path}: not YAML: {error}") from error
    policy, errors = read_policy(document)
    if errors:
        said = "; ".join(f"{error.field}: {error.message}" for error in errors)
        raise ClusterError(f"{path}: {said}")
    made = Auditing()
    backends = []
    if options.audit_log_path:
        _check("log", options.log)
        backends.append(delivered(_log(options, clock, counts), "log", options.log, clock, counts))
    if options.audit_webhook_config_file is not None:
        _check("webhook", options.webhook)
        webhook = _webhook(options, clock, rng, counts, made)
        backends.append(delivered(webhook, "webhook", options.webhook, clock, counts))
    backend = made.backend = backends[0] if len(backends) == 1 else Several(backends)
    made.filter = lambda app: Audit(app, policy, backend, clock, rng, counts)
    return made


def _check(plugin: str, delivery: Delivery) -> None:
    wrong = list(errors_of(plugin, delivery))
    if wrong:
        raise ClusterError("; ".join(wrong))


def _log(options: AuditOptions, clock: Clock, counts: AuditMetrics) -> Backend:
    from sampan.apiserver.audit.log import AuditLog, LogOptions

    settings = LogOptions(
        options.audit_log_path,
        options.audit_log_maxsize,
        options.audit_log_maxbackup,
        options.audit_log_maxage,
        options.audit_log_format == "legacy",
        options.audit_log_compress,
    )
    try:
        return AuditLog(settings, clock.now, counts)
    except OSError as error:
        raise ClusterError(f"the audit log {settings.path} cannot be written: {error.strerror}") from error


def _webhook(options: AuditOptions, clock: Clock, rng: random.Random, counts: AuditMetrics, made: Auditing) -> Backend:
    from sampan.apiserver.audit.webhook import Webhook
    from sampan.client.http import credentials, http_client
    from sampan.client.kubeconfig import KubeconfigError, load_kubeconfig

    path = options.audit_webhook_config_file
    assert path is not None
    try:
        access = load_kubeconfig(path)
        http = http_client(access)
    except (KubeconfigError, OSError) as error:
        raise ClusterError(f"initializing audit webhook: {error}") from error
    backoff = options.audit_webhook_initial_backoff
    webhook = Webhook(http, access.server, credentials(access), backoff, clock, rng, counts)
    made.hurries.append(webhook.hurry)
    return webhook


def delivered(backend: Backend, plugin: str, delivery: Delivery, clock: Clock, counts: AuditMetrics) -> Backend:
    """The backend behind its mode, and behind what cuts events."""
    if delivery.mode == BATCH:
        from sampan.apiserver.audit.batch import Buffered

        backend = Buffered(backend, delivery, clock, counts, apart=plugin == "webhook")
    elif delivery.mode != STRICT:
        backend = Forgiving(backend)
    if delivery.truncate_enabled:
        from sampan.apiserver.audit.truncate import Truncating

        backend = Truncating(backend, delivery.truncate_max_event_size, delivery.truncate_max_batch_size, counts)
    return backend
