"""The audit filter that the settings ask for."""

import random
from collections.abc import Callable

from sampan.aio.clock import Clock
from sampan.cluster.config import ClusterConfig, ClusterError
from sampan.net.http import Handler


def auditing(config: ClusterConfig, clock: Clock, rng: random.Random) -> Callable[[Handler], Handler] | None:
    """None without a policy or without a place for events. Raises ClusterError for a policy that is none."""
    if config.audit_policy_file is None or not config.audit_log_path:
        return None
    import yaml

    from sampan.apiserver.audit.log import AuditLog, LogOptions
    from sampan.apiserver.audit.policy import read_policy
    from sampan.apiserver.filters.audit import Audit

    path = config.audit_policy_file
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
    options = LogOptions(
        config.audit_log_path,
        config.audit_log_maxsize,
        config.audit_log_maxbackup,
        config.audit_log_maxage,
        config.audit_log_format == "legacy",
    )
    try:
        sink = AuditLog(options, clock.now)
    except OSError as error:
        raise ClusterError(f"the audit log {options.path} cannot be written: {error.strerror}") from error
    return lambda app: Audit(app, policy, sink, clock, rng)
