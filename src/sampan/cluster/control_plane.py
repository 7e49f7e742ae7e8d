"""The API server of a cluster, put together and listening."""

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from ssl import SSLContext

from sampan.aio.clock import Clock
from sampan.aio.tasks import Tasks
from sampan.api.errors import unavailable
from sampan.api.json import Obj
from sampan.api.names import parse_api_version
from sampan.apiserver.access_metrics import AccessMetrics
from sampan.apiserver.admission.chain import Chain, with_settings
from sampan.apiserver.admission.compose import compose
from sampan.apiserver.admission.outsiders import Means as OutsiderMeans
from sampan.apiserver.admission.plugins.pod_security import PodSecurity
from sampan.apiserver.admission.pod_security_metrics import PodSecurityMetrics
from sampan.apiserver.answer import refusal, status_response
from sampan.apiserver.app import App, Parts
from sampan.apiserver.authn.bootstrap_tokens import BootstrapTokens
from sampan.apiserver.authn.jwt import Signer
from sampan.apiserver.authn.legacy_tokens import LegacyTokens
from sampan.apiserver.authn.notes import TokenMetrics
from sampan.apiserver.authn.service_accounts import ServiceAccountTokens
from sampan.apiserver.authn.static import TokenFileError, parse_token_file
from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authorizer import KINDS, Authorizer
from sampan.apiserver.authz.metrics import DecisionMetrics
from sampan.apiserver.bootstrap import bootstrap, bootstrap_objects
from sampan.apiserver.connectors import Means, connectors
from sampan.apiserver.connectors.proxy import Proxy
from sampan.apiserver.context import UserInfo
from sampan.apiserver.filters.authn import Authn
from sampan.apiserver.filters.authz import Authz
from sampan.apiserver.legacy_tracking import Tracking
from sampan.apiserver.objects import StoredObjects
from sampan.apiserver.openid import KEYS, openid_pages
from sampan.apiserver.start import ensure
from sampan.client.local import LocalTransport
from sampan.cluster.access_options import Own
from sampan.cluster.accounts import token_settings
from sampan.cluster.auditing import Auditing, auditing
from sampan.cluster.authentication import Authenticators, authenticators
from sampan.cluster.authorization import Authorization
from sampan.cluster.config import ClusterConfig, ClusterError
from sampan.cluster.front_proxy import Fronts
from sampan.cluster.pki import FRONT_PROXY, KUBELET_CLIENT, Pair, Pki, apiserver_hosts
from sampan.cluster.pod_security import read_pod_security
from sampan.net.http import Request, Response
from sampan.net.http_client import HttpClient
from sampan.net.http_server import Server, serve
from sampan.net.tls import client_context, server_context
from sampan.obs.metrics import Metrics
from sampan.resources.build import builtin_resources
from sampan.store.base import Store
from sampan.store.compaction import compact_by_time


@dataclass(slots=True)
class ControlPlane:
    """A running API server."""

    app: App
    server: Server
    pki: Pki
    store: Store
    kubelets: HttpClient
    proxy: Proxy
    authorizer: Authorizer
    authenticators: Authenticators
    authorization: Authorization
    accounts: ServiceAccountTokens
    audit: Auditing
    tasks: Tasks = field(default_factory=Tasks)

    def transport(self, user: str, *groups: str) -> LocalTransport:
        """A way into the API for a part of this process."""
        agent = user.rpartition(":")[2]  # also the name of the field manager
        return LocalTransport(self.app, UserInfo(user, groups=(*groups, "system:authenticated")), agent)

    async def close(self) -> None:
        """Stop listening, then end everything."""
        await self.server.close()
        await self.tasks.cancel()
        await self.authenticators.close()
        await self.authorization.close()
        await self.kubelets.close()
        await self.proxy.close()
        await self.app.close()
        await self.audit.close()
        self.pki.signing_key()


