"""The chain of authorizers that the settings ask for; what is heavy is imported when it is asked for."""

import random
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.authz.decision import Link
from sampan.apiserver.authz.records import TYPES, WEBHOOK, Configured, Webhook
from sampan.cluster.access_options import AuthorizationOptions
from sampan.cluster.config import ClusterError
from sampan.cluster.jobs import Job, server_id
from sampan.obs.metrics import Metrics

if TYPE_CHECKING:
    from sampan.apiserver.authz.metrics import WebhookMetrics
    from sampan.apiserver.review_caller import ReviewCaller

OWN = ("Node", "RBAC")
"""These must be in a file from the start, or never."""
OUTLIVE = 60.0
"""Seconds that the connections of a chain that was replaced stay open for what is under way."""


class Authorization:
    """Gives the authorizer its chain. Raises ClusterError for settings that cannot be used."""

    def __init__(self, options: AuthorizationOptions, authorizer: Authorizer, clock: Clock, metrics: Metrics) -> None:
        self._path, self._authorizer = options.authorization_config, authorizer
        self._clock, self._metrics = clock, metrics
        self._tasks = Tasks()
        self._counts: WebhookMetrics | None = None
        self._data, self._chain = _configured(options)
        self._needed = {one.type for one in self._chain if one.type != WEBHOOK}
        authorizer.chain, self._callers = self._links(self._chain)

    @property
    def lets_all(self) -> bool:
        """Whether the flags ask for AlwaysAllow: then nobody may come without credentials."""
        return self._path is None and any(one.type == "AlwaysAllow" for one in self._chain)

    def start(self) -> Sequence[Job]:
        """What is to be run."""
        if self._path is None:
            return ()
        from sampan.apiserver.config_reload import ConfigReload, ReloadMetrics

        metrics = ReloadMetrics(self._metrics, "authorization", server_id(), self._clock)
        return (("authorization configuration", ConfigReload(self._path, self._data, self._use, metrics).run()),)

    async def close(self) -> None:
        """End all connections."""
        await self._tasks.cancel()
        for one in self._callers:
            await one.close()

    async def _use(self, data: bytes) -> None:
        from sampan.apiserver.authz.configuration import load
        from sampan.apiserver.config_shape import ConfigFileError

        chain = load(data, self._needed)
        if chain == self._chain:
            return
        for one in chain:
            if one.type in OWN and one.type not in self._needed:
                said = "is not allowed if it was not enabled at initial server startup"
                raise ConfigFileError(f"authorizer type {one.type} {said}")
        try:
            links, callers = self._links(chain)
        except ClusterError as error:
            raise ConfigFileError(str(error)) from None
        old, self._chain = list(self._callers), chain
        self._callers += callers
        self._authorizer.chain = links
        self._tasks.start(self._retire(old), "retired authorizers")

    async def _retire(self, callers: "list[ReviewCaller]") -> None:
        await self._clock.sleep(OUTLIVE)
        for one in callers:
            self._callers.remove(one)
            await one.close()

    def _links(self, chain: Sequence[Configured]) -> "tuple[tuple[Link, ...], list[ReviewCaller]]":
        links: list[Link] = []
        callers: list[ReviewCaller] = []
        for one in chain:
            if one.webhook is None:
                if one.type == "ABAC":
                    raise ClusterError("invalid authorization config: open : no such file or directory")
                links.append(self._authorizer.link(one.type))
                continue
            link, caller = self._webhook(one)
            links.append(link)
            callers.append(caller)
        return tuple(links), callers

    def _webhook(self, one: Configured) -> "tuple[Link, ReviewCaller]":
        from sampan.apiserver.authz.metrics import WebhookMetrics
        from sampan.apiserver.authz.webhook import SHAPE, WebhookAuthorizer
        from sampan.apiserver.review_caller import ReviewCaller
        from sampan.cluster.review_endpoint import review_endpoint

        assert one.webhook is not None
        if self._counts is None:
            self._counts = WebhookMetrics(self._metrics)
        made = WebhookAuthorizer(one.name, one.webhook, self._clock, self._counts)
        endpoint, rng = review_endpoint(one.webhook.kubeconfig), random.Random()
        made.caller = ReviewCaller(endpoint, SHAPE, self._clock, rng, timeout=one.webhook.timeout, said=made.said)
        return Link(one.type, one.name, made.authorize), made.caller


def _configured(options: AuthorizationOptions) -> tuple[bytes, tuple[Configured, ...]]:
    """The content of the file, if there is one, and the chain."""
    if options.authorization_config is None:
        return b"", _of_flags(options)
    given = [one.name for one in fields(options) if getattr(options, one.name) != one.default]
    if given != ["authorization_config"]:
        raise ClusterError(
            "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags "
            "are defined"
        )
    from sampan.apiserver.authz.configuration import load
    from sampan.apiserver.config_file import read_bytes
    from sampan.apiserver.config_shape import ConfigFileError

    try:
        data = read_bytes(options.authorization_config)
        return data, load(data)
    except ConfigFileError as error:
        raise ClusterError(str(error)) from None


def _of_flags(options: AuthorizationOptions) -> tuple[Configured, ...]:
    modes = [mode.strip() for mode in options.authorization_mode.split(",") if mode.strip()]
    kubeconfig = options.authorization_webhook_config_file
    _check_modes(modes, kubeconfig)
    webhook = None
    if kubeconfig is not None:
        version = options.authorization_webhook_version
        if version not in ("v1", "v1beta1"):
            said = f'unsupported webhook authorizer version "{version}", supported versions are "v1", "v1beta1"'
            raise ClusterError(f"invalid authorization config: {said}")
        webhook = Webhook(
            kubeconfig, version, options.authorization_webhook_cache_authorized_ttl,
            options.authorization_webhook_cache_unauthorized_ttl,
        )  # fmt: skip
    return tuple(
        Configured(mode, "default", webhook) if mode == WEBHOOK else Configured(mode, mode.lower()) for mode in modes
    )


def _check_modes(modes: list[str], kubeconfig: Path | None) -> None:
    wrong: list[str] = []
    if not modes:
        wrong.append("at least one authorization-mode must be passed")
    for mode in modes:
        if mode not in TYPES:
            wrong.append(f'authorization-mode "{mode}" is not a valid mode')
        if mode == "ABAC":
            wrong.append("authorization-mode ABAC's authorization policy file not passed")
        if mode == WEBHOOK and kubeconfig is None:
            wrong.append("authorization-mode Webhook's authorization config file not passed")
    if kubeconfig is not None and "Webhook" not in modes:
        wrong.append("cannot specify --authorization-webhook-config-file without mode Webhook")
    if len(set(modes)) != len(modes):
        shown = " ".join(f'"{mode}"' for mode in modes)
        wrong.append(f"authorization-mode [{shown}] has mode specified more than once")
    if wrong:
        raise ClusterError(wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]")
