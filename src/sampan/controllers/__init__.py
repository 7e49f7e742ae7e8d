"""CONTROLLERS: the control loops, each an observe and a decide."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sampan.api.json import Obj
from sampan.api.names import RestMapping
from sampan.controllers import (
    account_token_cleaner,
    account_tokens,
    attach_detach,
    bootstrap_signer,
    cron_job,
    csr_approving,
    csr_cleaner,
    csr_signing,
    daemonset,
    deployment,
    device_taint,
    disruption,
    endpoints,
    endpointslice,
    ephemeral_volume,
    flow_schema,
    garbage,
    job,
    namespace,
    node_lifecycle,
    pod_gc,
    provisioner,
    pv_binder,
    replicaset,
    replication_controller,
    resource_claim,
    resource_quota,
    role_aggregation,
    root_ca,
    service_cidr,
    serviceaccount,
    statefulset,
    token_cleaner,
    ttl,
    ttl_after_finished,
    volume_expander,
    volume_protection,
)
from sampan.controllers.csr_certificate import Order
from sampan.reconcile.controller import Controller


def _no_authority(order: Order) -> bytes:
    raise ValueError("there is no CA that could sign")


def _no_key(account: Obj, secret: Obj) -> str:
    raise ValueError("there is no key that could sign")


@dataclass(frozen=True, slots=True)
class Settings:
    """What some controllers need to know of their cluster."""

    ca: str
    """The cluster's CA, PEM."""
    volume_root: str
    """Below it, local volumes are made."""
    kinds: Sequence[RestMapping]
    """All kinds that can be listed and deleted."""
    sign: Callable[[Order], bytes] = _no_authority
    """The cluster's CA: makes a certificate, or raises ValueError."""
    issue: Callable[[Obj, Obj], str] = _no_key
    """Signs the token of an account and a Secret, or raises ValueError."""


def controllers(settings: Settings) -> tuple[Controller, ...]:
    """All controllers of a cluster."""
    return (
        namespace.CONTROLLER,
        serviceaccount.CONTROLLER,
        account_tokens.controller(settings.ca, settings.issue),
        account_token_cleaner.CONTROLLER,
        root_ca.controller(settings.ca),
        garbage.controller(settings.kinds),
        replicaset.CONTROLLER,
        replication_controller.CONTROLLER,
        deployment.CONTROLLER,
        disruption.CONTROLLER,
        node_lifecycle.CONTROLLER,
        pv_binder.CONTROLLER,
        attach_detach.CONTROLLER,
        ephemeral_volume.CONTROLLER,
        resource_claim.CONTROLLER,
        device_taint.CONTROLLER,
        volume_protection.CLAIMS,
        volume_protection.VOLUMES,
        volume_protection.CLASSES,
        volume_expander.CONTROLLER,
        provisioner.controller(settings.volume_root),
        endpointslice.CONTROLLER,
        endpoints.CONTROLLER,
        pod_gc.CONTROLLER,
        role_aggregation.CONTROLLER,
        job.CONTROLLER,
        ttl.CONTROLLER,
        ttl_after_finished.CONTROLLER,
        statefulset.CONTROLLER,
        daemonset.CONTROLLER,
        resource_quota.CONTROLLER,
        cron_job.CONTROLLER,
        service_cidr.CONTROLLER,
        flow_schema.CONTROLLER,
        csr_approving.CONTROLLER,
        csr_signing.controller(settings.sign),
        csr_cleaner.CONTROLLER,
        bootstrap_signer.CONTROLLER,
        token_cleaner.CONTROLLER,
    )


NAMES = tuple(controller.name for controller in controllers(Settings("", "", ())))