async def start_control_plane(
    config: ClusterConfig, store: Store, pki: Pki, clock: Clock, say: Callable[[str], None]
) -> ControlPlane:
    """Build the server, listen, and make what a fresh cluster has. Raises ClusterError."""
    configuration = read_pod_security(config.pod_security_config)
    objects = StoredObjects(store)
    metrics, placeholder = Metrics(), _Late()
    authorizer = Authorizer(store, objects, DecisionMetrics(metrics))
    authorization = Authorization(config.authorization, authorizer, clock, metrics)
    rng = random.Random()  # names and uids need to be unlike, not secret
    tracking, token_metrics = Tracking(placeholder, clock), TokenMetrics(metrics)
    legacy = LegacyTokens(objects, token_metrics, tracking.mark)
    settings = token_settings(config.authentication)
    signer = cache(lambda: Signer(pki.signing_key()))
    tokens = ServiceAccountTokens(signer, objects, settings, legacy=legacy, metrics=token_metrics)
    bootstrap_tokens = BootstrapTokens(objects) if config.enable_bootstrap_token_auth else None
    more = authenticators(
        config.authentication, Own(settings.issuers, tokens.audiences), clock, metrics, trusting=authorization.lets_all
    )
    front, access = pki.front_proxy(), AccessMetrics(metrics)
    fronts = Fronts(config.authentication, pki, front)
    bearer = BearerTokens(_static_tokens(config), tokens, bootstrap_tokens, more.others)
    audit = auditing(config.audit, clock, rng, metrics)
    pki.begin_signing_key()
    kubelet_client = pki.client("apiserver-kubelet-client", KUBELET_CLIENT)
    kubelets = HttpClient(_kubelet_context(config, pki.ca.certificate, kubelet_client))

    proxy = Proxy(objects, kubelets, rng)
    version = config.kubernetes_version
    resources = builtin_resources(version)

    def identity() -> tuple[bytes, bytes]:
        pair = front.client(FRONT_PROXY.user, FRONT_PROXY)
        return pair.certificate, pair.key

    serving = pki.serving("apiserver", apiserver_hosts(config.host, config.service_cidr))
    context = server_context(serving.certificate, serving.key, fronts.trusted)
    try:
        server = await serve(placeholder, config.host, config.port, ssl=context, error=refusal)
    except OSError as error:
        await kubelets.close()
        await audit.close()
        raise ClusterError(_cannot_listen(config, error)) from error
    plugins = with_settings(PodSecurity(configuration, PodSecurityMetrics(metrics, int(version.split(".")[1]))))
    chain = Chain(objects, rng, plugins)
    admission, outsiders = compose(chain, OutsiderMeans(store, objects, clock, rng, metrics, authorizer), authorizer)
    parts = Parts(
        store=store,
        resources=resources,
        admission=admission,
        outsiders=outsiders,
        authn=lambda app: Authn(
            app,
            clock,
            tokens=bearer,
            may=authorizer.authorize,
            anonymous=more.anonymous,
            front=fronts.proxy,
            metrics=access,
        ),
        authz=lambda app: Authz(app, authorizer, clock, access),
        audit=audit.filter,
        connectors=connectors(Means(objects, bearer, authorizer, kubelets, version, proxy)),
        clock=clock,
        rng=rng,
        version=version,
        service_cidr=config.service_cidr,
        metrics=metrics,
        pages=openid_pages(
            tokens.signer,
            tokens.issuer,
            config.authentication.service_account_jwks_uri or f"https://{config.host}:{server.port}{KEYS}",
        ),
        identity=identity,
        address=f"{config.host}:{server.port}",
    )
    app = App(parts)
    placeholder.handler = app
    plane = ControlPlane(app, server, pki, store, kubelets, proxy, authorizer, more, authorization, tokens, audit)
    plane.tasks.start(compact_by_time(store, clock), "compaction")
    for plural in KINDS:
        plane.tasks.start(authorizer.run(plural), f"authorizer {plural}")
    for name, job in (*more.start(), *authorization.start()):
        plane.tasks.start(job, name)
    say("making the objects that every cluster has")

    async def create(obj: Obj) -> None:
        group, obj_version = parse_api_version(obj["apiVersion"])
        plural = next(r.mapping.plural for r in resources if (r.mapping.group, r.mapping.kind) == (group, obj["kind"]))
        await ensure(app.kit, group, obj_version, plural, obj)

    await app.start()
    await bootstrap([*bootstrap_objects(app.kit.live), fronts.told()], create)
    plane.tasks.start(tracking.run(app.kit), "tracking of tokens")
    return plane


class _Late:
    """A handler that is known only after the port is."""

    handler: App | None = None

    async def __call__(self, request: Request) -> Response:
        if self.handler is None:
            return status_response(request, unavailable("the server is starting"))
        return await self.handler(request)


def _kubelet_context(config: ClusterConfig, ca: bytes, client: Pair) -> SSLContext:
    """As whom nodes are asked, and who must have signed their certificates."""
    file = config.kubelet_certificate_authority
    try:
        trusted = ca if file is None else Path(file).read_bytes() if file else None
        return client_context(trusted, client.certificate, client.key, verify=trusted is not None)
    except OSError as error:
        raise ClusterError(f"--kubelet-certificate-authority {file}: {error.strerror or error}") from error


def _static_tokens(config: ClusterConfig) -> dict[str, UserInfo]:
    if config.token_auth_file is None:
        return {}
    try:
        return dict(parse_token_file(config.token_auth_file.read_text()))
    except OSError as error:
        raise ClusterError(f"--token-auth-file {config.token_auth_file}: {error.strerror}") from error
    except TokenFileError as error:
        raise ClusterError(f"--token-auth-file {config.token_auth_file}: {error}") from error


def _cannot_listen(config: ClusterConfig, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {config.port} of {config.host} is taken; choose another with --port (0 takes a free one)"
    return f"cannot listen on {config.host}:{config.port}: {error.strerror or error}"
