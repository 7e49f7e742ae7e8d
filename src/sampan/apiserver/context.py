"""What the filters find out about a request, as records that travel with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NO_EXTRA: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks, as authentication found out."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_EXTRA)


ANONYMOUS = UserInfo("system:anonymous", groups=("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What is asked, as the URL says it (upstream: apiserver/pkg/endpoints/request)."""

    is_resource: bool
    verb: str
    """get list watch create update patch delete deletecollection; the lower-case method for non-resource paths."""
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    rest: tuple[str, ...] = ()
    """Path parts after the subresource (proxy)."""
