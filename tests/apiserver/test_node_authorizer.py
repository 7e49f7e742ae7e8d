"""What a node agent may, and why not."""

import pytest

from sampan.api.selectors import FieldRequirement
from sampan.apiserver.context import UserInfo
from sampan.apiserver.node_authorizer import decide, node_of
from sampan.apiserver.node_graph import NodeGraph
from sampan.apiserver.rbac import Attributes
from sampan.apiserver.selected import Selected

SLICES, LEASES, STORAGE = "resource.k8s.io", "coordination.k8s.io", "storage.k8s.io"
UNRELATED = "no relationship found between node 'n1' and this object"
OWN_VERBS = "can only get, create, update, patch, or delete"
SAME_NAME = "with the same name as the requesting node"
MINE = Selected((FieldRequirement("spec.nodeName", False, "n1"),))


@pytest.fixture(scope="module")
def graph() -> NodeGraph:
    """Node n1 runs the pod `p`, which needs everything called `x`."""
    made = NodeGraph()
    volumes = [
        {"name": "a", "secret": {"secretName": "x"}}, {"name": "b", "configMap": {"name": "x"}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "x"}},
    ]  # fmt: skip
    spec = {"nodeName": "n1", "serviceAccountName": "x", "volumes": volumes, "resourceClaims": []}
    made.put("pods", {"metadata": {"name": "p", "namespace": "ns"}, "spec": spec})
    claim = {"namespace": "ns", "name": "x"}
    made.put("persistentvolumes", {"metadata": {"name": "x"}, "spec": {"claimRef": claim}})
    made.put("volumeattachments", {"metadata": {"name": "x"}, "spec": {"nodeName": "n1"}})
    made.put("resourceslices", {"metadata": {"name": "x"}, "spec": {"nodeName": "n1"}})
    return made


def ask(verb: str, resource: str, name: str = "", group: str = "", namespace: str = "ns") -> Attributes:
    plural, _, subresource = resource.partition("/")
    return Attributes(verb, group, plural, subresource, namespace, name)


@pytest.mark.parametrize(
    "wanted",
    [
        *(ask(verb, kind, "x") for verb in ("get", "list", "watch") for kind in ("secrets", "configmaps")),
        ask("get", "serviceaccounts", "x"), ask("create", "serviceaccounts/token", "x"),
        ask("get", "persistentvolumeclaims", "x"), ask("patch", "persistentvolumeclaims/status", "x"),
        ask("get", "persistentvolumes", "x", namespace=""), ask("get", "volumeattachments", "x", STORAGE, ""),
        ask("get", "pods", "p"), ask("watch", "pods", "p"), Attributes("list", "", "pods", selected=MINE),
        ask("create", "pods"), ask("delete", "pods", "any"), ask("patch", "pods/status", "any"),
        ask("create", "pods/eviction", "any"),
        ask("get", "nodes", "n1", namespace=""), ask("watch", "nodes", "n1", namespace=""),
        ask("create", "nodes", namespace=""), ask("patch", "nodes", "n1", namespace=""),
        ask("update", "nodes/status", "n1", namespace=""),
        *(ask(verb, "leases", "n1", LEASES, "kube-node-lease") for verb in ("get", "update", "patch", "delete")),
        ask("create", "leases", "", LEASES, "kube-node-lease"),
        ask("get", "csinodes", "n1", STORAGE, ""), ask("create", "csinodes", "", STORAGE, ""),
        ask("create", "resourceslices", "", SLICES, ""), ask("delete", "resourceslices", "x", SLICES, ""),
        Attributes("deletecollection", SLICES, "resourceslices", selected=MINE),
        ask("list", "services"), ask("create", "events"), ask("create", "events", group="events.k8s.io"),
        ask("create", "certificatesigningrequests", group="certificates.k8s.io"),
        ask("list", "runtimeclasses", group="node.k8s.io"), ask("get", "csidrivers", "d", STORAGE, ""),
        ask("create", "tokenreviews", group="authentication.k8s.io"),
    ],
    ids=str,
)  # fmt: skip
def test_may(graph: NodeGraph, wanted: Attributes) -> None:
    assert decide(graph, "n1", wanted) == (True, "")


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (ask("get", "secrets", "other"), UNRELATED),
        (ask("list", "secrets"), "No Object name found"),
        (ask("list", "secrets", namespace=""), "can only read namespaced object of this type"),
        (ask("delete", "secrets", "x"), "can only read resources of this type"),
        (ask("get", "configmaps/status", "x"), "cannot read subresource"),
        (ask("get", "configmaps", "x", namespace="b"), UNRELATED),
        (ask("list", "persistentvolumeclaims", "x"), "can only get individual resources of this type"),
        (ask("get", "persistentvolumes/status", "x", namespace=""), "cannot get subresource"),
        (ask("get", "persistentvolumeclaims/status", "x"), "can only get/update/patch this type"),
        (ask("create", "serviceaccounts/token", "other"), UNRELATED),
        (ask("create", "serviceaccounts", ""), "can only create tokens for individual service accounts"),
        (ask("create", "serviceaccounts/x", "x"), "can only create token subresource of serviceaccount"),
        (ask("get", "pods", "other"), UNRELATED),
        (ask("list", "pods"), "can only list/watch pods with spec.nodeName field selector"),
        (
            Attributes("list", "", "pods", selected=Selected((FieldRequirement("spec.nodeName", False, "n2"),))),
            "can only list/watch pods with spec.nodeName field selector",
        ),
        (ask("patch", "pods", "p"), ""),
        (ask("get", "pods/log", "p"), ""),
        (ask("create", "pods/binding", "p"), ""),
        (ask("get", "nodes", "n2", namespace=""), "node 'n1' cannot read 'n2', only its own Node object"),
        (ask("list", "nodes", namespace=""), "node 'n1' cannot read all nodes, only its own Node object"),
        (ask("delete", "nodes", "n1", namespace=""), ""),
        (ask("list", "leases", group=LEASES), f"{OWN_VERBS} a node lease"),
        (ask("get", "leases", "n1", LEASES), 'can only access leases in the "kube-node-lease" system namespace'),
        (
            ask("update", "leases", "n2", LEASES, "kube-node-lease"),
            f"can only access node lease {SAME_NAME}",
        ),
        (ask("get", "csinodes", "n2", STORAGE, ""), f"can only access CSINode {SAME_NAME}"),
        (ask("list", "csinodes", "", STORAGE, ""), f"{OWN_VERBS} a CSINode"),
        (ask("get", "resourceslices", "y", SLICES, ""), UNRELATED),
        (
            ask("list", "resourceslices", "", SLICES, ""),
            "can only list/watch/deletecollection resourceslices with nodeName field selector",
        ),
        (ask("get", "namespaces", "ns"), ""),
        (ask("create", "roles", group="rbac.authorization.k8s.io"), ""),
        (Attributes("get", path="/metrics"), ""),
    ],
    ids=str,
)  # fmt: skip
def test_may_not(graph: NodeGraph, wanted: Attributes, why: str) -> None:
    assert decide(graph, "n1", wanted) == (False, why)


@pytest.mark.parametrize(
    ("user", "node"),
    [
        (UserInfo("system:node:n1", groups=("system:nodes",)), "n1"),
        (UserInfo("system:node:", groups=("system:nodes",)), ""),
        (UserInfo("system:node:n1"), None),
        (UserInfo("jane", groups=("system:nodes",)), None),
    ],
)
def test_which_node_somebody_is(user: UserInfo, node: str | None) -> None:
    assert node_of(user) == node
