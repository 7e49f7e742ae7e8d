"""Request lines as RequestInfos."""

import pytest

from sampan.apiserver.route import Routes, Unroutable, route


@pytest.mark.parametrize(
    ("line", "verb", "what"),
    [
        ("GET /api/v1/namespaces/a/pods/x", "get", ("", "v1", "a", "pods", "x", "")),
        ("GET /api/v1/namespaces/a/pods", "list", ("", "v1", "a", "pods", "", "")),
        ("GET /api/v1/pods", "list", ("", "v1", "", "pods", "", "")),
        ("GET /api/v1/pods?watch=1", "watch", ("", "v1", "", "pods", "", "")),
        ("GET /api/v1/pods?watch=false", "list", ("", "v1", "", "pods", "", "")),
        ("GET /api/v1/watch/pods", "watch", ("", "v1", "", "pods", "", "")),
        ("GET /api/v1/pods?fieldSelector=metadata.name%3Dx", "list", ("", "v1", "", "pods", "x", "")),
        ("POST /apis/apps/v1/namespaces/a/deployments", "create", ("apps", "v1", "a", "deployments", "", "")),
        (
            "PUT /apis/apps/v1/namespaces/a/deployments/x/scale",
            "update",
            ("apps", "v1", "a", "deployments", "x", "scale"),
        ),
        ("DELETE /api/v1/namespaces/a/pods", "deletecollection", ("", "v1", "a", "pods", "", "")),
        ("GET /api/v1/namespaces/a", "get", ("", "v1", "a", "namespaces", "a", "")),
        ("PUT /api/v1/namespaces/a/finalize", "update", ("", "v1", "a", "namespaces", "a", "finalize")),
        ("GET /api/v1/namespaces", "list", ("", "v1", "", "namespaces", "", "")),
        ("GET /api/v1/nodes/n%20m", "get", ("", "v1", "", "nodes", "n m", "")),
    ],
)
def test_resources(line: str, verb: str, what: tuple[str, ...]) -> None:
    method, _, target = line.partition(" ")
    path, _, query = target.partition("?")
    info = route(method, path, query)
    found = (info.group, info.version, info.namespace, info.resource, info.name, info.subresource)
    assert (info.is_resource, info.verb, found) == (True, verb, what)


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/apis", "/apis/apps/v1", "/healthz", "/openapi/v3/api/v1"])
def test_other_paths_are_no_resources(path: str) -> None:
    info = route("GET", path)
    assert (info.is_resource, info.verb, info.path) == (False, "get", path)


def test_watch_of_nothing_is_refused() -> None:
    with pytest.raises(Unroutable, match="unable to determine kind and namespace"):
        route("GET", "/api/v1/watch")


def test_remembered_routes_mind_the_query() -> None:
    routes = Routes()
    assert routes.find("GET", "/api/v1/pods", "").verb == "list"
    assert routes.find("GET", "/api/v1/pods", "watch=true").verb == "watch"
    assert routes.find("GET", "/api/v1/pods", "").verb == "list"
    assert routes.find("GET", "/api/v1/nodes/a", "x=y") == routes.find("GET", "/api/v1/nodes/a", "")


def test_encoded_slashes_are_slashes_and_leading_ones_count() -> None:
    found = route("GET", "/api/v1/namespaces/a/pods/x%2Flog")
    assert (found.name, found.subresource) == ("x", "log")
    assert not route("GET", "//api/v1/pods").is_resource
    assert route("GET", "/api/v1/namespaces/a/pods/%ff").name == "\udcff"
