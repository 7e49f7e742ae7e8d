"""pytest fixtures: a real Kubernetes cluster in this process, for tests.

| fixture          | what it is                                                                     |
|------------------|--------------------------------------------------------------------------------|
| `cluster`        | one `sampan.Cluster` for the whole run (one for each worker of pytest-xdist)     |
| `fresh_cluster`  | a `sampan.Cluster` for this test alone                                         |
| `kube_namespace` | the name of a namespace of `cluster` for this test alone; gone afterwards      |

Options: `--sampan-nodes`, `--sampan-kubernetes-version`, `--sampan-runtime`. Nothing is started, nor even imported,
before a test asks for it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from sampan.cluster.cluster import Cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("sampan", "Kubernetes clusters for tests")
    group.addoption("--sampan-nodes", type=int, default=1, help="Nodes of each cluster; default: 1.")
    group.addoption("--sampan-kubernetes-version", default="", help="1.25 to 1.37; default: the newest.")
    group.addoption("--sampan-runtime", default="simulated", help="simulated (the default) or unix://SOCKET.")


def _made(config: pytest.Config) -> "Cluster":
    from sampan.cluster.cluster import Cluster
    from sampan.cluster.config import DEFAULT_VERSION, parse_version

    version = config.getoption("--sampan-kubernetes-version") or DEFAULT_VERSION
    return Cluster(
        nodes=config.getoption("--sampan-nodes"),
        runtime=config.getoption("--sampan-runtime"),
        kubernetes_version=parse_version(version),
    )


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> "Iterator[Cluster]":
    """A running cluster that all tests of this run share. Use `kube_namespace` to keep out of each other's way."""
    with _made(pytestconfig) as made:
        yield made


@pytest.fixture
def fresh_cluster(pytestconfig: pytest.Config) -> "Iterator[Cluster]":
    """A running cluster for this test alone."""
    with _made(pytestconfig) as made:
        yield made


@pytest.fixture
def kube_namespace(cluster: "Cluster") -> Iterator[str]:
    """A namespace of the shared cluster for this test alone."""
    from sampan.api.names import ObjectRef
    from sampan.resources.kinds import NAMESPACES

    api = cluster.client()
    name = f"test-{uuid4().hex[:8]}"
    api.create(NAMESPACES, {"metadata": {"name": name}})
    yield name
    api.delete(ObjectRef(NAMESPACES, "", name))
