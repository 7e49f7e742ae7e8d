"""Where a request carries its bearer token: in its Authorization, or among the subprotocols of a WebSocket."""

from typing import NamedTuple

from sampan.apiserver.authn.jwt import BadToken, decode
from sampan.net.http import Request
from sampan.net.websocket_handshake import offered, wants_websocket

PREFIX = "base64url.bearer.authorization.k8s.io."
PROTOCOL = "sec-websocket-protocol"
EXTRA_SPACE = "the provided Authorization header contains extra space before the bearer token, and is ignored"


class Bearer(NamedTuple):
    """The token, empty if there is none, and what its sender is to be warned of."""

    token: str
    warning: str = ""


def of_header(header: str) -> Bearer:
    """The token of an Authorization; what comes after it is not looked at."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not rest:
        return Bearer("")
    token = rest.partition(" ")[0]
    return Bearer(token, "" if token else EXTRA_SPACE)


def of_websocket(request: Request) -> str:
    """The token that a WebSocket's client offers as a subprotocol, beside another one. Raises BadToken."""
    if not wants_websocket(request.headers):
        return ""
    names = offered(request.headers)
    tokens = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
    if len(tokens) > 1:
        raise BadToken("multiple base64.bearer.authorization tokens specified")
    if not tokens or not tokens[0]:
        return ""
    try:
        if "=" in tokens[0]:
            raise ValueError("padded")
        token = decode(tokens[0]).decode()
    except ValueError as error:
        raise BadToken("invalid base64.bearer.authorization token") from error
    if len(names) == len(tokens):
        raise BadToken("missing additional subprotocol")
    return token


def without_token(request: Request) -> None:
    """Take the token out of the subprotocols, so that none further in sees it or chooses it."""
    rest = [name for name in offered(request.headers) if not name.startswith(PREFIX)]
    request.headers[PROTOCOL] = ", ".join(rest)
    if request.repeated is not None:
        request.repeated.pop(PROTOCOL, None)
