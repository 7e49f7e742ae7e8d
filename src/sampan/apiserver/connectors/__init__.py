"""CONNECTORS: subresources and reviews that are served by code of their own."""

from collections.abc import Mapping
from dataclasses import dataclass

from sampan.apiserver.authn.tokens import BearerTokens
from sampan.apiserver.authorizer import Authorizer
from sampan.apiserver.call import Connector
from sampan.apiserver.connectors.access import AccessReviews
from sampan.apiserver.connectors.logs import PodLogs
from sampan.apiserver.connectors.proxy import Proxy
from sampan.apiserver.connectors.streams import PodStreams
from sampan.apiserver.connectors.token_request import TokenRequests
from sampan.apiserver.connectors.tokens import TokenReviews
from sampan.apiserver.objects import StoredObjects
from sampan.net.http_client import HttpClient

AUTHENTICATION, AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Means:
    """What the connectors work with."""

    objects: StoredObjects
    tokens: BearerTokens
    authorizer: Authorizer
    kubelets: HttpClient
    version: str
    proxy: Proxy


def connectors(means: Means) -> Mapping[tuple[str, str, str], Connector]:
    """(group, plural, subresource) to handler."""
    assert means.tokens.accounts is not None
    requests = TokenRequests(means.objects, means.tokens.accounts, means.version)
    access = AccessReviews(means.authorizer)
    streams = PodStreams(means.objects, means.authorizer, means.kubelets, means.version)
    return {
        ("", "serviceaccounts", "token"): requests.request,
        (AUTHENTICATION, "tokenreviews", ""): TokenReviews(means.tokens).review,
        (AUTHENTICATION, "selfsubjectreviews", ""): access.who_am_i,
        (AUTHORIZATION, "subjectaccessreviews", ""): access.subject,
        (AUTHORIZATION, "localsubjectaccessreviews", ""): access.subject,
        (AUTHORIZATION, "selfsubjectaccessreviews", ""): access.self,
        (AUTHORIZATION, "selfsubjectrulesreviews", ""): access.rules,
        ("", "pods", "log"): PodLogs(means.objects, means.kubelets).read,
        ("", "pods", "exec"): streams.execute,
        ("", "pods", "attach"): streams.attach,
        ("", "pods", "portforward"): streams.forward,
        ("", "pods", "proxy"): means.proxy.pod,
        ("", "services", "proxy"): means.proxy.service,
        ("", "nodes", "proxy"): means.proxy.node,
    }
