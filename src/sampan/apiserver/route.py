"""A request line as a RequestInfo: which verb on which resource (upstream: apiserver's RequestInfoFactory)."""

from urllib.parse import unquote

from sampan.api.meta import is_path_segment
from sampan.api.selectors import SelectorError, parse_fields
from sampan.apiserver.context import RequestInfo
from sampan.apiserver.query import parse_query

VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
NAMESPACE_SUBRESOURCES = frozenset(("status", "finalize"))
CACHED = 8192


class Unroutable(Exception):
    """The path says too little to tell what is asked."""


def route(method: str, path: str, query: str = "") -> RequestInfo:
    """What is asked. `path` is still percent-encoded. Raises Unroutable.

    Bytes that are not UTF-8 become lone surrogates (PEP 383) in names: no object has such a name.
    """
    parts = (unquote(path, errors="surrogateescape") if "%" in path else path).strip("/").split("/")
    if len(parts) < 3 or parts[0] not in ("api", "apis") or path.startswith("//"):
        return RequestInfo(False, method.lower(), path)
    if parts[0] == "api":
        group, version, at = "", parts[1], 2
    elif len(parts) < 4:
        return RequestInfo(False, method.lower(), path)
    else:
        group, version, at = parts[1], parts[2], 3
    verb = VERBS.get(method, "")
    special = parts[at] in ("watch", "proxy")
    if special:
        if len(parts) == at + 1:
            raise Unroutable("unable to determine kind and namespace from url")
        verb = parts[at]
        at += 1
    namespace = ""
    if parts[at] == "namespaces" and len(parts) > at + 1:
        namespace = parts[at + 1]
        if len(parts) > at + 2 and parts[at + 2] not in NAMESPACE_SUBRESOURCES:
            at += 2
    resource = parts[at]
    name = parts[at + 1] if len(parts) > at + 1 else ""
    subresource = parts[at + 2] if len(parts) > at + 2 and not special else ""
    if not name:
        verb, name = _collection(verb, query)
    rest = tuple(parts[at + 2 if special else at + 3 :])
    return RequestInfo(True, verb, path, group, version, namespace, resource, subresource, name, rest)


def _collection(verb: str, query: str) -> tuple[str, str]:
    """The verb on a collection, and the one name it is narrowed to by a field selector."""
    if verb == "delete":
        return "deletecollection", ""
    if verb not in ("get", "watch") or not query:
        return ("list" if verb == "get" else verb), ""
    options = parse_query(query)
    if verb == "get":
        verb = "watch" if options.flag("watch") else "list"
    selector = options.get("fieldSelector")
    if "metadata.name" not in selector:
        return verb, ""
    try:
        name = parse_fields(selector).required("metadata.name") or ""
    except SelectorError:
        return verb, ""
    return verb, "" if is_path_segment(name) else name


class Routes:
    """`route`, remembered by method and path. Paths with a query are remembered too when it cannot change the verb."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], RequestInfo] = {}

    def find(self, method: str, path: str, query: str) -> RequestInfo:
        """The RequestInfo of a request line; raises Unroutable."""
        key = (method, path)
        found = self._known.get(key)
        if found is not None and (not query or found.verb not in ("list", "watch")):
            return found
        info = route(method, path, query)
        if not query:
            if len(self._known) >= CACHED:
                self._known.clear()
            self._known[key] = info
        return info
